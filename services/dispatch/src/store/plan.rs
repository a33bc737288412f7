//! Rows of plans, of their visits, and of how far they are.

use chrono::{DateTime, Utc};
use common::{
    db::{Db, Tx},
    error::{Error, Result},
    reach::{Owned, Owner, Reach, Scoped},
    record::Changed,
    service::Call,
    store::{self, Table, set},
    timer,
};
use sea_orm::{Condition, QueryOrder as _, QuerySelect as _, entity::prelude::*, sea_query::OnConflict};

use crate::domain::{
    PlanId,
    plan::{Plan, State},
    plan_visit::PlanVisit,
};

/// The timer of a worker that was lost.
pub(crate) const WATCHDOG: &str = "plan_watchdog";
/// A worker that did not say anything for this long is lost.
pub(crate) const LOST_AFTER: chrono::Duration = chrono::Duration::seconds(60);
/// Rows of one statement: below the number of parameters that both databases take.
const CHUNK: usize = 500;

/// The table `plan`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// A plan; the body is the truth.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "plan")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub version: i64,
        pub number: String,
        pub state: String,
        pub org_unit_id: String,
        pub running_scope: Option<String>,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `plan_visit`.
pub(crate) mod visit {
    use sea_orm::entity::prelude::*;

    /// One visit of a plan.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "plan_visit")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub plan_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub place: i32,
        pub work_order_id: String,
        pub kind: String,
        pub consent: bool,
        #[sea_orm(column_type = "JsonBinary")]
        pub body: Json,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The table `plan_progress`.
pub(crate) mod progress {
    use sea_orm::entity::prelude::*;

    /// How far a plan is.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "plan_progress")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub plan_id: String,
        pub at: DateTimeUtc,
        pub seconds: f64,
        pub iterations: i64,
        pub cost: i64,
        pub unassigned: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl Owned for entity::Entity {
    fn within(reach: &Reach) -> Condition {
        Owner::unit(entity::Column::OrgUnitId).within(reach)
    }
}

impl Table for entity::Entity {
    type Record = Plan;
    const ID: entity::Column = entity::Column::Id;
    const VERSION: entity::Column = entity::Column::Version;

    fn row(plan: &Plan) -> Result<entity::ActiveModel> {
        let computed = plan.state == State::Running || (plan.state == State::Stopped && plan.outcome.is_none());
        Ok(entity::ActiveModel {
            id: set(plan.id.to_string()),
            version: set(plan.version),
            number: set(plan.number.clone()),
            state: set(plan.state.name().to_owned()),
            org_unit_id: set(plan.wish.org_unit_id.clone()),
            running_scope: set(computed.then(|| plan.wish.scope())),
            created_at: set(plan.created_at),
            updated_at: set(plan.updated_at),
            body: set(store::body(plan)?),
        })
    }

