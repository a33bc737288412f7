//! Audit entries as messages.

use common::convert::timestamp;
use proto::aftercare::{
    common::v1::Actor,
    gateway::v1::{AuditChanges, AuditEntry, AuditOutcome},
};

use crate::{
    domain::audit::{AuditEntryId, Outcome, Sealed},
    store::audit::check::hex,
};

/// The outcome that a filter asks for; `None` when it asks for none.
pub(crate) fn outcome(message: i32) -> Option<Outcome> {
    match AuditOutcome::try_from(message).unwrap_or_default() {
        AuditOutcome::Unspecified => None,
        AuditOutcome::Done => Some(Outcome::Done),
        AuditOutcome::Refused => Some(Outcome::Refused),
        AuditOutcome::Failed => Some(Outcome::Failed),
    }
}

/// An entry without its before and after.
pub(crate) fn entry(row: Sealed) -> AuditEntry {
    let intact = row.computed() == row.hash;
    let Sealed { seq, id, at, entry, previous: _, hash } = row;
    let outcome = match entry.outcome {
        Outcome::Done => AuditOutcome::Done,
        Outcome::Refused => AuditOutcome::Refused,
        Outcome::Failed => AuditOutcome::Failed,
    };
    AuditEntry {
        audit_entry_id: AuditEntryId::of_event(&id).into(),
        sequence: seq,
        at: Some(timestamp(at)),
        actor: Some(Actor { id: entry.actor_id, role: entry.actor_role, org_unit_id: entry.actor_org_unit_id }),
        action: entry.action,
        service: entry.service,
        record_kind: entry.subject_kind,
        record_id: entry.subject_id,
        record_version: entry.subject_version,
        customer_id: entry.customer_id,
        from_address: entry.from_address,
        trace_id: entry.trace_id,
        outcome: outcome.into(),
        reason: entry.reason,
        digest: entry.digest,
        hash: hex(&hash),
        intact,
        changes: AuditChanges::Unspecified.into(),
        changes_json: String::new(),
    }
}
