//! What the timers of this service do.

use common::{
    db::Tx,
    error::Result,
    handler,
    service::Call,
    timer::{Handler, Timer},
};

use crate::{Context, store::reserving};

/// All timers by kind.
pub(crate) fn timers(context: &Context) -> Vec<(&'static str, Handler)> {
    vec![(reserving::EXPIRY, handler!(context, expire)), (reserving::RETRY, handler!(context, retry))]
}

/// The time of a reservation has run out.
async fn expire(_context: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    reserving::expire(tx, call, &timer.subject).await
}

/// Stock came in that a reservation waits for.
async fn retry(context: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    reserving::retry_quietly(context, tx, call, &timer.subject).await
}
