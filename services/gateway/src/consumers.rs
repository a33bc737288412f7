//! Facts of the services that the gateway acts on: all of them. Each handler runs in one transaction with its inbox row.

use common::{
    handler,
    service::{EVERY_KIND, Subscription},
};

use crate::{audit, feed, service::Context};

/// Who publishes.
const OWNERS: [&str; 6] = ["intake", "dispatch", "parts-inventory", "complaint", "survey", crate::NAME];

/// What the gateway wants to be told.
pub(crate) fn subscriptions(ctx: &Context) -> Vec<Subscription> {
    let kinds = feed::KINDS.iter().flat_map(|(from, kinds)| kinds.iter().map(move |kind| (*from, *kind)));
    let fed = kinds.map(|(from, kind)| Subscription { from, kind, handler: handler!(ctx, feed::record) });
    // Every change of every record stands in the audit trail.
    let audited = |from| Subscription { from, kind: EVERY_KIND, handler: handler!(ctx, audit::changed) };
    fed.chain(OWNERS.into_iter().map(audited)).collect()
}
