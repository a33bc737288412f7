//! The worker that runs jobs. A lease says which process runs which job; what a job has done is written with its progress
//! in one transaction, so the next holder goes on where the last one stopped, and a holder that lost its lease writes nothing.

use std::{future::Future, time::Duration};

use common::{
    Error, Result,
    catalog::Language,
    db::Tx,
    error::reason,
    lease::Lease,
    record::{Actor, Record as _},
    service::{Call, Worker},
    timer::{self, Timer},
};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::{download, export, import, person, report};
use crate::{
    domain::exchange::{Job, JobId, Owner, Progress, State, Task},
    error::TOO_MANY_JOBS,
    service::Context,
    store::exchange::{self as store, Found, Part},
};

/// A job's result is to be deleted.
pub(crate) const EXPIRE: &str = "exchange.expire";
/// How long a holder may be silent before another takes the job over.
const TERM: Duration = Duration::from_secs(30);
/// How often a process looks for jobs that nobody runs.
const LOOK: Duration = Duration::from_secs(2);
/// Tries of one call before the job gives up; the pauses between them add up to about four minutes.
const TRIES: u32 = 8;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why a run ended before the job did.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The process stops, or another one runs the job now; it is not over.
    Left,
    /// The job was cancelled.
    Cancelled,
    /// The job cannot succeed: a stable reason and a text.
    Failed(String, String),
    /// Something here broke.
    Broken(Error),
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

/// One run of one job.
pub(crate) struct Run<'c> {
    pub(crate) ctx: &'c Context,
    pub(crate) progress: Progress,
    pub(crate) language: Language,
    owner: Owner,
    lease: Lease,
    stop: CancellationToken,
}

impl Run<'_> {
    /// Who acts.
    pub(crate) fn actor(&self) -> Actor {
        self.owner.actor()
    }

    /// Goes on only while the process lives and the lease is held.
    pub(crate) async fn check(&mut self) -> Result<(), Ended> {
        if self.stop.is_cancelled() || !self.lease.keep().await? {
            return Err(Ended::Left);
        }
        Ok(())
    }

    /// Tries a call again while it may pass; what a service says for good ends the job.
    pub(crate) async fn patiently<T, F>(&self, call: impl Fn() -> F) -> Result<T, Ended>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let mut pause = Duration::from_millis(500);
        for tried in 1.. {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(status) if report::passes(&status) && tried < TRIES => {
                    tracing::info!(%status, tried, "a job waits for a service");
                    tokio::select! {
                        () = self.stop.cancelled() => return Err(Ended::Left),
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(status) => {
                    let (reason, text) = report::reason(&status);
                    return Err(Ended::Failed(reason, text));
                }
            }
        }
        Err(Ended::Left)
    }

    /// Writes the next piece together with the progress it makes.
    pub(crate) async fn write(
        &mut self,
        id: &JobId,
        (part, bytes): (Part, Vec<u8>),
        mut progress: Progress,
    ) -> Result<(), Ended> {
        let tx = self.ctx.core.db.begin().await?;
        store::add_piece(&tx, id, part, progress.pieces, bytes).await?;
        progress.pieces += 1;
        self.noted(tx, id, progress).await
    }

    /// Writes how far it is.
    pub(crate) async fn note(&mut self, id: &JobId, progress: Progress) -> Result<(), Ended> {
        let tx = self.ctx.core.db.begin().await?;
        self.noted(tx, id, progress).await
    }

    async fn noted(&mut self, tx: Tx, id: &JobId, progress: Progress) -> Result<(), Ended> {
        match store::note(&tx, id, &progress).await {
            Ok(()) => tx.commit().await?,
            Err(error) if error.reason == reason::CONFLICT => return Err(Ended::Cancelled),
            Err(error) => return Err(error.into()),
        }
        self.progress = progress;
        Ok(())
    }
}

/// A service's refusal on its way to the caller, as it is.
pub(crate) fn passed_on(status: Status) -> Error {
    let (name, text) = report::reason(&status);
    let known = reason::ALL.iter().find(|known| known.name == name).copied();
    let mut error = Error::new(known.unwrap_or(reason::UNAVAILABLE));
    let details = status.get_error_details();
    for (fact, value) in details.error_info().into_iter().flat_map(|info| &info.metadata) {
        for place in ["order_by", "allowed", "role", "prefix", "id", "record_kind"] {
            if fact == place {
                error = error.with(place, value);
            }
        }
    }
    for field in details.bad_request().into_iter().flat_map(|bad| &bad.field_violations) {
        error = error.field(&field.field, &field.description);
    }
    error.caused_by(anyhow::anyhow!("{name}: {text}"))
}

/// Writes a new job; its worker takes it up after the commit.
///
/// # Errors
///
/// `TOO_MANY_JOBS` when the caller has as many open ones as anybody may have.
pub(crate) async fn begin(ctx: &Context, call: &Call, tx: &Tx, task: Task) -> Result<Found> {
    let owner = Owner::of(&call.actor);
    let limit = ctx.config.exchange.open_jobs;
    if store::open_of(tx, owner.key()).await? >= limit {
        return Err(Error::new(TOO_MANY_JOBS).with("limit", limit));
    }
    let job = Job {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        owner,
        language: call.language.tag().to_owned(),
        task,
        state: State::Queued,
    };
    store::insert(tx, call, job, download::secret(&ctx.core)).await
}

/// The worker that runs jobs, several at once.
pub(crate) fn worker(ctx: &Context) -> Worker {
    let ctx = ctx.clone();
    Worker {
        name: "exchange.jobs",
        run: Box::new(move |stop| {
            Box::pin(async move {
                let lanes = (0..ctx.config.exchange.workers.max(1)).map(|_| lane(&ctx, &stop));
                join_all(lanes).await;
                Ok(())
            })
        }),
    }
}

