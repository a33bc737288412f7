//! Service requests: rows, guarded writes with their event, and the one timer of each.

use chrono::{DateTime, Duration, Utc};
use common::{
    db::Tx,
    error::{Error, Result},
    reach::{Owned, Owner, Reach, Scoped, select},
    record::{Changed, Record as _},
    service::Call,
    store::{self, Table, set},
    timer, whose,
};
use sea_orm::{Condition, QueryOrder as _, QuerySelect as _, entity::prelude::*};

use super::never;
use crate::{
    Context,
    domain::{
        ServiceRequestId, attention,
        duplicates::{self, Draft},
        request::{Action, ServiceRequest, Stage},
        sla::Deadline,
        values::Address,
    },
    error::EXTERNAL_REFERENCE_TAKEN,
    event,
};

/// The timer of a request: the next thing it wants done by itself.
pub(crate) const ATTENTION: &str = "service_request";
/// Most requests that are compared when duplicates are looked for, the latest: a call centre that gives its own number as the
/// contact of every case must not make each of them dearer than the last.
const MOST_COMPARED: u64 = 50;

/// Rows of the table `service_request`.
pub(crate) mod entity {
    use sea_orm::entity::prelude::*;

    /// One service request.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "service_request")]
    pub struct Model {
        /// Id.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Version.
        pub version: i64,
        /// Number for people.
        pub number: String,
        /// State.
        pub state: String,
        /// Whether it is neither closed, cancelled nor merged.
        pub open: bool,
        /// Kind.
        pub kind: String,
        /// Urgency.
        pub urgency: String,
        /// What it waits for; empty when it does not.
        pub on_hold: String,
        /// The customer.
        pub customer_id: String,
        /// The product; empty for none.
        pub product_id: String,
        /// Who looks after it.
        pub assignee_id: String,
        /// The responsible unit.
        pub org_unit_id: String,
        /// The complaint; empty for none.
        pub complaint_id: String,
        /// The partner.
        pub partner_id: Option<String>,
        /// The partner's number.
        pub external_reference: Option<String>,
        /// Whom to call.
        pub contact_phone: String,
        /// Where it is, for comparing.
        pub address_key: String,
        /// Words to search, in lower case.
        pub search: String,
        /// When the customer asked.
        pub requested_at: DateTimeUtc,
        /// The nearest open deadline; the far future when none is.
        pub next_due_at: DateTimeUtc,
        /// Whether a deadline was missed.
        pub breached: bool,
        /// When it was entered.
        pub created_at: DateTimeUtc,
        /// When it last changed.
        pub updated_at: DateTimeUtc,
        /// All of it.
        pub body: Json,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{Column, Entity};

impl Owned for Entity {
    fn within(reach: &Reach) -> Condition {
        let own = Owner::unit(Column::OrgUnitId).partner(Column::PartnerId).link(Column::Id).within(reach);
        match reach {
            Reach::Technician { .. } => whose::cases(Column::Id, reach),
            Reach::All | Reach::Units(_) | Reach::Partner(_) | Reach::Link(_) | Reach::Own(_) | Reach::Nothing => own,
        }
    }
}

impl Table for Entity {
    type Record = ServiceRequest;
    const ID: Column = Column::Id;
    const VERSION: Column = Column::Version;

    fn row(record: &ServiceRequest) -> Result<entity::ActiveModel> {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let search = format!("{}\n{}\n{}", record.number, record.description, record.product_text);
        Ok(entity::ActiveModel {
            id: set(record.id.to_string()),
            version: set(record.version),
            number: set(record.number.clone()),
            state: set(record.state().to_owned()),
            open: set(record.stage().is_open() || record.stage() == Stage::Resolved),
            kind: set(record.kind.to_string()),
            urgency: set(record.urgency.to_string()),
            on_hold: set(record.hold.as_ref().map(|hold| hold.waits_for.to_string()).unwrap_or_default()),
            customer_id: set(record.asker.customer_id.to_string()),
            product_id: set(record.product_id.as_ref().map(ToString::to_string).unwrap_or_default()),
            assignee_id: set(record.assignee_id.clone()),
            org_unit_id: set(record.org_unit_id.clone()),
            complaint_id: set(record.links.complaint_id.clone()),
            partner_id: set(some(&record.links.partner_id)),
            external_reference: set(some(&record.links.external_reference)),
            contact_phone: set(record.contact_phone.clone()),
            address_key: set(record.address.as_ref().map(Address::key).unwrap_or_default()),
            search: set(search.to_lowercase()),
            requested_at: set(record.requested_at),
            next_due_at: set(record.next_due_at.unwrap_or_else(never)),
            breached: set(record.is_breached()),
            created_at: set(record.created_at),
            updated_at: set(record.updated_at),
            body: set(store::body(record)?),
        })
    }

