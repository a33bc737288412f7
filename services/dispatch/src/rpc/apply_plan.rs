//! Makes a plan the present one, in one transaction.
//!
//! What changed since it was computed is a conflict: then nothing is applied, or the rest is, as the caller says. Every
//! new place is checked by the same rules as an assignment by hand, under the same guards.

use std::collections::BTreeSet;

use common::{
    error::{Error, Result},
    id::Id as _,
    record::Record as _,
    service::{Call, Work},
};
use proto::aftercare::dispatch::v1::{ApplyPlanRequest, Plan, PlanConflictPolicy};

use crate::{
    Context, convert,
    domain::{
        PlanId, TechnicianId,
        plan_visit::{PlanVisit, Seat},
        work_order::{Replan, WorkOrder},
    },
    error::reason,
    planning::booking,
    store::{self, guard, plan::Filter},
};

/// So many conflicts are named.
const NAMED: usize = 20;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ApplyPlanRequest) -> Result<Plan> {
    let id = PlanId::parse(&request.plan_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let plan = store::plan::load(&*work, &id).await?;
    call.check_etag(&request.etag, &plan)?;
    plan.permit("apply")?;
    let changed = Filter { changed_only: true, ..Filter::default() };
    let visits = store::plan::visits(&*work, &id, changed, 0, u64::from(u32::MAX)).await?;
    let visits: Vec<PlanVisit> = visits.into_iter().map(|(_, visit)| visit).collect();
    let rebase = request.on_conflict() == PlanConflictPolicy::Rebase;

    take_guards(&work, &visits).await?;
    let (mut wanted, mut conflicts) = (Vec::new(), Vec::new());
    for visit in visits {
        let order = store::work_order::find(&*work, &visit.work_order_id).await?;
        match order {
            Some(order) if order.version == visit.version && order.movable() => wanted.push((visit, order)),
            Some(_) | None => conflicts.push(visit.number),
        }
    }
    refuse(ctx, rebase, &conflicts, wanted.len())?;

    // First everybody who moves leaves the old place, so that an exchange of two visits is two moves; then each new
    // place is checked against what is there by then.
    for (_, order) in wanted.iter().filter(|(_, order)| order.state.assignment().is_some()) {
        store::work_order::vacate(&work, order).await?;
    }
    let mut applied = 0;
    for (visit, order) in wanted {
        let number = visit.number.clone();
        match place(ctx, call, &work, &visit, order.clone()).await {
            Ok(()) => applied += 1,
            Err(error) if rebase && error.reason == reason::TECHNICIAN_NOT_ELIGIBLE => {
                conflicts.push(number);
                stay(ctx, call, &work, &order, &conflicts).await?;
            }
            Err(error) if error.reason == reason::TECHNICIAN_NOT_ELIGIBLE => {
                conflicts.push(number);
                return Err(named(&conflicts));
            }
            Err(error) => return Err(error),
        }
    }
    refuse(ctx, rebase, &conflicts, applied)?;
    let skipped = i32::try_from(conflicts.len()).unwrap_or(i32::MAX);
    let plan = store::plan::save(&work, call, plan.apply(skipped, call.now)?).await?;
    tracing::info!(plan = plan.number, applied, skipped, "plan applied");
    work.commit(convert::plan::message(&plan, None)).await
}

/// Refuses when too much changed, whatever the caller says; or at all, when the caller wants no less than the whole.
fn refuse(ctx: &Context, rebase: bool, conflicts: &[String], rest: usize) -> Result<()> {
    let of = conflicts.len() + rest;
    if conflicts.len() * 100 > of * ctx.config.plan.outdated_percent {
        return Err(Error::new(reason::PLAN_OUTDATED).with("count", conflicts.len()).with("of", of));
    }
    if !rebase && !conflicts.is_empty() {
        return Err(named(conflicts));
    }
    Ok(())
}

fn named(conflicts: &[String]) -> Error {
    let numbers: Vec<_> = conflicts.iter().take(NAMED).map(String::as_str).collect();
    Error::new(reason::PLAN_CONFLICTS).with("count", conflicts.len()).with("numbers", numbers.join(", "))
}

/// Takes the days of everybody whom the plan touches, all at once and in the one order.
async fn take_guards(work: &Work, visits: &[PlanVisit]) -> Result<()> {
    let mut rows = BTreeSet::new();
    let mut people = std::collections::HashMap::new();
    let mut seats: Vec<&Seat> = Vec::new();
    for visit in visits {
        seats.extend(&visit.before);
        seats.extend(&visit.after);
    }
    for seat in seats {
        for id in &seat.technicians {
            if !people.contains_key(id) {
                let technician = store::technician::load(&**work, &TechnicianId::parse(id)?).await?;
                let point = store::service_point::load(&**work, &technician.service_point_id).await?;
                people.insert(id.clone(), (technician, point));
            }
            if let Some(person) = people.get(id) {
                rows.extend(guard::rows(std::slice::from_ref(person), &seat.planned)?);
            }
        }
    }
    guard::take(work, rows.into_iter().collect()).await
}

/// Puts a visit back where it was, when that place is still free; else the plan cannot be applied.
async fn stay(ctx: &Context, call: &Call, work: &Work, order: &WorkOrder, conflicts: &[String]) -> Result<()> {
    let Some(at) = order.state.assignment() else { return Ok(()) };
    let seat = Seat {
        technicians: at.people().map(ToString::to_string).collect(),
        service_point_id: at.service_point_id.to_string(),
        planned: at.planned,
        window: at.window,
    };
    match offer(ctx, call, work, order, &seat).await {
        Ok(_) => store::work_order::reseat(work, order).await,
        Err(error) if error.reason == reason::TECHNICIAN_NOT_ELIGIBLE => Err(named(conflicts)),
        Err(error) => Err(error),
    }
}

async fn place(ctx: &Context, call: &Call, work: &Work, visit: &PlanVisit, order: WorkOrder) -> Result<()> {
    let wish = match &visit.after {
        None => Replan::Nobody,
        Some(seat) => Replan::Offer(offer(ctx, call, work, &order, seat).await?),
    };
    let assigned = order.state.assignment().is_some();
    let number = order.number().to_owned();
    let changed = match wish {
        Replan::Offer(offer) if !assigned => order.assign(offer, &ctx.policy, call.now),
        wish => order.replan(wish, &ctx.policy, call.now),
    };
    let changed = changed.inspect_err(|error| tracing::debug!(%error, number, "a planned visit is refused"))?;
    store::work_order::save(work, call, changed).await?;
    Ok(())
}

async fn offer(
    ctx: &Context,
    call: &Call,
    work: &Work,
    order: &WorkOrder,
    seat: &Seat,
) -> Result<crate::domain::work_order::Offer> {
    let wish = booking::wish(&seat.technicians, seat.window, seat.planned, "")?;
    store::assess::offer(ctx, call, work, order, wish).await
}
