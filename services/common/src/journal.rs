//! One change of one record, written twice in the record's own transaction: into its history and into the outbox.

use chrono::{DateTime, Utc};
use prost::{Message, Name};
use proto::aftercare::common::v1::{
    Actor as ActorMessage, Changes, Event, ListTimelineRequest, ListTimelineResponse, RecordVersion, TimelineEntry,
};
use sea_orm::{
    ActiveValue::Set, Condition, EntityTrait as _, ExprTrait as _, QueryOrder as _, QuerySelect as _,
    entity::prelude::*, sea_query::SelectStatement,
};
use serde::{Deserialize, Serialize};

use crate::{
    convert,
    db::Tx,
    error::{Error, Result},
    outbox, page,
    reach::Reach,
    record::Record,
    service::{Call, Core},
};

pub(crate) mod diff;

/// Rows of the table `history`.
pub mod entity {
    use sea_orm::entity::prelude::*;

    /// One change of one record.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "history")]
    pub struct Model {
        /// Id of the event that told of it.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        /// Kind of the record.
        pub record_kind: String,
        /// Id of the record.
        pub record_id: String,
        /// Human number of the record.
        pub record_number: String,
        /// Version since then.
        pub version: i64,
        /// The named action.
        pub action: String,
        /// State before.
        pub from_state: String,
        /// State after.
        pub to_state: String,
        /// Why.
        pub reason: String,
        /// Who.
        pub actor_id: String,
        /// In which role.
        pub actor_role: String,
        /// For which organisation unit.
        pub actor_org_unit_id: String,
        /// Whom the record is about.
        pub subject_id: Option<String>,
        /// Which case the record belongs to.
        pub case_id: Option<String>,
        /// When.
        pub at: DateTimeUtc,
        /// The changed fields before and after, as JSON; empty for a creation, and when they were erased.
        pub changes: Option<String>,
        /// SHA-256, in hex, of `changes` as it was written; stays when they are erased.
        pub changes_digest: Option<String>,
    }

