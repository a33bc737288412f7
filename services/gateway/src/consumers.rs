//! Facts of the services that the gateway acts on: all of them. Each handler runs in one transaction with its inbox rows.

use common::{
    handler,
    service::{EVERY_KIND, EventHandler, Subscription},
};

use crate::{audit, feed, service::Context};

/// Who publishes.
const OWNERS: [&str; 6] = ["intake", "dispatch", "parts-inventory", "complaint", "survey", crate::NAME];

/// What the gateway wants to be told. All events of all services come here, and nobody else writes what they write.
pub(crate) fn subscriptions(ctx: &Context) -> Vec<Subscription> {
    let kinds = feed::KINDS.iter().flat_map(|(from, kinds)| kinds.iter().map(move |kind| (*from, *kind)));
    let record = EventHandler::Together(handler!(ctx, feed::record));
    let fed = kinds.map(|(from, kind)| Subscription { from, kind, handler: record.clone() });
    // Every change of every record stands in the audit trail.
    let changed = EventHandler::Together(handler!(ctx, audit::changed));
    let audited = OWNERS.into_iter().map(|from| Subscription { from, kind: EVERY_KIND, handler: changed.clone() });
    fed.chain(audited).collect()
}
