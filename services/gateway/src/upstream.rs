//! Where a call goes: by the gRPC service's name to a service in this process or to one behind a channel. Here, and
//! only here, a call that got no answer is sent again.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use common::{lifecycle::guard, run::Balanced};
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, request::Parts};
use http_body_util::{BodyExt as _, Full, Limited};
use tonic::{Code, Status, body::Body, service::Routes};
use tower::{Service, ServiceExt as _};

use crate::protection::{
    circuit::{Circuit, Outcome},
    classes::{Plan, Plans},
    retry::{ATTEMPTS, Budget, PREVIOUS, may_repeat, pause},
};

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// Largest answer of one call.
pub(crate) const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// What is kept of the time that is left, for the way back.
const MARGIN: Duration = Duration::from_millis(10);
/// A call that had less time says nothing about its service when it ran out.
const ENOUGH_TIME: Duration = Duration::from_secs(1);

/// One service behind the door.
#[derive(Clone)]
pub enum Upstream {
    /// In this process.
    Local(Routes),
    /// Over the network.
    Remote(Remote),
}

impl Upstream {
    /// The service of this name at an address such as `http://intake:7000`. Connects when it is first needed, again
    /// whenever it must, and finds out by itself that the other side is gone.
    ///
    /// # Errors
    ///
    /// When the address is none.
    pub fn remote(name: &str, address: &str) -> anyhow::Result<Self> {
        let balanced = Balanced::new(address)?;
        Ok(Self::Remote(Remote { balanced, circuit: Circuit::new(name), budget: Arc::default() }))
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(_) => out.write_str("Local"),
            Self::Remote(remote) => remote.fmt(out),
        }
    }
}

/// A service over the network, with its circuit and what is left for further attempts.
#[derive(Clone, Debug)]
pub struct Remote {
    balanced: Balanced,
    circuit: Circuit,
    budget: Arc<Budget>,
}

/// What came of one attempt.
enum Attempt {
    /// The service's answer, final.
    Answer(Response<Body>),
    /// No answer, or one that says that it cannot serve; with what it said, when it said something.
    Failed(Status, Option<Response<Body>>),
}

impl Remote {
    /// One request, one answer: sent again when it got none and may be.
    async fn unary(&self, plan: Plan, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (parts, body) = request.into_parts();
        let frame = body.collect().await?.to_bytes();
        let repeatable = may_repeat(plan.repeat, &frame);
        let given = guard::asked_for(&parts.headers);
        let until = given.map(|given| Instant::now() + given);
        self.budget.earn();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let request = attempt(&parts, left, attempts).map(|()| Body::new(Full::new(frame.clone())));
            let (status, response) = match self.once(request, left).await? {
                Attempt::Answer(response) => return Ok(response),
                Attempt::Failed(status, response) => (status, response),
            };
            let headers = response.as_ref().map(Response::headers);
            let wait = pause(&status, headers, attempts).filter(|_| repeatable && attempts < ATTEMPTS);
            let wait = wait.filter(|wait| until.is_none_or(|until| Instant::now() + *wait + MARGIN < until));
            match wait.filter(|_| self.budget.spend()) {
                Some(wait) => {
                    metrics::counter!("aftercare_gateway_repeated_total").increment(1);
                    tokio::time::sleep(wait).await;
                }
                None => return response.ok_or(status),
            }
        }
    }

    /// One attempt, with its answer read whole: what breaks off half-way can still be asked again.
    async fn once(&self, request: Request<Body>, left: Option<Duration>) -> Result<Attempt, Status> {
        let leave = self.circuit.ask(Instant::now()).map_err(|_| left_alone())?;
        let sent = async {
            let (head, body) = self.balanced.send(request).await?.into_parts();
            match Limited::new(body, LARGEST_ANSWER).collect().await {
                Ok(body) => {
                    let status = Status::from_header_map(&head.headers)
                        .or_else(|| body.trailers().and_then(Status::from_header_map));
                    Ok((status, Response::from_parts(head, Body::new(body))))
                }
                Err(error) => Err(unanswered(error)),
            }
        };
        let (status, response) = match within(left, sent).await {
            None => {
                // Dropping the leave says nothing: so little time may simply have been too little.
                if left.is_some_and(|left| left >= ENOUGH_TIME) {
                    leave.tell(Outcome::TimedOut);
                }
                return Err(too_late());
            }
            Some(Err(status)) if status.code() == Code::DeadlineExceeded => {
                if left.is_some_and(|left| left >= ENOUGH_TIME) {
                    leave.tell(Outcome::TimedOut);
                }
                return Err(status);
            }
            Some(Err(status)) => {
                leave.tell(Outcome::Unavailable);
                return Ok(Attempt::Failed(status, None));
            }
            Some(Ok(answer)) => answer,
        };
        match status.as_ref().map(Status::code) {
            Some(Code::Unavailable) => leave.tell(Outcome::Unavailable),
            Some(Code::DeadlineExceeded) if left.is_some_and(|left| left >= ENOUGH_TIME) => {
                leave.tell(Outcome::TimedOut);
            }
            Some(Code::DeadlineExceeded) => drop(leave),
            _ => leave.tell(Outcome::Answered),
        }
        Ok(match status {
            Some(status) if status.code() == Code::Unavailable => Attempt::Failed(status, Some(response)),
            _ => Attempt::Answer(response),
        })
    }

    /// A stream in either direction: asked once, its elements pass as they come.
    async fn stream(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let leave = self.circuit.ask(Instant::now()).map_err(|_| left_alone())?;
        let answer = self.balanced.send(request).await;
        let status = answer.as_ref().ok().and_then(|response| Status::from_header_map(response.headers()));
        let unavailable = answer.is_err() || status.is_some_and(|status| status.code() == Code::Unavailable);
        leave.tell(if unavailable { Outcome::Unavailable } else { Outcome::Answered });
        answer
    }
}