async fn lane(ctx: &Context, stop: &CancellationToken) {
    let holder = ctx.core.ids.uuid(ctx.core.clock.now()).simple().to_string();
    while !stop.is_cancelled() {
        match turn(ctx, &holder, stop).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, cause = ?error.cause(), "jobs wait: the database does not answer"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = ctx.exchange.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Runs the oldest job that nobody runs; says whether there was one. Tests call it by hand.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn turn(ctx: &Context, holder: &str, stop: &CancellationToken) -> Result<bool> {
    for id in store::open(ctx.core.db.read()).await? {
        let mut lease = Lease::new(ctx.core.db.clone(), format!("exchange/{id}"), holder, TERM);
        if !lease.acquire().await? {
            continue;
        }
        // The list may be older than the lease.
        let Some(found) = store::find(ctx.core.db.write(), &id).await? else { continue };
        if !matches!(found.job.state, State::Queued | State::Running) {
            lease.release().await?;
            continue;
        }
        run(ctx, found, lease, stop).await?;
        return Ok(true);
    }
    Ok(false)
}

async fn run(ctx: &Context, found: Found, lease: Lease, stop: &CancellationToken) -> Result<()> {
    let Found { job, progress, .. } = found;
    let language = super::language(&job.language);
    let mut run = Run { ctx, progress, language, owner: job.owner.clone(), lease, stop: stop.clone() };
    let id = job.id.clone();
    let result = match started(ctx, job).await {
        Ok(job) => match &job.task {
            Task::Export { path, query, format } => {
                export::run(&mut run, &job, export::Wish { path, query, format: *format }).await
            }
            Task::Import { kind, dry_run, .. } => import::run(&mut run, &job, *kind, *dry_run).await,
            Task::PersonalData { customer_id } => person::collect(&mut run, &job, customer_id).await,
            Task::Erasure { customer_id, reason } => person::forget(&mut run, &job, customer_id, reason).await,
            Task::Replay => person::replay(&mut run, &job).await,
        },
        Err(error) => Err(error.into()),
    };
    let ended = match result {
        Ok(bytes) => end(ctx, &id, |job, call| job.finish(bytes, expiry(ctx, call), call.now)).await,
        Err(Ended::Left) => Ok(()),
        Err(Ended::Cancelled) => store::drop_pieces(ctx.core.db.write(), &id, None).await,
        Err(Ended::Failed(reason, text)) => fail(ctx, &id, &reason, &text).await,
        Err(Ended::Broken(error)) => match error.kind() {
            common::error::Kind::Unavailable | common::error::Kind::Aborted | common::error::Kind::DeadlineExceeded => {
                Err(error)
            }
            _ => {
                let (reason, text) = report::told(ctx, language, error);
                fail(ctx, &id, &reason, &text).await
            }
        },
    };
    run.lease.release().await?;
    ended
}

async fn fail(ctx: &Context, id: &JobId, reason: &str, text: &str) -> Result<()> {
    end(ctx, id, |job, call| job.fail((reason, text), expiry(ctx, call), call.now)).await
}

/// The job as it runs.
async fn started(ctx: &Context, job: Job) -> Result<Job> {
    if job.state == State::Running {
        return Ok(job);
    }
    let call = Call::internal(&ctx.core, "gateway", "exchange.start");
    let tx = ctx.core.db.begin().await?;
    let job = store::save(&tx, &call, job.start(call.now)?).await?;
    tx.commit().await?;
    Ok(job)
}

/// When the result of a job that ends now is deleted.
pub(crate) fn expiry(ctx: &Context, call: &Call) -> chrono::DateTime<chrono::Utc> {
    let kept = chrono::Duration::from_std(ctx.config.exchange.result_kept).unwrap_or(chrono::Duration::days(1));
    call.now + kept
}

/// Ends a job, whatever became of it meanwhile.
async fn end(
    ctx: &Context,
    id: &JobId,
    change: impl Fn(Job, &Call) -> Result<common::record::Changed<Job>>,
) -> Result<()> {
    let call = Call::internal(&ctx.core, "gateway", "exchange.end");
    let tx = ctx.core.db.begin().await?;
    let Some(found) = store::find(&tx, id.as_str()).await? else { return Ok(()) };
    let changed = match change(found.job, &call) {
        Ok(changed) => changed,
        // Cancelled at the last moment.
        Err(error) if error.reason == reason::ILLEGAL_TRANSITION => {
            store::drop_pieces(&tx, id, None).await?;
            tx.commit().await?;
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let job = store::save(&tx, &call, changed).await?;
    store::drop_pieces(&tx, id, Some(Part::Source)).await?;
    store::drop_pieces(&tx, id, Some(Part::Rows)).await?;
    timer::schedule(&tx, EXPIRE, job.id(), expiry(ctx, &call)).await?;
    tx.commit().await?;
    Ok(())
}

/// The timer of an ended job: what it made goes, and what it said about people.
pub(crate) async fn expire(_: &Context, call: &Call, tx: &Tx, timer: &Timer) -> Result<()> {
    let Some(found) = store::find(tx, &timer.subject).await? else { return Ok(()) };
    let id = found.job.id.clone();
    store::drop_pieces(tx, &id, None).await?;
    store::blank(tx, &id).await?;
    match found.job.expire(call.now) {
        Ok(changed) => store::save(tx, call, changed).await.map(|_| ()),
        Err(error) if error.reason == reason::ILLEGAL_TRANSITION => Ok(()),
        Err(error) => Err(error),
    }
}
