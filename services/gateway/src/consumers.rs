//! Facts of the services that the gateway acts on: all of them. Each handler runs in one transaction with its inbox row.

use common::{handler, service::Subscription};

use crate::{feed, service::Context};

/// What the gateway wants to be told.
pub(crate) fn subscriptions(ctx: &Context) -> Vec<Subscription> {
    let kinds = feed::KINDS.iter().flat_map(|(from, kinds)| kinds.iter().map(move |kind| (*from, *kind)));
    kinds.map(|(from, kind)| Subscription { from, kind, handler: handler!(ctx, feed::record) }).collect()
}