    /// None.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Writes history and outbox of one saved change. `record` has its new version; `diff` is what it changed.
pub(crate) async fn record<R: Record, E: Message + Name>(
    tx: &Tx,
    call: &Call,
    record: &R,
    (action, from, reason): (&str, &str, &str),
    diff: Option<String>,
    event: &E,
) -> Result<()> {
    let digest = diff.as_deref().map(diff::digest);
    let id = call.ids.uuid(call.now).simple().to_string();
    let row = entity::ActiveModel {
        id: Set(id.clone()),
        record_kind: Set(R::KIND.to_owned()),
        record_id: Set(record.id().to_owned()),
        record_number: Set(record.number().to_owned()),
        version: Set(record.version()),
        action: Set(action.to_owned()),
        from_state: Set(from.to_owned()),
        to_state: Set(record.state().to_owned()),
        reason: Set(reason.to_owned()),
        actor_id: Set(call.actor.id.clone()),
        actor_role: Set(call.actor.role.as_str().to_owned()),
        actor_org_unit_id: Set(call.actor.org_unit_id.clone()),
        subject_id: Set(record.subject_id().map(str::to_owned)),
        case_id: Set(record.case_id().map(str::to_owned)),
        at: Set(call.now),
        changes: Set(diff),
        changes_digest: Set(digest.clone()),
    };
    entity::Entity::insert(row).exec_without_returning(tx).await?;
    // Counts what was written, also in the rare transaction that does not commit in the end: a rate, not a ledger.
    metrics::counter!(
        "aftercare_changes_total",
        "service" => call.service, "kind" => R::KIND, "action" => action.to_owned(), "state" => record.state(),
    )
    .increment(1);
    let event = Event {
        id,
        r#type: E::full_name(),
        service: call.service.to_owned(),
        aggregate_kind: R::KIND.to_owned(),
        aggregate_id: record.id().to_owned(),
        aggregate_version: record.version(),
        occurred_at: Some(convert::timestamp(call.now)),
        traceparent: crate::telemetry::current_traceparent(),
        payload: event.encode_to_vec(),
        actor: Some(actor(call)),
        changes_digest: digest.unwrap_or_default(),
        customer_id: record.subject_id().unwrap_or_default().to_owned(),
        action: action.to_owned(),
    };
    outbox::push(tx, &event).await
}

/// What one change changed, by the id of its event.
///
/// # Errors
///
/// `NOT_FOUND`.
pub async fn changes(core: &Core, event_id: &str) -> Result<Changes> {
    let row = entity::Entity::find_by_id(event_id).one(core.db.read()).await?;
    let row = row.ok_or_else(|| Error::not_found("change", event_id))?;
    Ok(Changes {
        event_id: row.id,
        changes_json: row.changes.unwrap_or_default(),
        changes_digest: row.changes_digest.unwrap_or_default(),
    })
}

fn actor(call: &Call) -> ActorMessage {
    ActorMessage {
        id: call.actor.id.clone(),
        role: call.actor.role.as_str().to_owned(),
        org_unit_id: call.actor.org_unit_id.clone(),
    }
}

/// The last version of every record, by id, after one.
pub(crate) async fn versions(core: &Core, after: &str, size: u64) -> Result<Vec<RecordVersion>> {
    use entity::Column;
    let rows: Vec<(String, String, i64)> = entity::Entity::find()
        .select_only()
        .column(Column::RecordId)
        .column(Column::RecordKind)
        .column_as(Column::Version.max(), "version")
        .filter(Column::RecordId.gt(after))
        .group_by(Column::RecordId)
        .group_by(Column::RecordKind)
        .order_by_asc(Column::RecordId)
        .limit(size)
        .into_tuple()
        .all(core.db.read())
        .await?;
    let service = core.service;
    let version = |(record_id, kind, version)| RecordVersion { service: service.to_owned(), kind, record_id, version };
    Ok(rows.into_iter().map(version).collect())
}

#[derive(Debug, Serialize, Deserialize)]
struct Position {
    at: DateTime<Utc>,
    // Changes of one record at one instant stay in their order.
    version: i64,
    id: String,
}

/// Answers `ListTimeline` of any service: the history of one record, one case or one subject, oldest first. `within` are
/// the ids of the records that the caller sees, table by table (`reach::ids`): the history of others is not there.
///
/// # Errors
///
/// `INVALID_FIELDS` unless exactly one of the three is given; `INVALID_PAGE_TOKEN`.
pub async fn timeline(
    core: &Core,
    call: &Call,
    mut request: ListTimelineRequest,
    within: impl IntoIterator<Item = Option<SelectStatement>>,
) -> Result<ListTimelineResponse> {
    use entity::Column;
    let token = std::mem::take(&mut request.page_token);
    let size = if request.page_size == 0 { 100 } else { page::size(request.page_size)? };
    request.page_size = 0;
    let print = page::fingerprint(&call.reach, &request);
    let filter = match (&*request.record_id, &*request.service_request_id, &*request.customer_id) {
        (id, "", "") if !id.is_empty() => Column::RecordId.eq(id),
        ("", id, "") if !id.is_empty() => Column::CaseId.eq(id),
        ("", "", id) if !id.is_empty() => Column::SubjectId.eq(id),
        _ => return Err(Error::invalid("record_id", "exactly_one_of record_id, service_request_id, customer_id")),
    };
    let mut select = entity::Entity::find().filter(filter);
    if call.reach != Reach::All {
        let seen = within
            .into_iter()
            .flatten()
            .fold(Condition::any(), |seen, ids| seen.add(Column::RecordId.in_subquery(ids)));
        select = select.filter(seen.add(Expr::cust("1 = 0")));
    }
    if let Some(after) = page::open::<Position>(&token, &print)? {
        let same_version = Column::Version.eq(after.version).and(Column::Id.gt(after.id));
        let same_instant = Column::At.eq(after.at).and(Column::Version.gt(after.version).or(same_version));
        select = select.filter(Column::At.gt(after.at).or(same_instant));
    }
    let mut rows = select
        .order_by_asc(Column::At)
        .order_by_asc(Column::Version)
        .order_by_asc(Column::Id)
        .limit(size + 1)
        .all(core.db.read())
        .await?;
    let more = rows.len() as u64 > size;
    rows.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let next = rows.last().filter(|_| more);
    let next_page_token = next
        .map(|row| page::seal(&Position { at: row.at, version: row.version, id: row.id.clone() }, &print))
        .unwrap_or_default();
    Ok(ListTimelineResponse {
        entries: rows.into_iter().map(|row| entry(core.service, row)).collect(),
        next_page_token,
    })
}

/// The token of the page behind `entry`, for any service that answers the same `request`. Histories of several services
/// are merged by it: all of them order by the same three facts.
///
/// # Errors
///
/// `INVALID_FIELDS` when the entry has no instant.
pub fn token_after(reach: &Reach, request: &ListTimelineRequest, entry: &TimelineEntry) -> Result<String> {
    let mut request = request.clone();
    request.page_token.clear();
    request.page_size = 0;
    let at = convert::optional_instant(entry.at.as_ref(), "at")?.ok_or_else(|| Error::invalid("at", "required"))?;
    let position = Position { at, version: entry.record_version, id: entry.id.clone() };
    Ok(page::seal(&position, &page::fingerprint(reach, &request)))
}

fn entry(service: &str, row: entity::Model) -> TimelineEntry {
    TimelineEntry {
        id: row.id,
        service: service.to_owned(),
        record_kind: row.record_kind,
        record_id: row.record_id,
        record_number: row.record_number,
        record_version: row.version,
        action: row.action,
        from_state: row.from_state,
        to_state: row.to_state,
        reason: row.reason,
        actor: Some(ActorMessage { id: row.actor_id, role: row.actor_role, org_unit_id: row.actor_org_unit_id }),
        at: Some(convert::timestamp(row.at)),
        service_request_id: row.case_id.unwrap_or_default(),
        customer_id: row.subject_id.unwrap_or_default(),
    }
}