/// The head of one attempt: the time that is left now, less the way back, and how many went before.
fn attempt(parts: &Parts, left: Option<Duration>, number: u32) -> Request<()> {
    let mut parts = parts.clone();
    if let Some(left) = left {
        let theirs = left.saturating_sub(MARGIN).max(left / 2).as_millis().max(1);
        if let Ok(value) = HeaderValue::try_from(format!("{theirs}m")) {
            parts.headers.insert(GRPC_TIMEOUT, value);
        }
    }
    if number > 1 {
        parts.headers.insert(PREVIOUS, HeaderValue::from(number - 1));
    } else {
        parts.headers.remove(PREVIOUS);
    }
    Request::from_parts(parts, ())
}

async fn within<T>(left: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match left {
        Some(left) => tokio::time::timeout(left, work).await.ok(),
        None => Some(work.await),
    }
}

/// An error that the door puts into its own words: it has a source.
fn with_source(mut status: Status, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Status {
    status.set_source(Arc::from(source.into()));
    status
}

fn left_alone() -> Status {
    with_source(Status::unavailable(""), "the service does not answer and is left alone for a while")
}

fn too_late() -> Status {
    with_source(Status::deadline_exceeded(""), "no answer in time")
}

fn unanswered(error: Box<dyn std::error::Error + Send + Sync>) -> Status {
    with_source(Status::unavailable(""), error)
}

/// All services behind the door. A gRPC service of itself, so that every client can be built over it.
#[derive(Clone, Debug)]
pub(crate) struct Upstreams(Arc<Known>);

#[derive(Debug)]
struct Known {
    /// By package, `intake` for `aftercare.intake.v1`.
    packages: HashMap<String, Upstream>,
    /// By the gRPC service's full name: what is no part of our contract, such as health.
    services: HashMap<String, Upstream>,
    plans: Arc<Plans>,
}

impl Upstreams {
    pub(crate) fn new(
        packages: HashMap<String, Upstream>,
        services: HashMap<String, Upstream>,
        plans: Arc<Plans>,
    ) -> Self {
        Self(Arc::new(Known { packages, services, plans }))
    }

    /// Whether this path names a service that stands beside the contract.
    pub(crate) fn beside_contract(&self, path: &str) -> bool {
        self.0.services.contains_key(service(path))
    }

    /// The packages that are served.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &str> {
        self.0.packages.keys().map(String::as_str)
    }

    fn find(&self, path: &str) -> Option<&Upstream> {
        let service = service(path);
        self.0.services.get(service).or_else(|| {
            let package = service.strip_prefix("aftercare.")?.split('.').next()?;
            self.0.packages.get(package)
        })
    }
}

/// `x.Y` of `/x.Y/Z`.
fn service(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

impl Service<Request<Body>> for Upstreams {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let upstream = self.find(request.uri().path()).cloned();
        let plan = self.0.plans.of(request.uri().path());
        Box::pin(async move {
            match (upstream, plan) {
                (Some(Upstream::Local(routes)), _) => routes.oneshot(request).await.map_err(|never| match never {}),
                (Some(Upstream::Remote(remote)), Some(plan)) if !plan.streams => remote.unary(plan, request).await,
                (Some(Upstream::Remote(remote)), _) => remote.stream(request).await,
                // An error that the door puts into its own words: the part is missing here, not the RPC.
                (None, _) => Err(Status::from_error("no address for this service".into())),
            }
        })
    }
}

/// Whether the headers of an answer say that the service answered, as opposed to that it could not.
pub(crate) fn answered(headers: &HeaderMap) -> bool {
    Status::from_header_map(headers)
        .is_none_or(|status| !matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled))
}

#[cfg(test)]
mod tests;
