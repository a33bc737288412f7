//! Changes of records: every event is an entry, and the before and after stay with the record's owner.

use common::{
    catalog::Language,
    convert,
    db::Tx,
    error::{Kind, Result},
    record::{Actor, Role},
    service::Call,
};
use proto::aftercare::{
    common::v1::{Event, GetChangesRequest, event_service_client::EventServiceClient},
    gateway::v1::AuditChanges,
};
use sha2::{Digest as _, Sha256};

use crate::{
    domain::audit::{Entry, Outcome, Sealed},
    service::Context,
    store::audit as store,
};

/// Records changed somewhere. An entry has its event's id, so it can be joined with the owner's history.
pub(crate) async fn changed(_: &Context, call: &Call, tx: &Tx, events: &[&Event]) -> Result<()> {
    let entry = |event: &&Event| {
        let at = convert::optional_instant(event.occurred_at.as_ref(), "occurred_at")?.unwrap_or(call.now);
        Ok((event.id.clone(), at, entry(event)))
    };
    store::append(tx, events.iter().map(entry).collect::<Result<Vec<_>>>()?).await
}

fn entry(event: &Event) -> Entry {
    let actor = event.actor.clone().unwrap_or_default();
    // An event of an older release does not name its action.
    let action = if event.action.is_empty() { "change" } else { &event.action };
    Entry {
        actor_id: actor.id,
        actor_role: actor.role,
        actor_org_unit_id: actor.org_unit_id,
        action: format!("{}.{action}", event.aggregate_kind),
        service: event.service.clone(),
        subject_kind: event.aggregate_kind.clone(),
        subject_id: event.aggregate_id.clone(),
        subject_version: event.aggregate_version,
        customer_id: event.customer_id.clone(),
        from_address: String::new(),
        trace_id: String::new(),
        outcome: Outcome::Done,
        reason: String::new(),
        digest: event.changes_digest.clone(),
    }
    .trace(&event.traceparent)
}

/// What became of the before and after of an entry, and they themselves, as the owner keeps them.
pub(crate) async fn ask_owner(ctx: &Context, language: Language, row: &Sealed) -> (AuditChanges, String) {
    let entry = &row.entry;
    if entry.subject_version == 0 || entry.digest.is_empty() {
        return (AuditChanges::None, String::new());
    }
    let asked = async {
        let actor = Actor::service(crate::NAME);
        debug_assert_eq!(actor.role, Role::Service, "the owner answers services only");
        let way = ctx.core.way(&entry.service, &actor, language)?;
        let request = GetChangesRequest { event_id: row.id.clone() };
        let answer = EventServiceClient::new(way).get_changes(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| {
            let gone = status.code() == Kind::NotFound.code();
            let reason = if gone { common::error::reason::NOT_FOUND } else { common::error::reason::UNAVAILABLE };
            common::Error::new(reason).caused_by(status)
        })
    };
    match asked.await {
        Ok(kept) if kept.changes_digest != entry.digest => (AuditChanges::Altered, kept.changes_json),
        Ok(kept) if kept.changes_json.is_empty() => (AuditChanges::Erased, String::new()),
        Ok(kept) if digest(&kept.changes_json) != entry.digest => (AuditChanges::Altered, kept.changes_json),
        Ok(kept) => (AuditChanges::Kept, kept.changes_json),
        // The history has no such change any more: that is meddling too.
        Err(error) if error.kind() == Kind::NotFound => (AuditChanges::Altered, String::new()),
        Err(error) => {
            tracing::warn!(%error, cause = ?error.cause(), service = entry.service, "an owner did not tell a change");
            (AuditChanges::Unavailable, String::new())
        }
    }
}

fn digest(text: &str) -> String {
    store::check::hex(&Sha256::digest(text))
}
