//! What the kernel found, in the trade's words: visit by visit beside what is, with the reasons of what is left open.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::{DateTime, NaiveDate, Utc};
use common::{convert::Window, error::Result};
use planner::{
    model::{JobIx, Window as Starts},
    plan::{CostParts, Plan as KernelPlan, Purpose},
    rules::Rule as KernelRule,
    state::PlanState,
};

use super::{
    problem::{Built, Ways},
    snapshot::Snapshot,
    windows_of,
};
use crate::{
    Context,
    convert::zone,
    domain::{
        eligibility::Rule,
        plan::{Costs, Outcome},
        plan_visit::{ChangeKind, PlanVisit, Seat, kind, window_of},
        work_order::WorkOrder,
    },
};

/// Windows named for a customer who must agree to another one.
const ALTERNATIVES: usize = 3;
/// For so many customers other windows are looked up; the rest is looked up when they are called.
const LOOKED_UP: usize = 50;
/// The kernel's units in a minute of a technician.
const UNITS: i64 = 60_000;

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Told {
    /// Every visit, what changes most first.
    pub(crate) visits: Vec<PlanVisit>,
    /// The sums.
    pub(crate) outcome: Outcome,
}

/// The parts of a cost by code, in minutes of a technician.
pub(crate) fn costs(parts: &CostParts) -> Costs {
    [
        ("travel", parts.road),
        ("shifts", parts.shifts),
        ("overtime", parts.overtime),
        ("timing", parts.timing),
        ("wishes", parts.wishes),
        ("fairness", parts.fairness),
        ("unassigned", parts.unassigned),
    ]
    .into_iter()
    .filter(|(_, amount)| *amount != 0)
    .map(|(code, amount)| (code.to_owned(), amount / UNITS))
    .collect()
}

/// The stable code of a rule of the kernel.
pub(crate) fn code(rule: KernelRule) -> &'static str {
    match rule {
        KernelRule::Closed => Rule::Absent.code(),
        KernelRule::SkillMissing(_) => Rule::SkillMissing.code(),
        KernelRule::LevelTooLow(_) => Rule::LevelTooLow.code(),
        KernelRule::CertificateMissing(_) => Rule::CertificateMissing.code(),
        KernelRule::CertificateNotValid(_) => Rule::CertificateExpired.code(),
        KernelRule::Forbidden(index) => Rule::ALL.get(usize::from(index)).map_or("excluded", |rule| rule.code()),
        KernelRule::Territory => Rule::Territory.code(),
        KernelRule::NoWindow => Rule::WindowNotAccepted.code(),
        KernelRule::OutsideShift => Rule::OutsideShift.code(),
        KernelRule::DailyLimit => Rule::DailyLimit.code(),
        KernelRule::Capacity => Rule::Capacity.code(),
        KernelRule::DrivingLimit => Rule::DrivingLimit.code(),
        KernelRule::NoGap | KernelRule::Contradiction => Rule::NoTimeLeft.code(),
        KernelRule::CrewIncomplete => "crew_incomplete",
    }
}

