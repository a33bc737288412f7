//! Computes plans beside the calls: a thread of its own, a heartbeat in the database, and a way to stop it.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::Utc;
use common::{
    error::{Error, Result},
    service::Call,
};
use planner::{
    budget::{Budget, Progress},
    repair::{Disturbance, repair},
    search::plan as search,
    state::PlanState,
    tables::Tables,
};
use tokio::sync::oneshot;

use super::{
    problem::{Built, Ways, build},
    result::{Told, tell},
    snapshot::Snapshot,
};
use crate::{
    Context,
    domain::plan::{Mode, Plan, State, Wish},
    error::reason,
    store::plan as store,
};

/// How often a worker says that it lives.
const BEAT: Duration = Duration::from_millis(500);
/// Nothing that starts sooner than this is moved by a repair.
const TOO_NEAR_SECONDS: i64 = 30 * 60;

/// Computes a plan in the background.
pub(crate) fn launch(ctx: &Context, plan: Plan) {
    let ctx = ctx.clone();
    tokio::spawn(async move {
        let number = plan.number.clone();
        if let Err(error) = run(&ctx, plan).await {
            tracing::error!(%error, cause = ?error.cause(), plan = number, "a plan could not be handed in");
        }
    });
}

/// Computes a plan and hands it in; what goes wrong ends as FAILED with its reason.
///
/// # Errors
///
/// When the database does not answer: then the watchdog says that the worker was lost.
pub(crate) async fn run(ctx: &Context, plan: Plan) -> Result<()> {
    let permit = {
        let mut waiting = Box::pin(ctx.planners.clone().acquire_owned());
        loop {
            tokio::select! {
                permit = &mut waiting => break permit.map_err(Error::internal)?,
                () = tokio::time::sleep(BEAT) => {
                    let row = store::heartbeat(&plan.id, ctx.core.clock.now(), (0.0, 0, 0, 0));
                    if ended(store::beat(&ctx.core.db, row).await?) {
                        return hand_in(ctx, &plan, Err(Error::new(reason::NOTHING_TO_PLAN))).await;
                    }
                }
            }
        }
    };
    let told = compute(ctx, &plan).await;
    drop(permit);
    hand_in(ctx, &plan, told).await
}

/// Whether nobody wants the computation any more.
fn ended(state: Option<State>) -> bool {
    match state {
        Some(State::Running) => false,
        Some(State::Ready | State::Stopped | State::Applied | State::Dropped | State::Failed) | None => true,
    }
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    progress: Mutex<Option<Progress>>,
}

async fn compute(ctx: &Context, plan: &Plan) -> Result<Told> {
    let picture = ctx.pictures.fresh(&ctx.core).await?;
    let now = ctx.core.clock.now();
    let built = build(ctx, &picture, &plan.wish, now).await?;
    if built.problem.jobs.is_empty() && built.without_parts.is_empty() {
        return Err(Error::new(reason::NOTHING_TO_PLAN));
    }
    let shared = Arc::new(Shared::default());
    let (done, mut result) = oneshot::channel();
    let began = Instant::now();
    {
        let (ctx, wish, shared) = (ctx.clone(), plan.wish.clone(), shared.clone());
        // A thread of its own, not one of the runtime's: a stopping process does not wait for it.
        std::thread::Builder::new()
            .name("plan".to_owned())
            .spawn(move || {
                let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    work(&ctx, &picture, built, &wish, now, &shared)
                }));
                let told = worked.unwrap_or_else(|panic| {
                    let text = common::telemetry::message(&*panic).to_owned();
                    Err(Error::internal(anyhow::anyhow!(text)))
                });
                // Nobody waits any more when the process is ending.
                let _ = done.send(told);
            })
            .map_err(Error::internal)?;
    }
    loop {
        tokio::select! {
            told = &mut result => return told.map_err(Error::internal)?,
            () = tokio::time::sleep(BEAT) => {}
        }
        let seen = *shared.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let (iterations, cost, unassigned) =
            seen.map_or((0, 0, 0), |seen| (seen.iterations, seen.cost / 60_000, seen.unassigned));
        let figures = (began.elapsed().as_secs_f64(), iterations, cost, unassigned);
        let row = store::heartbeat(&plan.id, ctx.core.clock.now(), figures);
        match store::beat(&ctx.core.db, row).await {
            Ok(state) if ended(state) => shared.stop.store(true, Ordering::Relaxed),
            Ok(_) => {}
            // The database may be back before the watchdog; the computation goes on.
            Err(error) => tracing::warn!(%error, plan = plan.number, "a plan's heartbeat was not written"),
        }
    }
}