    fn record(row: entity::Model) -> Result<Plan> {
        store::from_body(row.body)
    }
}

/// The plan of that id.
pub(crate) async fn load(on: &impl Scoped, id: &PlanId) -> Result<Plan> {
    store::load::<entity::Entity>(on, id.as_str()).await
}

/// The plan of that id, if there is one.
pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<Plan>> {
    store::find::<entity::Entity>(on, id).await
}

/// The plan that is computed for a scope.
pub(crate) async fn running(on: &impl Scoped, scope: &str) -> Result<Option<Plan>> {
    let row = entity::Entity::find().filter(entity::Column::RunningScope.eq(scope)).one(on).await?;
    row.map(<entity::Entity as Table>::record).transpose()
}

/// Adds a plan that is going to be computed.
pub(crate) async fn insert(tx: &Tx, call: &Call, plan: Plan) -> Result<Plan> {
    let changed = Changed::new(plan, "start", "", "");
    let event = super::event(&changed);
    let plan = store::insert::<entity::Entity, _>(tx, call, changed.record, "start", "", &event).await?;
    timer::schedule(tx, WATCHDOG, plan.id.as_str(), call.now + LOST_AFTER).await?;
    Ok(plan)
}

/// Saves a change; a plan that is not computed any more needs no watchdog.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<Plan>) -> Result<Plan> {
    let event = super::event(&changed);
    let plan = store::save::<entity::Entity, _>(tx, call, changed, &event).await?;
    if plan.outcome.is_some() || plan.state == State::Failed {
        timer::cancel(tx, WATCHDOG, plan.id.as_str()).await?;
    }
    Ok(plan)
}

/// Says how far a plan is and that its worker lives; says the state that the plan has meanwhile.
pub(crate) async fn beat(db: &Db, row: progress::Model) -> Result<Option<State>> {
    let tx = db.begin().await?;
    let Some(plan) = find(&tx, &row.plan_id).await? else { return Ok(None) };
    let (id, at) = (row.plan_id.clone(), row.at);
    use progress::Column;
    let known = OnConflict::column(Column::PlanId)
        .update_columns([Column::At, Column::Seconds, Column::Iterations, Column::Cost, Column::Unassigned])
        .to_owned();
    let row = progress::ActiveModel {
        plan_id: set(row.plan_id),
        at: set(row.at),
        seconds: set(row.seconds),
        iterations: set(row.iterations),
        cost: set(row.cost),
        unassigned: set(row.unassigned),
    };
    progress::Entity::insert(row).on_conflict(known).exec_without_returning(&tx).await?;
    if plan.outcome.is_none() && plan.state != State::Failed {
        timer::schedule(&tx, WATCHDOG, &id, at + LOST_AFTER).await?;
    }
    tx.commit().await?;
    Ok(Some(plan.state))
}

/// How far a plan is.
pub(crate) async fn progress(on: &impl Scoped, id: &str) -> Result<Option<progress::Model>> {
    Ok(progress::Entity::find_by_id(id.to_owned()).one(on).await?)
}

/// Writes the visits of a computed plan, in the order of the comparison.
pub(crate) async fn write_visits(tx: &Tx, id: &PlanId, visits: &[PlanVisit]) -> Result<()> {
    visit::Entity::delete_many().filter(visit::Column::PlanId.eq(id.as_str())).exec(tx).await?;
    for (chunk_index, chunk) in visits.chunks(CHUNK).enumerate() {
        let mut rows = Vec::with_capacity(chunk.len());
        for (index, planned) in chunk.iter().enumerate() {
            rows.push(visit::ActiveModel {
                plan_id: set(id.to_string()),
                place: set(i32::try_from(chunk_index * CHUNK + index).unwrap_or(i32::MAX)),
                work_order_id: set(planned.work_order_id.clone()),
                kind: set(planned.kind.name().to_owned()),
                consent: set(planned.consent_needed),
                body: set(serde_json::to_value(planned).map_err(Error::internal)?),
            });
        }
        visit::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// Which visits of a plan are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filter {
    /// Only of this kind.
    pub(crate) kind: Option<&'static str>,
    /// Only those that need consent.
    pub(crate) consent_only: bool,
    /// Leave out what stays.
    pub(crate) changed_only: bool,
}

/// Visits of a plan from a place on.
pub(crate) async fn visits(
    on: &impl Scoped,
    id: &PlanId,
    filter: Filter,
    from: i32,
    limit: u64,
) -> Result<Vec<(i32, PlanVisit)>> {
    use visit::Column;
    let mut select = visit::Entity::find()
        .filter(Column::PlanId.eq(id.as_str()))
        .filter(Column::Place.gte(from))
        .order_by_asc(Column::Place)
        .limit(limit);
    if let Some(kind) = filter.kind {
        select = select.filter(Column::Kind.eq(kind));
    }
    if filter.consent_only {
        select = select.filter(Column::Consent.eq(true));
    }
    if filter.changed_only {
        select = select.filter(Column::Kind.is_not_in(["kept", "open"]));
    }
    let rows = select.all(on).await?;
    let read = |row: visit::Model| {
        serde_json::from_value(row.body).map(|planned| (row.place, planned)).map_err(Error::internal)
    };
    rows.into_iter().map(read).collect()
}

/// An instant of a heartbeat.
pub(crate) fn heartbeat(
    id: &PlanId,
    at: DateTime<Utc>,
    (seconds, iterations, cost, unassigned): (f64, u64, i64, usize),
) -> progress::Model {
    progress::Model {
        plan_id: id.to_string(),
        at,
        seconds,
        iterations: i64::try_from(iterations).unwrap_or(i64::MAX),
        cost,
        unassigned: i32::try_from(unassigned).unwrap_or(i32::MAX),
    }
}