/// Tells a plan.
///
/// # Errors
///
/// Never for time zones that were checked when they were written.
pub(crate) fn tell(
    ctx: &Context,
    picture: &Snapshot,
    built: &Built,
    state: &PlanState<Ways>,
    (before, after): (&CostParts, &KernelPlan),
) -> Result<Told> {
    let mut places: HashMap<JobIx, Vec<(u8, u32, i32, i32)>> = HashMap::new();
    for shift in &after.shifts {
        for visit in shift.visits.iter().filter(|visit| visit.purpose == Purpose::Job) {
            places.entry(visit.job).or_default().push((visit.member, shift.shift, visit.start, visit.travel));
        }
    }
    let mut visits = Vec::with_capacity(built.orders.len());
    let mut jobs = HashMap::new();
    for (index, order) in built.orders.iter().enumerate() {
        let (Some(order), Ok(job)) = (order, JobIx::try_from(index)) else { continue };
        let before = present(order);
        let mut members = places.remove(&job).unwrap_or_default();
        members.sort_unstable();
        let after = seat(ctx, picture, built, order, before.as_ref(), &members)?;
        let kind = kind(before.as_ref(), after.as_ref());
        jobs.insert(order.id.to_string(), job);
        visits.push(PlanVisit {
            work_order_id: order.id.to_string(),
            number: order.number.clone(),
            customer_id: order.request.customer_id.clone(),
            version: order.version,
            kind,
            travel_seconds: members.first().map_or(0, |(_, _, _, travel)| *travel),
            before,
            after,
            refusals: Vec::new(),
            consent_needed: false,
            alternatives: Vec::new(),
        });
    }
    over_capacity(picture, built, &mut visits)?;
    explain(ctx, built, state, &jobs, &mut visits)?;
    let everybody = i32::try_from(built.technicians.len()).unwrap_or(i32::MAX);
    for order in &built.without_parts {
        visits.push(PlanVisit {
            work_order_id: order.id.to_string(),
            number: order.number.clone(),
            customer_id: order.request.customer_id.clone(),
            version: order.version,
            kind: ChangeKind::Open,
            before: None,
            after: None,
            travel_seconds: 0,
            refusals: vec![(Rule::PartsUnavailable.code().to_owned(), everybody)],
            consent_needed: false,
            alternatives: Vec::new(),
        });
    }
    visits.sort_by(|a, b| (a.kind, &a.number).cmp(&(b.kind, &b.number)));
    let count = |wanted: &dyn Fn(&PlanVisit) -> bool| {
        i32::try_from(visits.iter().filter(|visit| wanted(visit)).count()).unwrap_or(i32::MAX)
    };
    let outcome = Outcome {
        jobs: count(&|_| true),
        technicians: everybody,
        assigned: count(&|visit| visit.after.is_some()),
        unassigned: count(&|visit| visit.after.is_none()),
        moved: count(&|visit| visit.kind.moves_customer()),
        consents: count(&|visit| visit.consent_needed),
        before: costs(before),
        after: costs(&after.cost),
        estimated: built.estimated,
        iterations: 0,
        seconds: 0.0,
    };
    Ok(Told { visits, outcome })
}

fn present(order: &WorkOrder) -> Option<Seat> {
    order.state.assignment().map(|at| Seat {
        technicians: at.people().map(ToString::to_string).collect(),
        service_point_id: at.service_point_id.to_string(),
        planned: at.planned,
        window: at.window,
    })
}

/// Who goes when: whoever led before leads on, and a window that was told stays when the start lies in it.
fn seat(
    ctx: &Context,
    picture: &Snapshot,
    built: &Built,
    order: &WorkOrder,
    before: Option<&Seat>,
    members: &[(u8, u32, i32, i32)],
) -> Result<Option<Seat>> {
    let Some((_, _, start, _)) = members.first() else { return Ok(None) };
    let mut technicians: Vec<String> =
        members.iter().map(|(_, shift, ..)| built.shifts[*shift as usize].technician.clone()).collect();
    if let Some(before) = before {
        let mut old = before.technicians.clone();
        let (mut sorted_old, mut sorted_new) = (old.clone(), technicians.clone());
        sorted_old.sort();
        sorted_new.sort();
        if sorted_old == sorted_new {
            technicians = std::mem::take(&mut old);
        }
    }
    let start = built.instant(*start);
    // The present time is kept to the second where the kernel counts whole ones.
    let start = match before {
        Some(before) if before.planned.start.timestamp() == start.timestamp() => before.planned.start,
        Some(_) | None => start,
    };
    let length = match before {
        Some(before) if !order.movable() => before.planned.end - before.planned.start,
        Some(_) | None => chrono::Duration::minutes(i64::from(order.duration_minutes)),
    };
    let inside = |window: &&Window| window.start <= start && start < window.end;
    let told = order.promised.as_ref().into_iter().chain(before.map(|before| &before.window));
    let window = match told.chain(&order.request.windows).find(inside) {
        Some(window) => *window,
        None => grid_window(ctx, start)?,
    };
    let service_point_id = technicians
        .first()
        .and_then(|id| picture.lanes.get(id))
        .map(|lane| lane.technician.service_point_id.to_string())
        .unwrap_or_default();
    Ok(Some(Seat { technicians, service_point_id, planned: Window { start, end: start + length }, window }))
}

fn grid_window(ctx: &Context, start: DateTime<Utc>) -> Result<Window> {
    let zone_name = &ctx.config.time_zone;
    let date = zone::local(zone_name, start)?.date();
    let first = zone::at(zone_name, date, ctx.config.slots.first_minute)?;
    Ok(window_of(start, first, ctx.config.slots.window()))
}

