//! The admin port: probes and metrics. Liveness never asks a dependency, or an outage would become restarts.

use std::{fmt, sync::Arc, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use futures::future::{BoxFuture, join_all};
use tokio::{net::TcpListener, sync::watch};

/// Longest time a dependency may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks one dependency whether it is there.
pub type Check = Arc<dyn Fn() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>;

/// Whether this process wants traffic, and what it needs for it.
#[derive(Clone)]
pub struct Readiness {
    open: watch::Sender<bool>,
    checks: Vec<(String, Check)>,
}

impl fmt::Debug for Readiness {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.checks.iter().map(|(name, _)| name).collect();
        write!(out, "Readiness({}, {names:?})", *self.open.borrow())
    }
}

impl Readiness {
    /// Not ready yet; `checks` are asked at every probe once it is open.
    #[must_use]
    pub fn new(checks: Vec<(String, Check)>) -> Self {
        Self { open: watch::Sender::new(false), checks }
    }

    /// Started: traffic may come.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Stopping: traffic must go elsewhere.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// What is missing; empty when ready.
    pub async fn missing(&self) -> Vec<String> {
        if !*self.open.borrow() {
            return vec!["starting or stopping".to_owned()];
        }
        let asked = self.checks.iter().map(|(name, check)| async move {
            match tokio::time::timeout(PATIENCE, check()).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => {
                    tracing::warn!(dependency = name, error = format!("{error:#}"), "not ready");
                    Some(name.clone())
                }
                Err(_) => Some(format!("{name} (no answer)")),
            }
        });
        join_all(asked).await.into_iter().flatten().collect()
    }
}

/// The routes of the admin port.
pub fn router(readiness: Readiness) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(metrics))
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    let missing = readiness.missing().await;
    if missing.is_empty() {
        (StatusCode::OK, "ok".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, missing.join("\n"))
    }
}

async fn metrics() -> (StatusCode, String) {
    match crate::telemetry::metrics_handle() {
        Ok(handle) => {
            handle.run_upkeep();
            (StatusCode::OK, handle.render())
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// Serves the admin port until the process ends; it answers while the rest is drained.
///
/// # Errors
///
/// When the socket fails.
pub async fn serve(listener: TcpListener, readiness: Readiness) -> anyhow::Result<()> {
    Ok(axum::serve(listener, router(readiness)).await?)
}
