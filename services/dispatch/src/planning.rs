//! The present plan in memory, and what is computed on it: slots, placements, whole plans, the board.
//!
//! Everything here is a picture of the database that may be a moment old. It proposes; capacity is given by the
//! guarded writes of `store/assess.rs` alone.

pub(crate) mod board;
pub(crate) mod booking;
pub(crate) mod forecast;
pub(crate) mod load;
pub(crate) mod placement;
pub(crate) mod placing;
pub(crate) mod problem;
pub(crate) mod result;
pub(crate) mod run;
pub(crate) mod snapshot;

use chrono::{DateTime, NaiveDate, Utc};
use common::{
    convert::{Position, Window},
    error::{Error, Result},
    id::Id as _,
    reach::Scoped,
    service::Call,
};
use proto::aftercare::dispatch::v1 as api;

use crate::{
    Context,
    convert::zone,
    domain::{
        WorkOrderId,
        slot::grid,
        work_order::{RequestFacts, WorkOrder},
    },
    store::{duration, work_order},
};

/// The days that are looked at for one more visit, and the windows in them.
pub(crate) fn horizon(
    ctx: &Context,
    now: DateTime<Utc>,
    from: Option<DateTime<Utc>>,
    days: i32,
) -> Result<Vec<Window>> {
    let lead = chrono::Duration::from_std(ctx.config.slots.lead).map_err(Error::internal)?;
    let soonest = from.map_or(now + lead, |from| from.max(now + lead));
    let days = if days == 0 { ctx.config.slots.days } else { days };
    windows(ctx, soonest, days, soonest)
}

/// What a caller wants to have placed: a work order, the open one of a request, or a job that is only described.
#[derive(Debug)]
pub(crate) struct Subject {
    /// The work order, or one made up for the rules.
    pub(crate) order: WorkOrder,
    /// Whether it is in the database.
    pub(crate) real: bool,
}

/// Finds out what is to be placed.
///
/// # Errors
///
/// `NOT_FOUND`; `INVALID_FIELDS` when nothing says what is to be done.
pub(crate) async fn subject(
    ctx: &Context,
    call: &Call,
    on: &impl Scoped,
    (work_order_id, service_request_id): (&str, &str),
    job: Option<&api::JobDescription>,
) -> Result<Subject> {
    if !work_order_id.is_empty() {
        let order = work_order::load(on, &WorkOrderId::parse(work_order_id)?).await?;
        return Ok(Subject { order, real: true });
    }
    if !service_request_id.is_empty() {
        let known = work_order::of_request(on, service_request_id).await?;
        if let Some(order) = known.into_iter().rfind(|order| !order.state.over()) {
            return Ok(Subject { order, real: true });
        }
    }
    let Some(job) = job.filter(|job| !job.kind.is_empty()) else {
        return Err(Error::invalid("job.kind", "required"));
    };
    let missing =
        || Error::internal(anyhow::anyhow!("data/jobs.toml has no line for {} {}", job.kind, job.category_code));
    let mut needs = ctx.jobs.needs(&job.kind, &job.category_code).ok_or_else(missing)?;
    if job.duration_minutes > 0 {
        needs.minutes = job.duration_minutes;
    } else if let Some(learned) =
        duration::learned(on, &job.kind, &job.category_code, ctx.config.durations.floor).await?
    {
        needs.minutes = learned;
    }
    let request = RequestFacts {
        id: service_request_id.to_owned(),
        number: String::new(),
        customer_id: String::new(),
        kind: job.kind.clone(),
        urgency: "normal".to_owned(),
        category_code: job.category_code.clone(),
        fault_code: String::new(),
        charge_kind: String::new(),
        language: job.language.clone(),
        org_unit_id: job.org_unit_id.clone(),
        division_code: job.division_code.clone(),
        position: job.position.map(Into::into),
        windows: Vec::new(),
        contact_due_at: None,
        on_site_due_at: None,
        resolution_due_at: None,
    };
    let id: WorkOrderId = call.ids.make(call.now);
    Ok(Subject { order: WorkOrder::create(id, String::new(), request, 1, needs, Vec::new(), call.now), real: false })
}

/// Asks the routing server, when there is one, for the ways between a place and everything within reach of it. Says
/// whether all of them are known.
pub(crate) async fn learn_ways(
    ctx: &Context,
    picture: &snapshot::Snapshot,
    place: Option<Position>,
    at: DateTime<Utc>,
) -> bool {
    let Some(place) = place else { return true };
    if !ctx.ways.asks() {
        return true;
    }
    let near = |other: &Position| place.metres_to(other) < REACH_METRES;
    let mut others: Vec<Position> =
        picture.lanes.values().filter_map(|lane| lane.technician.home).filter(near).collect();
    for entries in picture.entries.values() {
        others.extend(entries.iter().filter_map(|entry| entry.busy.position).filter(near));
    }
    ctx.ways.learn(place, &others, at).await
}

/// Further than this nobody drives from one visit to the next; the estimate is good enough there.
const REACH_METRES: f64 = 60_000.0;

/// Windows of the grid in which slots are offered, from `from` on, for so many local days of the configured zone.
///
/// # Errors
///
/// Never for the zone that was checked at start.
pub(crate) fn windows(ctx: &Context, from: DateTime<Utc>, days: i32, not_before: DateTime<Utc>) -> Result<Vec<Window>> {
    let mut windows = Vec::new();
    let mut date = zone::local(&ctx.config.time_zone, from)?.date();
    for _ in 0..days {
        windows.extend(windows_of(ctx, date, not_before)?);
        let Some(next) = date.succ_opt() else { break };
        date = next;
    }
    Ok(windows)
}

/// The windows of one local day.
pub(crate) fn windows_of(ctx: &Context, date: NaiveDate, not_before: DateTime<Utc>) -> Result<Vec<Window>> {
    let slots = &ctx.config.slots;
    let start = zone::at(&ctx.config.time_zone, date, slots.first_minute)?;
    let end = zone::at(&ctx.config.time_zone, date, slots.last_minute)?;
    Ok(grid(start, end, slots.window(), not_before))
}

#[cfg(test)]
mod scale_tests;