/// Takes new visits back from service points whose day would be too full: the kernel knows technicians, not points.
fn over_capacity(picture: &Snapshot, built: &Built, visits: &mut [PlanVisit]) -> Result<()> {
    let mut days: BTreeMap<(String, NaiveDate), Vec<usize>> = BTreeMap::new();
    for (index, visit) in visits.iter().enumerate() {
        let Some(after) = &visit.after else { continue };
        let Some(point) = picture.points.get(&after.service_point_id) else { continue };
        let date = zone::local(&point.time_zone, after.planned.start)?.date();
        days.entry((after.service_point_id.clone(), date)).or_default().push(index);
    }
    let everybody = i32::try_from(built.technicians.len()).unwrap_or(i32::MAX);
    for ((point, _), mut planned) in days {
        let capacity = picture.points.get(&point).and_then(|point| point.contract.as_ref());
        let Some(most) = capacity.map(|contract| contract.capacity_per_day).filter(|most| *most > 0) else { continue };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        // Who stands there already stays; the newest customers wait.
        planned.sort_by(|a, b| {
            let rank = |index: usize| (visits[index].before.is_none(), visits[index].number.clone());
            rank(*a).cmp(&rank(*b))
        });
        for index in planned.into_iter().skip(most) {
            let visit = &mut visits[index];
            if visit.before.is_none() {
                visit.after = None;
                visit.kind = ChangeKind::Open;
                visit.refusals = vec![(Rule::Capacity.code().to_owned(), everybody)];
            }
        }
    }
    Ok(())
}

/// Says why what is left open is left open, and whom to ask for another window.
fn explain(
    ctx: &Context,
    built: &Built,
    state: &PlanState<Ways>,
    jobs: &HashMap<String, JobIx>,
    visits: &mut [PlanVisit],
) -> Result<()> {
    let mut looked_up = 0;
    for visit in visits.iter_mut().filter(|visit| visit.after.is_none() && visit.refusals.is_empty()) {
        let Some(job) = jobs.get(&visit.work_order_id) else { continue };
        let mut counts: BTreeMap<&'static str, i32> = BTreeMap::new();
        for (rule, count) in state.why_not(*job).counts {
            *counts.entry(code(rule)).or_default() += i32::try_from(count).unwrap_or(i32::MAX);
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        visit.refusals = counts.into_iter().map(|(code, count)| (code.to_owned(), count)).collect();
        let order = built.orders.get(*job as usize).and_then(Option::as_ref);
        let Some(order) = order.filter(|order| order.promised.is_some()) else { continue };
        visit.consent_needed = true;
        if looked_up < LOOKED_UP {
            looked_up += 1;
            visit.alternatives = alternatives(ctx, built, state, order, *job)?;
        }
    }
    Ok(())
}

/// Windows in which a customer could be served who agrees to leave the confirmed one.
fn alternatives(
    ctx: &Context,
    built: &Built,
    state: &PlanState<Ways>,
    order: &Arc<WorkOrder>,
    job: JobIx,
) -> Result<Vec<Window>> {
    let Some(mut free) = built.problem.jobs.get(job as usize).cloned() else { return Ok(Vec::new()) };
    free.windows.clear();
    if let Some(present) = &mut free.present {
        present.consent = true;
    }
    let mut state = state.clone();
    state.change_job(job, free);
    let mut grid = Vec::new();
    let last = built.problem.shifts.iter().map(|shift| shift.end).max().unwrap_or_default();
    let mut date = zone::local(&ctx.config.time_zone, built.zero)?.date();
    let soonest = order.updated_at.max(built.zero);
    while zone::at(&ctx.config.time_zone, date, 0)? < built.instant(last) {
        grid.extend(windows_of(ctx, date, soonest)?);
        let Some(next) = date.succ_opt() else { break };
        date = next;
    }
    let second = |at: DateTime<Utc>| i32::try_from((at - built.zero).num_seconds()).unwrap_or(i32::MAX / 4);
    let asked: Vec<Starts> =
        grid.iter().map(|window| Starts { from: second(window.start), until: second(window.end) - 1 }).collect();
    let mut offers = state.offers(job, &asked);
    offers.sort_by_key(|offer| (offer.offer.cost, offer.window));
    Ok(offers.into_iter().take(ALTERNATIVES).map(|offer| grid[offer.window]).collect())
}
