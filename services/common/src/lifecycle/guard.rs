//! What stands before every RPC, alone or beside others in one process: a bound on calls in work, a deadline, a stop
//! for panics, and the numbers (rate, errors, duration).

use std::{
    collections::HashMap,
    convert::Infallible,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::Body;
use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, Request, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status, service::Routes};
use tower::{Layer, Service};

use crate::{
    auth,
    catalog::{Catalog, Language},
    config::Limits,
    error::{Error, reason},
    rpc,
};

/// Deadline of a call, in its extensions: what it calls in turn must end before.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// Puts the guard before a service's routes, for a port as well as for neighbours in the same process.
#[must_use]
pub fn guarded(routes: Routes, guard: Guard) -> Routes {
    routes.prepare().into_axum_router().layer(guard).into()
}

/// The guard; one for all services of a process, because they share its memory.
#[derive(Clone, Debug)]
pub struct Guard {
    room: Arc<Semaphore>,
    limits: Limits,
    catalog: Arc<Catalog>,
}

impl Guard {
    /// A guard with these limits.
    ///
    /// # Errors
    ///
    /// Never, as long as the embedded texts are whole.
    pub fn new(limits: &Limits) -> anyhow::Result<Self> {
        // Now, and not while the first calls wait for it.
        LazyLock::force(&METHODS);
        let room = Arc::new(Semaphore::new(limits.concurrent_calls.min(Semaphore::MAX_PERMITS)));
        Ok(Self { room, limits: limits.clone(), catalog: Arc::new(Catalog::common()?) })
    }

    fn refuse(&self, language: Language, error: Error) -> Status {
        rpc::status_in(&self.catalog, language, error)
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: self.clone(), inner }
    }
}

/// A service behind the guard.
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    guard: Guard,
    inner: S,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let guard = self.guard.clone();
        Box::pin(async move {
            let mut account = Account::open(request.uri().path());
            let headers = request.headers();
            let accepted = headers.get(auth::LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let language = Language::negotiate(accepted);
            let left = asked_for(headers).unwrap_or(guard.limits.default_deadline).min(guard.limits.longest_deadline);
            // Probes are answered however busy we are.
            if account.method.counted {
                let Ok(permit) = guard.room.clone().try_acquire_owned() else {
                    let status = guard.refuse(language, Error::new(reason::OVERLOADED));
                    account.close(status.code());
                    return Ok(status.into_http());
                };
                account.permit = Some(permit);
            }
            request.extensions_mut().insert(Deadline(Instant::now() + left));
            let answer = AssertUnwindSafe(inner.call(request)).catch_unwind();
            let refused = match tokio::time::timeout(left, answer).await {
                Ok(Ok(Ok(response))) => return Ok(account.watch(response)),
                Ok(Ok(Err(never))) => match never {},
                // The panic hook has logged it.
                Ok(Err(_panic)) => Error::new(reason::INTERNAL),
                Err(_) => Error::new(reason::DEADLINE_EXCEEDED),
            };
            let status = guard.refuse(language, refused);
            account.close(status.code());
            Ok(status.into_http())
        })
    }
}

/// The deadline that the caller set, as `grpc-timeout` says it: up to eight digits and a unit.
#[must_use]
pub fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Labels of a method. Only methods of the contract have their own: what strangers invent must not fill the memory.
#[derive(Clone, Copy, Debug)]
struct Method {
    service: &'static str,
    name: &'static str,
    counted: bool,
    /// Whether it answers with a stream, which may last as long as its reader stays.
    streams: bool,
}

static METHODS: LazyLock<HashMap<String, Method>> = LazyLock::new(|| {
    let Ok(pool) = prost_reflect::DescriptorPool::decode(proto::DESCRIPTORS) else { return HashMap::new() };
    // Once per process, and for its whole life.
    let keep = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    let methods = pool.services().flat_map(|service| {
        let name = keep(service.full_name());
        service
            .methods()
            .map(|method| {
                let path = format!("/{name}/{}", method.name());
                (
                    path,
                    Method {
                        service: name,
                        name: keep(method.name()),
                        counted: true,
                        streams: method.is_server_streaming(),
                    },
                )
            })
            .collect::<Vec<_>>()
    });
    methods.collect()
});

fn method(path: &str) -> Method {
    let other =
        || Method { service: "other", name: "other", counted: !path.starts_with("/grpc.health.v1."), streams: false };
    METHODS.get(path).copied().unwrap_or_else(other)
}

/// The books of one call, closed exactly once: at its end, or when its client goes away.
struct Account {
    method: Method,
    begun: Instant,
    open: bool,
    permit: Option<OwnedSemaphorePermit>,
}

impl Account {
    fn open(path: &str) -> Self {
        let method = method(path);
        metrics::gauge!("aftercare_rpc_in_work", "service" => method.service).increment(1.0);
        Self { method, begun: Instant::now(), open: true, permit: None }
    }

    fn close(&mut self, code: Code) {
        if !std::mem::replace(&mut self.open, false) {
            return;
        }
        self.permit = None;
        let Method { service, name, .. } = self.method;
        metrics::gauge!("aftercare_rpc_in_work", "service" => service).decrement(1.0);
        metrics::counter!("aftercare_rpc_total", "service" => service, "method" => name, "code" => code_name(code))
            .increment(1);
        metrics::histogram!("aftercare_rpc_seconds", "service" => service, "method" => name)
            .record(self.begun.elapsed().as_secs_f64());
    }

    /// Closes the books when the answer's last frame has gone.
    fn watch(mut self, response: Response<Body>) -> Response<Body> {
        match Status::from_header_map(response.headers()) {
            Some(status) => {
                self.close(status.code());
                response
            }
            None => {
                // An open stream is no call in work: whoever serves it bounds how many there are.
                if self.method.streams {
                    self.permit = None;
                }
                response.map(|body| Body::new(Watched { body, account: self }))
            }
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.close(Code::Cancelled);
    }
}

struct Watched {
    body: Body,
    account: Account,
}

impl HttpBody for Watched {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map) {
                    self.account.close(status.code());
                }
            }
            Poll::Ready(Some(Err(_))) => self.account.close(Code::Unknown),
            Poll::Ready(None) => self.account.close(Code::Ok),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_as_grpc_writes_them() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", http::HeaderValue::from_static(text));
            asked_for(&headers)
        };
        assert_eq!(read("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("99999999S"), Some(Duration::from_secs(99_999_999)));
        for nonsense in ["", "S", "999999999S", "5", "-5S", "5x", "5 S"] {
            assert_eq!(read(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn only_methods_of_the_contract_have_labels() {
        assert_eq!(method("/aftercare.common.v1.EventService/Republish").name, "Republish");
        assert_eq!(method("/evil.Service/Random123").name, "other");
        assert!(!method("/grpc.health.v1.Health/Check").counted);
    }
}
