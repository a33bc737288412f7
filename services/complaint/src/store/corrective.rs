//! Corrective actions: rows, guarded writes with their event and their timer, one open per cause.

use chrono::{DateTime, Utc};
use common::{
    db::Tx,
    error::{Error, Result},
    reach::{Owned, Owner, Reach, Scoped},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
};
use proto::aftercare::{common::v1::RecordEvent, complaint::v1::ListCorrectiveActionsRequest};
use sea_orm::{Condition, entity::prelude::*};

use super::{never, wake};
use crate::{
    convert,
    domain::{
        CorrectiveActionId,
        corrective::{CorrectiveAction, CorrectiveState, Problem},
    },
    error::CORRECTIVE_ACTION_OPEN,
};

/// The timer of the check of the effect.
pub(crate) const CHECK: &str = "corrective_action_check";

/// Rows of the table `corrective_action`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One corrective action.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "corrective_action")]
    pub(crate) struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Version.
        pub version: i64,
        /// Human number.
        pub number: String,
        /// State.
        pub state: String,
        /// The cause it fights.
        pub cause_code: String,
        /// Who owns it.
        pub org_unit_id: String,
        /// Who drives it.
        pub owner_id: String,
        /// When the effect is checked; the far future before that is known.
        pub check_due_at: DateTimeUtc,
        /// The cause, while it is unfinished.
        pub open_cause: Option<String>,
        /// When it was opened.
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
        Owner::unit(Column::OrgUnitId).within(reach)
    }
}

impl Table for Entity {
    type Record = CorrectiveAction;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &CorrectiveAction) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            number: set(record.number.clone()),
            state: set(record.state().to_owned()),
            cause_code: set(record.cause_code.clone()),
            org_unit_id: set(record.org_unit_id.clone()),
            owner_id: set(record.owner_id.clone()),
            check_due_at: set(record.check_due_at().unwrap_or_else(never)),
            open_cause: set(record.is_unfinished().then(|| record.cause_code.clone())),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: entity::Model) -> Result<CorrectiveAction> {
        store::from_body(row.body)
    }
}

/// The corrective action of that id.
///
/// # Errors
///
/// `NOT_FOUND`.
pub(crate) async fn load(on: &impl Scoped, id: &CorrectiveActionId) -> Result<CorrectiveAction> {
    store::load::<Entity>(on, id.as_str()).await
}

/// The unfinished corrective actions of these causes.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn unfinished(on: &impl Scoped, causes: &[String]) -> Result<Vec<CorrectiveAction>> {
    if causes.is_empty() {
        return Ok(Vec::new());
    }
    let rows = Entity::find().filter(Column::OpenCause.is_in(causes)).all(on).await?;
    rows.into_iter().map(Entity::record).collect()
}

/// Opens a corrective action.
///
/// # Errors
///
/// `CORRECTIVE_ACTION_OPEN` when one of the same cause is unfinished.
pub(crate) async fn open(tx: &Tx, call: &Call, problem: Problem, number: String) -> Result<CorrectiveAction> {
    if let Some(open) = unfinished(tx, std::slice::from_ref(&problem.cause_code)).await?.into_iter().next() {
        // One cause is worked on once in the whole company; which action does so is told to who sees it.
        let refused = Error::new(CORRECTIVE_ACTION_OPEN).with("cause_code", problem.cause_code);
        let seen = store::find::<Entity>(tx, open.id.as_str()).await?.is_some();
        return Err(if seen {
            refused.with("number", open.number).with("id", open.id)
        } else {
            refused.with("number", "–")
        });
    }
    let why = problem.origin.as_str();
    let action = problem.open(call.ids.make(call.now), number, call.now);
    let event = event(&action, "open");
    store::insert::<Entity, _>(tx, call, action, "open", why, &event).await
}

/// Saves a changed corrective action, with its event, and sets its timer.
///
/// # Errors
///
/// `CONFLICT` when it changed meanwhile.
pub(crate) async fn save(tx: &Tx, call: &Call, changed: Changed<CorrectiveAction>) -> Result<CorrectiveAction> {
    let event = event(&changed.record, changed.action);
    let saved = store::save::<Entity, _>(tx, call, changed, &event).await?;
    wake(tx, CHECK, saved.id.as_str(), wake_at(&saved)).await?;
    Ok(saved)
}

fn wake_at(action: &CorrectiveAction) -> Option<DateTime<Utc>> {
    match action.state {
        CorrectiveState::AwaitingCheck { check_due_at, called_at: None } => Some(check_due_at),
        CorrectiveState::AwaitingCheck { .. }
        | CorrectiveState::Open
        | CorrectiveState::Contained
        | CorrectiveState::Analysed
        | CorrectiveState::Corrected
        | CorrectiveState::Closed { .. } => None,
    }
}

/// A page of corrective actions.
///
/// # Errors
///
/// As [`store::list`].
pub(crate) async fn list(
    on: &impl Scoped,
    request: &ListCorrectiveActionsRequest,
) -> Result<(Vec<CorrectiveAction>, String)> {
    let mut select = Entity::find();
    if request.state != 0 {
        select = select.filter(Column::State.eq(convert::corrective::state_name(request.state)));
    }
    for (column, value) in [
        (Column::CauseCode, &request.cause_code),
        (Column::OrgUnitId, &request.org_unit_id),
        (Column::OwnerId, &request.owner_id),
    ] {
        if !value.is_empty() {
            select = select.filter(column.eq(value));
        }
    }
    let orders = [("create_time", Column::CreatedAt), ("check_due_at", Column::CheckDueAt), ("number", Column::Number)];
    store::list::<Entity, _>(on, select, &orders, request).await
}

fn event(action: &CorrectiveAction, name: &str) -> RecordEvent {
    RecordEvent { record_id: action.id.to_string(), action: name.to_owned(), state: action.state().to_owned() }
}
