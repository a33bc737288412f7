//! Complaints: rows, guarded writes with their event and their timer, lookups.

use chrono::{DateTime, Utc};
use common::{
    db::Tx,
    error::{Error, Result, reason},
    reach::{Owned, Owner, Reach, Scoped, select},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
    whose,
};
use proto::aftercare::complaint::v1::{ComplaintEvent, ComplaintFact, ListComplaintsRequest};
use sea_orm::{Condition, QueryOrder as _, QuerySelect as _, entity::prelude::*};

use super::{never, wake};
use crate::{
    convert,
    domain::{
        ComplaintId,
        complaint::{Complaint, State, action},
        policy::Policy,
        receive::Matter,
    },
    error::SAME_MATTER_OPEN,
};

/// The timer of a complaint's deadlines.
pub(crate) const DEADLINE: &str = "complaint_deadline";
/// Most complaints that one question for figures reads.
const MOST_FIGURES: u64 = 200_000;

/// Rows of the table `complaint`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One complaint.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "complaint")]
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
        /// Severity.
        pub severity: String,
        /// Subject.
        pub subject: String,
        /// Who drives it.
        pub owner_id: String,
        /// Who owns it.
        pub org_unit_id: String,
        /// The partner that made it; empty for none.
        pub partner_id: String,
        /// The request it is about; empty for none.
        pub service_request_id: String,
        /// Whose it is.
        pub customer_id: String,
        /// The cause last found; empty before.
        pub cause_code: String,
        /// When the cause was found; the far future before.
        pub investigated_at: DateTimeUtc,
        /// When it was received.
        pub received_at: DateTimeUtc,
        /// The nearest open deadline; the far future when none is open.
        pub next_due_at: DateTimeUtc,
        /// Names the matter while it is open.
        pub matter_key: Option<String>,
        /// The other service's fact that opened it.
        pub source_key: Option<String>,
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
        let own = Owner::unit(Column::OrgUnitId).partner(Column::PartnerId).within(reach);
        match reach {
            // What the partner made itself, and what was opened about its cases.
            Reach::Partner(_) => Condition::any().add(own).add(whose::cases(Column::ServiceRequestId, reach)),
            Reach::All
            | Reach::Units(_)
            | Reach::Technician { .. }
            | Reach::Link(_)
            | Reach::Own(_)
            | Reach::Nothing => own,
        }
    }
}

impl Table for Entity {
    type Record = Complaint;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &Complaint) -> Result<entity::ActiveModel> {
        Ok(entity::ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            number: set(record.number.clone()),
            state: set(record.state().to_owned()),
            severity: set(record.severity.as_str().to_owned()),
            subject: set(record.subject.as_str().to_owned()),
            owner_id: set(record.owner_id.clone()),
            org_unit_id: set(record.org_unit_id.clone()),
            partner_id: set(record.partner_id.clone()),
            service_request_id: set(record.links.service_requests.first().cloned().unwrap_or_default()),
            customer_id: set(record.customer_id.clone()),
            cause_code: set(record.cause_code().to_owned()),
            investigated_at: set(record.investigations.last().map_or_else(never, |found| found.at)),
            received_at: set(record.received_at),
            next_due_at: set(record.next_due_at().unwrap_or_else(never)),
            matter_key: set(record.matter_key()),
            source_key: set(record.sources.first().cloned()),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: entity::Model) -> Result<Complaint> {
        store::from_body(row.body)
    }
}

/// The complaint of that id.
///
/// # Errors
///
/// `NOT_FOUND`.
pub(crate) async fn load(on: &impl Scoped, id: &ComplaintId) -> Result<Complaint> {
    store::load::<Entity>(on, id.as_str()).await
}

/// The complaint of that id, if there is one.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<Complaint>> {
    store::find::<Entity>(on, id).await
}

/// Saves a changed complaint, with its event, and sets its timer.
///
/// # Errors
///
/// `CONFLICT` when it changed meanwhile.
pub(crate) async fn save(tx: &Tx, call: &Call, policy: &Policy, changed: Changed<Complaint>) -> Result<Complaint> {
    let event = event(&changed.record, fact(changed.action, &changed.record));
    let saved = store::save::<Entity, _>(tx, call, changed, &event).await?;
    wake(tx, DEADLINE, saved.id.as_str(), saved.wake_at(policy)).await?;
    Ok(saved)
}