/// The computation itself.
fn work(
    ctx: &Context,
    picture: &Snapshot,
    mut built: Built,
    wish: &Wish,
    now: chrono::DateTime<Utc>,
    shared: &Shared,
) -> Result<Told> {
    let began = Instant::now();
    let clock = move || began.elapsed().as_secs_f64();
    let mut budget = if wish.max_iterations > 0 {
        let mut budget = Budget::iterations(wish.max_iterations);
        // A plan of so many iterations is the same every time; the seconds only guard against one without end.
        budget.seconds = Some(f64::from(wish.seconds.max(1)) * 10.0);
        budget.clock = Some(&clock);
        budget
    } else {
        Budget::seconds(f64::from(wish.seconds.max(1)), &clock)
    };
    budget.stop = Some(&shared.stop);
    let problem = std::mem::take(&mut built.problem);
    let tables = Arc::new(Tables::new(problem.clone(), built.ways.clone()));
    built.problem = problem;
    let present = PlanState::from_plan(tables.clone(), &built.present);
    let before = present.plan().cost;
    let mut iterations = 0;
    let mut progress = |seen: Progress| {
        iterations = seen.iterations;
        *shared.progress.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    };
    let state: PlanState<Ways> = match wish.mode {
        Mode::Whole => {
            search(&tables, Some(&built.present), wish.seed, ctx.config.plan.threads.max(1), &budget, &mut progress)
        }
        Mode::Repair => {
            let near = (now - built.zero).num_seconds() + TOO_NEAR_SECONDS;
            let disturbance = Disturbance { freeze_before: i32::try_from(near).ok(), ..Disturbance::default() };
            repair(&present, &disturbance, wish.seed, &budget, &mut progress).state
        }
    };
    let after = state.plan();
    let mut told = tell(ctx, picture, &built, &state, (&before, &after))?;
    told.outcome.iterations = iterations;
    told.outcome.seconds = clock();
    Ok(told)
}

/// Writes the result, in one transaction with the state it leads to.
async fn hand_in(ctx: &Context, plan: &Plan, told: Result<Told>) -> Result<()> {
    let call = Call::internal(&ctx.core, ctx.core.service, "plan");
    let tx = ctx.core.db.begin().await?;
    let Some(present) = store::find(&tx, plan.id.as_str()).await? else { return Ok(()) };
    match told {
        Ok(told) => {
            // It may have been failed by the watchdog of another replica meanwhile; then nobody wants it.
            if present.outcome.is_some() || !present.state.allowed().contains(&"finish") {
                return Ok(());
            }
            store::write_visits(&tx, &plan.id, &told.visits).await?;
            store::save(&tx, &call, present.finish(told.outcome, call.now)?).await?;
        }
        Err(error) => {
            let code = if error.reason == reason::NOTHING_TO_PLAN { "nothing_to_plan" } else { "internal" };
            if error.reason != reason::NOTHING_TO_PLAN {
                tracing::error!(%error, cause = ?error.cause(), plan = plan.number, "a plan failed");
            }
            let Some(failed) = present.fail(code, call.now) else { return Ok(()) };
            store::save(&tx, &call, failed).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
