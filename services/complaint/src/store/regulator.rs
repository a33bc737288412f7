//! Regulator's cases: rows, guarded writes with their event and their timer.

use chrono::{DateTime, Utc};
use common::{
    db::Tx,
    error::{Error, Result},
    reach::{Owned, Owner, Reach, Scoped, like},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
};
use proto::aftercare::{common::v1::RecordEvent, complaint::v1::ListRegulatorCasesRequest};
use sea_orm::{Condition, entity::prelude::*};

use super::{never, wake};
use crate::{
    convert,
    domain::{RegulatorCaseId, regulator::RegulatorCase},
    error::CASE_KNOWN,
};

/// The timer of the authority's clocks.
pub(crate) const CLOCK: &str = "regulator_case_clock";

/// Rows of the table `regulator_case`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One case.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "regulator_case")]
    pub(crate) struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Version.
        pub version: i64,
        /// Our human number.
        pub number: String,
        /// State.
        pub state: String,
        /// The complaint.
        pub complaint_id: String,
        /// Who owns it.
        pub org_unit_id: String,
        /// The authority.
        pub authority: String,
        /// Its number.
        pub external_number: String,
        /// The clock that runs; the far future when none does.
        pub next_due_at: DateTimeUtc,
        /// When it was entered.
        pub created_at: DateTimeUtc,
        /// When it last changed.
        pub updated_at: DateTimeUtc,
        /// All of it.
        pub body: Json,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{Column, Entity};

impl Owned for Entity {
    fn within(reach: &Reach) -> Condition {
        match reach {
            Reach::Partner(_) => {
                use super::complaint::entity as complaint;
                like::<complaint::Entity>(Column::ComplaintId, complaint::Column::Id, reach)
            }
            Reach::All
            | Reach::Units(_)
            | Reach::Technician { .. }
            | Reach::Link(_)
            | Reach::Own(_)
            | Reach::Nothing => Owner::unit(Column::OrgUnitId).within(reach),
        }
    }
}

impl Table for Entity {
    type Record = RegulatorCase;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &RegulatorCase) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            number: set(record.number.clone()),
            state: set(record.state().to_owned()),
            complaint_id: set(record.complaint_id.clone()),
            org_unit_id: set(record.org_unit_id.clone()),
            authority: set(record.authority.clone()),
            external_number: set(record.external_number.clone()),
            next_due_at: set(record.next_due_at().unwrap_or_else(never)),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: entity::Model) -> Result<RegulatorCase> {
        store::from_body(row.body)
    }
}

/// The case of that id.
///
/// # Errors
///
/// `NOT_FOUND`.
pub(crate) async fn load(on: &impl Scoped, id: &RegulatorCaseId) -> Result<RegulatorCase> {
    store::load::<Entity>(on, id.as_str()).await
}

/// Enters a case.
///
/// # Errors
///
/// `CASE_KNOWN` when the authority's number was entered already.
pub(crate) async fn insert(tx: &Tx, call: &Call, case: RegulatorCase) -> Result<RegulatorCase> {
    let known = Entity::find()
        .filter(Column::Authority.eq(&case.authority))
        .filter(Column::ExternalNumber.eq(&case.external_number))
        .one(tx)
        .await?;
    if let Some(known) = known {
        // That it is known must be said; under which number only to who sees it.
        let seen = store::find::<Entity>(tx, &known.id).await?.map(|seen| seen.number).unwrap_or_default();
        return Err(Error::new(CASE_KNOWN)
            .with("authority", known.authority)
            .with("external_number", known.external_number)
            .with("number", seen));
    }
    let event = event(&case, "open");
    let saved = store::insert::<Entity, _>(tx, call, case, "open", "", &event).await?;
    wake(tx, CLOCK, saved.id.as_str(), saved.wake_at()).await?;
    Ok(saved)
}

/// Saves a changed case, with its event, and sets its timer.
///
/// # Errors
///
/// `CONFLICT` when it changed meanwhile.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<RegulatorCase>) -> Result<RegulatorCase> {
    let event = event(&changed.record, changed.action);
    let saved = store::save::<Entity, _>(tx, call, changed, &event).await?;
    wake(tx, CLOCK, saved.id.as_str(), saved.wake_at()).await?;
    Ok(saved)
}

/// A page of cases.
///
/// # Errors
///
/// As [`store::list`].
pub(crate) async fn list(
    on: &impl Scoped,
    request: &ListRegulatorCasesRequest,
    now: DateTime<Utc>,
) -> Result<(Vec<RegulatorCase>, String)> {
    let mut select = Entity::find();
    if request.state != 0 {
        select = select.filter(Column::State.eq(convert::regulator::state_name(request.state)));
    }
    for (column, value) in [(Column::ComplaintId, &request.complaint_id), (Column::OrgUnitId, &request.org_unit_id)] {
        if !value.is_empty() {
            select = select.filter(column.eq(value));
        }
    }
    if request.overdue {
        select = select.filter(Column::NextDueAt.lt(now));
    }
    let orders = [("create_time", Column::CreatedAt), ("next_due_at", Column::NextDueAt), ("number", Column::Number)];
    store::list::<Entity, _>(on, select, &orders, request).await
}

fn event(case: &RegulatorCase, name: &str) -> RecordEvent {
    RecordEvent { record_id: case.id.to_string(), action: name.to_owned(), state: case.state().to_owned() }
}