/// Opens a complaint, or lets the matter join the one that is open; tells of it when it is grave. A fact of another
/// service opens or joins once.
///
/// # Errors
///
/// As [`Matter::receive`]; `CONFLICT` when the same matter is being opened at this moment.
pub(crate) async fn receive(
    tx: &Tx,
    call: &Call,
    policy: &Policy,
    matter: Matter,
    number: String,
) -> Result<Complaint> {
    if let Some(known) = by_source(tx, &matter.source).await? {
        return Ok(known);
    }
    let saved = match same_matter(tx, &matter).await? {
        Some(open) => match open.clone().join(matter, policy, call.now)? {
            Some(changed) => save(tx, call, policy, changed).await?,
            None => open,
        },
        None => {
            let id = call.ids.make(call.now);
            let complaint = matter.receive(id, number, policy, call.now)?;
            // Before the row can meet one of the same matter: nobody learns of complaints in another unit by opening one there.
            if matches!(tx.reach(), Reach::Units(_)) && !tx.reach().sees_unit(&complaint.org_unit_id) {
                return Err(Error::new(reason::OUT_OF_REACH).with("record_kind", Complaint::KIND));
            }
            let event = event(&complaint, ComplaintFact::Received);
            let saved = store::insert::<Entity, _>(tx, call, complaint, action::RECEIVE, "", &event).await?;
            wake(tx, DEADLINE, saved.id.as_str(), saved.wake_at(policy)).await?;
            saved
        }
    };
    notify(tx, call, policy, saved).await
}

/// Tells manager and duty list, when the complaint is grave and they do not know.
///
/// # Errors
///
/// As [`save`].
pub(crate) async fn notify(tx: &Tx, call: &Call, policy: &Policy, complaint: Complaint) -> Result<Complaint> {
    match complaint.clone().notify(policy, call.now) {
        Some(changed) => save(tx, call, policy, changed).await,
        None => Ok(complaint),
    }
}

async fn by_source(on: &impl Scoped, source: &str) -> Result<Option<Complaint>> {
    if source.is_empty() {
        return Ok(None);
    }
    let row = Entity::find().filter(Column::SourceKey.eq(source)).one(on).await?;
    row.map(Entity::record).transpose()
}

async fn same_matter(on: &impl Scoped, matter: &Matter) -> Result<Option<Complaint>> {
    let rows = select::<Entity>(on)
        .filter(Column::CustomerId.eq(&matter.customer_id))
        .filter(Column::Subject.eq(matter.subject.as_str()))
        .filter(Column::MatterKey.is_not_null())
        .order_by_asc(Column::ReceivedAt)
        .all(on)
        .await?;
    for row in rows {
        let open = Entity::record(row)?;
        if open.is_same_matter(matter) {
            return Ok(Some(open));
        }
    }
    Ok(None)
}

/// Refuses a change by which two open complaints would be of the same matter.
///
/// # Errors
///
/// `SAME_MATTER_OPEN`.
pub(crate) async fn refuse_double(on: &impl Scoped, complaint: &Complaint) -> Result<()> {
    let Some(key) = complaint.matter_key() else { return Ok(()) };
    let other =
        Entity::find().filter(Column::MatterKey.eq(key)).filter(Column::Id.ne(complaint.id.as_str())).one(on).await?;
    match other {
        Some(other) => Err(Error::new(SAME_MATTER_OPEN).with("number", other.number)),
        None => Ok(()),
    }
}

/// Ids of the complaints whose cause was found to be this one, since an instant.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn of_cause(on: &impl Scoped, cause: &str, since: DateTime<Utc>) -> Result<Vec<String>> {
    let rows = select::<Entity>(on)
        .select_only()
        .column(Column::Id)
        .filter(Column::CauseCode.eq(cause))
        .filter(Column::InvestigatedAt.gte(since))
        .filter(Column::InvestigatedAt.lt(never()))
        .order_by_asc(Column::InvestigatedAt)
        .into_tuple()
        .all(on)
        .await?;
    Ok(rows)
}

/// Complaints received in a period, for figures.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn received_in(
    on: &impl Scoped,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    org_unit_id: &str,
) -> Result<Vec<Complaint>> {
    let mut select = select::<Entity>(on).filter(Column::ReceivedAt.gte(start)).filter(Column::ReceivedAt.lt(end));
    if !org_unit_id.is_empty() {
        select = select.filter(Column::OrgUnitId.eq(org_unit_id));
    }
    let rows = select.order_by_asc(Column::ReceivedAt).limit(MOST_FIGURES).all(on).await?;
    rows.into_iter().map(Entity::record).collect()
}

