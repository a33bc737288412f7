//! The life of a process: workers that must not end by themselves, a stop that always comes to an end, and sockets
//! that are cut when their peers do not leave.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::FutureExt as _;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

use crate::{
    config::{Drain, Limits},
    telemetry,
};

pub mod admin;
pub mod guard;
mod paced;
mod server;
pub mod socket;
pub mod tls;

use self::{server::Server, tls::Tls};

/// How long workers may take to end.
const WORKERS: Duration = Duration::from_secs(5);

/// The life of one process (or of one test's services). Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Stopping began: no new work.
    stopping: CancellationToken,
    /// Calls are done: workers end.
    ending: CancellationToken,
    workers: TaskTracker,
    failed: AtomicBool,
}

impl Lifecycle {
    /// A new life.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins to stop. More than once is no harm.
    pub fn stop(&self) {
        self.0.stopping.cancel();
    }

    /// Cancelled when stopping begins.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Whether something ended that must not end by itself.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Stops on SIGTERM and ctrl-c; the second signal ends the process at once.
    pub fn obey_signals(&self) {
        let life = self.clone();
        tokio::spawn(async move {
            signal().await;
            tracing::info!("stopping");
            life.stop();
            signal().await;
            tracing::warn!("stopped at once by a second signal");
            std::process::exit(1);
        });
    }

    /// Runs a worker. It gets a token that is cancelled after the last call; when it fails, panics, or ends before
    /// that, the whole process stops with failure: a service without its workers only looks alive.
    pub fn spawn<W>(&self, name: impl Into<String>, work: impl FnOnce(CancellationToken) -> W)
    where
        W: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (life, name) = (self.clone(), name.into());
        let token = self.0.ending.clone();
        let work = AssertUnwindSafe(work(token.clone())).catch_unwind();
        self.0.workers.spawn(async move {
            match work.await {
                Ok(Ok(())) if token.is_cancelled() => return,
                Ok(Ok(())) => tracing::error!(worker = name, "worker ended by itself"),
                Ok(Err(error)) => tracing::error!(worker = name, error = format!("{error:#}"), "worker failed"),
                Err(panic) => tracing::error!(worker = name, "worker panicked: {}", telemetry::message(&*panic)),
            }
            life.0.failed.store(true, Ordering::Relaxed);
            life.stop();
        });
    }

    /// Ends the workers and waits for them, for five seconds at the most.
    pub async fn end_workers(&self) {
        self.0.ending.cancel();
        self.0.workers.close();
        if tokio::time::timeout(WORKERS, self.0.workers.wait()).await.is_err() {
            tracing::warn!(workers = self.0.workers.len(), "workers did not end in time");
        }
    }

    /// Serves `routes` until stopping begins, then lets calls in work finish within the drain deadline and cuts off
    /// whoever is still there. (The server library's own graceful stop waits for ever for a peer that is silent.)
    ///
    /// # Errors
    ///
    /// When the server itself fails.
    pub async fn serve(
        &self,
        listener: TcpListener,
        routes: Routes,
        limits: &Limits,
        drain: &Drain,
        protocols: Protocols,
        tls: Option<Tls>,
    ) -> anyhow::Result<()> {
        let stopping = self.stopping();
        // Refusing new connections begins after the notice, so that nobody is sent here in vain.
        let (closing, cut) = (CancellationToken::new(), CancellationToken::new());
        if let Some(tls) = &tls {
            tokio::spawn(tls.clone().follow(closing.clone()));
        }
        let server =
            Server { routes, limits: limits.clone(), protocols, tls, closing: closing.clone(), cut: cut.clone() };
        let serving = server.run(listener);
        tokio::pin!(serving);
        tokio::select! {
            () = &mut serving => return Ok(()),
            () = async { stopping.cancelled().await; tokio::time::sleep(drain.notice).await } => closing.cancel(),
        }
        let drained = tokio::time::timeout(drain.deadline, &mut serving).await;
        if drained.is_ok() {
            return Ok(());
        }
        tracing::warn!(deadline_ms = drain.deadline.as_millis(), "cutting off peers that did not leave");
        cut.cancel();
        // With its sockets gone the server ends; should it not, dropping it is what is left.
        let _ = tokio::time::timeout(Duration::from_secs(1), serving).await;
        Ok(())
    }
}

/// What a port speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// gRPC only: HTTP/2.
    Grpc,
    /// HTTP/1 as well, for browsers and REST clients.
    Http,
}

async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        },
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be heard");
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(test)]
mod tests;
