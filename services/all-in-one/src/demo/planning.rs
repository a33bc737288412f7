//! The morning's plan of the last day: computed, compared by nobody, applied, as a dispatcher would.

use common::record::Role;
use proto::aftercare::dispatch::v1::{ApplyPlanRequest, PlanState, StartPlanRequest, WatchPlanRequest};

use super::doors::Doorkeeper;

/// Steps of the computation: the same plan on every machine, in well under a second.
const STEPS: i64 = 2_000;
/// Seconds after which it ends on a machine that is too slow even for that.
const SECONDS: i32 = 60;

/// Plans what is open today, and applies it.
///
/// # Errors
///
/// When dispatch refuses, or the plan does not become ready.
pub async fn morning(keeper: &Doorkeeper) -> anyhow::Result<()> {
    let mut dispatch = keeper.open("demo-dispatcher", Role::Dispatcher).dispatch;
    let wish = StartPlanRequest { days: 1, seconds: SECONDS, max_iterations: STEPS, ..Default::default() };
    let mut plan = dispatch.start_plan(wish).await?.into_inner();
    let watch = WatchPlanRequest { plan_id: plan.plan_id.clone() };
    let mut told = dispatch.watch_plan(watch).await?.into_inner();
    while let Some(now) = told.message().await? {
        plan = now;
    }
    anyhow::ensure!(plan.state() == PlanState::Ready, "the demo's plan ended as {:?}: {}", plan.state(), plan.failure);
    dispatch.apply_plan(ApplyPlanRequest { plan_id: plan.plan_id, ..Default::default() }).await?;
    Ok(())
}
