//! Starts a plan; it is computed beside the calls.

use chrono::NaiveDate;
use common::{
    error::{Error, Result},
    record::Record as _,
    service::Call,
};
use proto::aftercare::dispatch::v1::{Plan, StartPlanRequest};

use crate::{
    Context, convert,
    convert::zone,
    domain::plan::{self, State, Wish},
    error::reason,
    planning::run,
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: StartPlanRequest) -> Result<Plan> {
    let config = &ctx.config.plan;
    let mode = convert::plan::wanted_mode(request.mode);
    let standard = match mode {
        plan::Mode::Whole => config.seconds,
        plan::Mode::Repair => config.repair_seconds,
    };
    let wish = Wish {
        org_unit_id: request.org_unit_id.clone(),
        service_point_id: request.service_point_id.clone(),
        first_day: first_day(ctx, call, &request.first_day)?,
        days: if request.days == 0 { config.days } else { request.days },
        mode,
        seconds: if request.seconds == 0 { standard } else { request.seconds },
        seed: u64::try_from(request.seed.max(1)).unwrap_or(1),
        max_iterations: u64::try_from(request.max_iterations).unwrap_or_default(),
        weights: convert::plan::weights(request.weights, &config.weights),
        technicians: Vec::new(),
        work_orders: Vec::new(),
    };
    let plan = start(ctx, call, &request, wish).await?;
    let answer = convert::plan::message(&plan, None);
    run::launch(ctx, plan);
    Ok(answer)
}

/// The first day of a plan: named, or today on the configured clock; never a day that is over.
pub(super) fn first_day(ctx: &Context, call: &Call, named: &str) -> Result<NaiveDate> {
    let today = zone::local(&ctx.config.time_zone, call.now)?.date();
    let day = convert::plan::day(named, "first_day")?.unwrap_or(today);
    if day < today {
        return Err(Error::invalid("first_day", "date.in_future"));
    }
    Ok(day)
}

/// Writes down that a plan is computed; two of one scope never are.
pub(super) async fn start<R: proto::Request + prost::Message>(
    ctx: &Context,
    call: &Call,
    request: &R,
    wish: Wish,
) -> Result<plan::Plan> {
    // Before it is looked whether one runs: nobody learns that of another region.
    if !call.reach.sees_unit(&wish.org_unit_id) {
        return Err(Error::new(common::error::reason::OUT_OF_REACH).with("record_kind", plan::Plan::KIND));
    }
    let number = ctx.core.numbers.next("PL", call.now).await?;
    let work = ctx.core.begin(call, request).await?;
    if let Some(other) = store::plan::running(&*work, &wish.scope()).await? {
        return Err(Error::new(reason::PLAN_RUNNING).with("plan", other.number));
    }
    let plan = plan::Plan {
        id: call.ids.make(call.now),
        version: 0,
        number,
        created_at: call.now,
        updated_at: call.now,
        wish,
        state: State::Running,
        outcome: None,
        failure: String::new(),
        applied_at: None,
        skipped: 0,
    };
    let plan = store::plan::insert(&work, call, plan).await?;
    work.commit(convert::plan::message(&plan, None)).await?;
    Ok(plan)
}