    fn record(row: entity::Model) -> Result<ServiceRequest> {
        store::from_body(row.body)
    }
}

/// The request of that id.
pub(crate) async fn load(on: &impl Scoped, id: &ServiceRequestId) -> Result<ServiceRequest> {
    store::load::<Entity>(on, id.as_str()).await
}

/// The request of that id, if it is ours and there.
pub(crate) async fn find(on: &impl Scoped, id: &str) -> Result<Option<ServiceRequest>> {
    store::find::<Entity>(on, id).await
}

/// Adds a request, with its event and its timer.
pub(crate) async fn insert(ctx: &Context, tx: &Tx, call: &Call, mut request: ServiceRequest) -> Result<ServiceRequest> {
    refuse_taken_reference(tx, &request).await?;
    let deadlines = ctx.deadlines(&request, call.now);
    request.next_due_at = next_due(&deadlines);
    let event = event::service_request(&request, event::CREATED, &deadlines, "");
    let saved = store::insert::<Entity, _>(tx, call, request, "create", "", &event).await?;
    watch(ctx, tx, &saved, &deadlines).await?;
    Ok(saved)
}

/// Saves a changed request, with its event and its timer. `code` is the reason that the event tells: a stable code,
/// never what people wrote.
pub(crate) async fn save(
    ctx: &Context,
    tx: &Tx,
    call: &Call,
    mut changed: Changed<ServiceRequest>,
    code: &str,
) -> Result<ServiceRequest> {
    changed.record.updated_at = call.now;
    let deadlines = ctx.deadlines(&changed.record, call.now);
    changed.record.next_due_at = next_due(&deadlines);
    let action = Action::parse(changed.action);
    if changed.record.stage() == Stage::Resolved && changed.from != changed.record.state() {
        count_deadlines(&deadlines);
    }
    let event = event::service_request(&changed.record, event::fact(action), &deadlines, code);
    let saved = store::save::<Entity, _>(tx, call, changed, &event).await?;
    watch(ctx, tx, &saved, &deadlines).await?;
    Ok(saved)
}

/// How the promises of a request went that was just resolved.
fn count_deadlines(deadlines: &[Deadline]) {
    for deadline in deadlines {
        let (target, outcome) = (deadline.target.to_string(), deadline.standing.to_string());
        metrics::counter!("aftercare_deadlines_total", "target" => target, "outcome" => outcome).increment(1);
    }
}

/// How many requests are open: by state, and those past a deadline.
pub(crate) async fn count_open(on: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(Vec<(String, i64)>, u64)> {
    let by_state = Entity::find()
        .select_only()
        .column(Column::State)
        .column_as(Column::Id.count(), "requests")
        .filter(Column::Open.eq(true))
        .group_by(Column::State)
        .into_tuple()
        .all(on)
        .await?;
    let overdue = Entity::find().filter(Column::Open.eq(true)).filter(Column::NextDueAt.lt(now)).count(on).await?;
    Ok((by_state, overdue))
}

fn next_due(deadlines: &[Deadline]) -> Option<DateTime<Utc>> {
    deadlines.iter().filter(|one| one.is_open()).filter_map(|one| one.due_at).min()
}

async fn watch(ctx: &Context, tx: &Tx, request: &ServiceRequest, deadlines: &[Deadline]) -> Result<()> {
    match attention::next(request, deadlines, &ctx.rules.ladder, &ctx.rules.times) {
        Some((at, _)) => timer::schedule(tx, ATTENTION, request.id.as_str(), at).await,
        None => timer::cancel(tx, ATTENTION, request.id.as_str()).await,
    }
}

/// The unique index holds it; this gives the better reason.
async fn refuse_taken_reference(tx: &Tx, request: &ServiceRequest) -> Result<()> {
    let links = &request.links;
    if links.external_reference.is_empty() {
        return Ok(());
    }
    let other = Entity::find()
        .filter(Column::PartnerId.eq(links.partner_id.as_str()))
        .filter(Column::ExternalReference.eq(links.external_reference.as_str()))
        .one(tx)
        .await?;
    match other {
        None => Ok(()),
        Some(other) => Err(Error::new(EXTERNAL_REFERENCE_TAKEN)
            .with("external_reference", &links.external_reference)
            .with("service_request_id", other.id)
            .with("number", other.number)),
    }
}

/// Requests about the same matter, most alike first, each with what is the same.
pub(crate) async fn duplicates(
    on: &impl Scoped,
    draft: &Draft,
    days: i32,
    now: DateTime<Utc>,
) -> Result<Vec<(ServiceRequest, Vec<&'static str>)>> {
    let mut who = Condition::any();
    for (column, value) in [
        (Column::CustomerId, &draft.customer_id),
        (Column::ContactPhone, &draft.phone),
        (Column::AddressKey, &draft.address_key),
    ] {
        if !value.is_empty() {
            who = who.add(column.eq(value.as_str()));
        }
    }
    if who.is_empty() {
        return Ok(Vec::new());
    }
    let rows = select::<Entity>(on)
        .filter(who)
        .filter(Column::RequestedAt.gte(now - Duration::days(i64::from(days))))
        .filter(Column::State.is_not_in([Stage::Cancelled.as_str(), Stage::Merged.as_str()]))
        .order_by_desc(Column::RequestedAt)
        .limit(MOST_COMPARED)
        .all(on)
        .await?;
    let mut found = Vec::new();
    for row in rows {
        let other = Entity::record(row)?;
        let signals = duplicates::signals(draft, &other);
        if !signals.is_empty() {
            found.push((other, signals));
        }
    }
    found.sort_by_key(|(_, signals)| std::cmp::Reverse(signals.len()));
    Ok(found)
}

/// All requests about a product.
pub(crate) async fn of_product(on: &impl Scoped, product_id: &str) -> Result<Vec<ServiceRequest>> {
    all(on, Column::ProductId.eq(product_id)).await
}

/// All requests of a customer.
pub(crate) async fn of_customer(on: &impl Scoped, customer_id: &str) -> Result<Vec<ServiceRequest>> {
    all(on, Column::CustomerId.eq(customer_id)).await
}

/// All requests that a complaint asked for, or that it was opened from.
pub(crate) async fn of_complaint(on: &impl Scoped, complaint_id: &str) -> Result<Vec<ServiceRequest>> {
    all(on, Column::ComplaintId.eq(complaint_id)).await
}

async fn all(on: &impl Scoped, filter: sea_orm::sea_query::SimpleExpr) -> Result<Vec<ServiceRequest>> {
    let rows = Entity::find().filter(filter).order_by_asc(Column::RequestedAt).all(on).await?;
    rows.into_iter().map(Entity::record).collect()
}