/// A page of complaints.
///
/// # Errors
///
/// As [`store::list`].
pub(crate) async fn list(
    on: &impl Scoped,
    request: &ListComplaintsRequest,
    now: DateTime<Utc>,
) -> Result<(Vec<Complaint>, String)> {
    let mut select = Entity::find();
    if !request.states.is_empty() {
        let states = request.states.iter().map(|state| convert::state_name(*state));
        select = select.filter(Column::State.is_in(states));
    }
    if request.severity != 0 {
        select = select.filter(Column::Severity.eq(convert::severity(request.severity)?.as_str()));
    }
    if request.subject != 0 {
        select = select.filter(Column::Subject.eq(convert::subject(request.subject)?.as_str()));
    }
    for (column, value) in [
        (Column::OwnerId, &request.owner_id),
        (Column::OrgUnitId, &request.org_unit_id),
        (Column::CustomerId, &request.customer_id),
        (Column::CauseCode, &request.cause_code),
    ] {
        if !value.is_empty() {
            select = select.filter(column.eq(value));
        }
    }
    if request.overdue {
        select = select.filter(Column::NextDueAt.lt(now));
    }
    if let Some(from) = common::convert::optional_instant(request.received_from.as_ref(), "received_from")? {
        select = select.filter(Column::ReceivedAt.gte(from));
    }
    if let Some(to) = common::convert::optional_instant(request.received_to.as_ref(), "received_to")? {
        select = select.filter(Column::ReceivedAt.lt(to));
    }
    let orders = [
        ("received_at", Column::ReceivedAt),
        ("next_due_at", Column::NextDueAt),
        ("number", Column::Number),
        ("update_time", Column::UpdatedAt),
    ];
    store::list::<Entity, _>(on, select, &orders, request).await
}

/// The fact that others learn of an action.
fn fact(action: &str, complaint: &Complaint) -> ComplaintFact {
    let implemented = matches!(complaint.state, State::FollowUp { .. });
    match action {
        action::ACKNOWLEDGE => ComplaintFact::Acknowledged,
        action::JUDGE => ComplaintFact::Judged,
        action::INVESTIGATE => ComplaintFact::Investigated,
        action::PROPOSE => ComplaintFact::Proposed,
        action::SEND_BACK => ComplaintFact::SentBack,
        action::APPROVE => ComplaintFact::Approved,
        action::AGREE | action::COMPLETE_ACTION | action::DECIDE_ACTION if implemented => ComplaintFact::Implemented,
        action::AGREE => ComplaintFact::Agreed,
        action::COMPLETE_ACTION => ComplaintFact::ActionDone,
        action::FOLLOW_UP => match complaint.state {
            State::Closed { .. } => ComplaintFact::Closed,
            State::Investigating => ComplaintFact::Reopened,
            _ => ComplaintFact::FollowedUp,
        },
        action::ARCHIVE => ComplaintFact::Archived,
        action::LINK | action::JOIN | action::LINK_ACTION => ComplaintFact::Linked,
        action::ESCALATE | action::NOTIFY => ComplaintFact::Escalated,
        _ => ComplaintFact::Updated,
    }
}

/// A linking event names what was linked last, so that the owner of that record can link it back.
fn event(complaint: &Complaint, fact: ComplaintFact) -> ComplaintEvent {
    let first = |ids: &[String]| ids.first().cloned().unwrap_or_default();
    let told = |ids: &[String]| match fact {
        ComplaintFact::Linked => ids.last().cloned().unwrap_or_default(),
        _ => first(ids),
    };
    let links = &complaint.links;
    let remedies = complaint
        .implementation()
        .map(|work| work.actions.iter().map(|action| action.remedy.as_str().to_owned()).collect());
    ComplaintEvent {
        fact: fact.into(),
        complaint_id: complaint.id.to_string(),
        number: complaint.number.clone(),
        state: complaint.state().to_owned(),
        severity: complaint.severity.as_str().to_owned(),
        customer_id: complaint.customer_id.clone(),
        service_request_id: told(&links.service_requests),
        work_order_id: first(&links.work_orders),
        technician_id: first(&links.technicians),
        org_unit_id: complaint.org_unit_id.clone(),
        remedies: remedies.unwrap_or_default(),
        survey_response_id: told(&links.survey_responses),
        outcome: complaint.outcome().to_owned(),
        survey_consent: complaint.survey_consent,
        product_id: first(&links.products),
    }
}
