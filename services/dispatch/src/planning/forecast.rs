//! Foresees who will be late, and tells it before the window is over. One replica at a time does it, and doing it twice
//! changes nothing.

use std::{collections::BTreeMap, time::Duration as Pause};

use chrono::{DateTime, Duration, Utc};
use common::{error::Result, lease::Lease, record::Record as _, service::Call};

use super::snapshot::{Entry, Snapshot, Taken};
use crate::{
    Context,
    domain::{
        forecast::{Stage, Stop, arrivals},
        travel::Travel,
        work_order::{State, WorkOrder},
    },
    store::work_order,
};

/// Visits that start within this are looked at.
const AHEAD: Duration = Duration::hours(14);

/// Foresees every arrival of today, and escalates what will be late for the first time.
///
/// # Errors
///
/// `UNAVAILABLE` when the database does not answer.
pub(crate) async fn run(ctx: &Context) -> Result<()> {
    let holder = ctx.core.ids.uuid(ctx.core.clock.now()).to_string();
    let mut lease = Lease::new(ctx.core.db.clone(), "dispatch-forecast", holder, Pause::from_secs(50));
    if !lease.acquire().await? {
        return Ok(());
    }
    let told = tell(ctx).await;
    lease.release().await?;
    told
}

/// As [`run`], without asking who else does it.
pub(crate) async fn tell(ctx: &Context) -> Result<()> {
    let picture = ctx.pictures.fresh(&ctx.core).await?;
    let now = ctx.core.clock.now();
    let travel = ctx.ways.rules();
    for id in picture.lanes.keys() {
        for (order, arrival) in expected(ctx, &picture, id, now, &travel) {
            let late = order.state.assignment().is_some_and(|at| arrival > at.window.end && !at.lateness_told);
            if late {
                escalate(ctx, order, arrival).await?;
            }
        }
    }
    Ok(())
}

/// The expected arrivals of a technician's visits that are still ahead, by planned start.
pub(crate) fn expected<'a>(
    ctx: &Context,
    picture: &'a Snapshot,
    technician: &str,
    now: DateTime<Utc>,
    travel: &Travel,
) -> Vec<(&'a WorkOrder, DateTime<Utc>)> {
    let list = picture.entries.get(technician).map(Vec::as_slice).unwrap_or_default();
    let soon = |entry: &&Entry| entry.busy.planned.start < now + AHEAD && entry.busy.planned.end > now - AHEAD;
    let orders: Vec<&WorkOrder> = list
        .iter()
        .filter(soon)
        .filter_map(|entry| match &entry.taken {
            Taken::Visit(order) => Some(&**order),
            Taken::Hold(_) => None,
        })
        .collect();
    let stops: Vec<Stop> = orders.iter().filter_map(|order| stop(order)).collect();
    let kept = Duration::from_std(ctx.config.board.position_kept).unwrap_or(Duration::minutes(30));
    let seen = picture.positions.get(technician).filter(|(_, at)| now - *at <= kept).map(|(place, _)| *place);
    let found = arrivals(&stops, seen, now, travel);
    orders.into_iter().zip(found).filter_map(|(order, arrival)| Some((order, arrival?))).collect()
}

fn stop(order: &WorkOrder) -> Option<Stop> {
    let at = order.state.assignment()?;
    let stage = match &order.state {
        State::Unassigned | State::Cancelled { .. } => return None,
        State::Assigned(_) | State::Accepted(_) => Stage::Ahead,
        State::EnRoute(_) => Stage::EnRoute,
        State::OnSite(_) | State::InProgress(_) => Stage::There,
        // Work that waits keeps nobody there.
        State::Suspended { .. } | State::Completed { .. } | State::Failed { .. } | State::Verified { .. } => {
            Stage::Over
        }
    };
    Some(Stop { stage, planned: at.planned, position: order.request.position, announced: at.expected_arrival_at })
}

/// Writes the expected arrival down and tells that it will be late; both in one transaction, once.
async fn escalate(ctx: &Context, order: &WorkOrder, arrival: DateTime<Utc>) -> Result<()> {
    let call = Call::internal(&ctx.core, ctx.core.service, "forecast");
    let tx = ctx.core.db.begin().await?;
    let Some(present) = work_order::find(&tx, order.id()).await? else { return Ok(()) };
    // What changed meanwhile is looked at next time.
    if present.version != order.version {
        return Ok(());
    }
    let present = match present.clone().foresee(arrival, call.now) {
        Some(changed) => work_order::save(&tx, &call, changed).await?,
        None => present,
    };
    if let Some(changed) = present.miss_window(&ctx.policy, call.now) {
        work_order::save(&tx, &call, changed).await?;
        tx.commit().await?;
        tracing::info!(work_order.number = order.number, %arrival, "a visit will be late");
    }
    Ok(())
}

/// Expected arrivals by work order, for the board.
pub(crate) fn by_order(
    ctx: &Context,
    picture: &Snapshot,
    technician: &str,
    now: DateTime<Utc>,
    travel: &Travel,
) -> BTreeMap<String, DateTime<Utc>> {
    let found = expected(ctx, picture, technician, now, travel);
    found.into_iter().map(|(order, arrival)| (order.id.to_string(), arrival)).collect()
}
