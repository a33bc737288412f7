//! The way of one RPC into a service and out again, the same for all: identity, validation, retries, errors.

use std::time::Duration;

use prost::Message;
use proto::{Clear, Mask};
use tonic::{Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::{
    auth,
    catalog::{Catalog, Language},
    error::{Error, FieldViolation, Kind, Result, reason},
    reach::Reach,
    record::Personal,
    service::{Call, Core, Origin},
    whose,
};

/// How often a write that lost a race is tried in all.
const TRIES: u32 = 4;
/// When a refused call may be repeated, where nobody knows better.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
/// The domain that stands in every `ErrorInfo`.
pub const ERROR_DOMAIN: &str = "aftercare";

/// Reads who calls and checks the request against the contract's rules.
///
/// # Errors
///
/// `UNAUTHENTICATED`, `NOT_ALLOWED` or `INVALID_FIELDS`, as a status in the caller's language.
pub fn enter<Q: proto::Request>(core: &Core, method: &'static str, request: Request<Q>) -> Result<(Call, Q), Status> {
    let text = |key: &str| request.metadata().get(key).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let language = Language::negotiate(text(auth::LANGUAGE));
    let refuse = |error: Error| status(core, language, error);
    let actor = core.identity.verify(text(auth::IDENTITY)).map_err(refuse)?;
    let origin = Origin {
        address: text(auth::ADDRESS).to_owned(),
        user_agent: text(auth::AGENT).to_owned(),
        session_id: text(auth::SESSION).to_owned(),
    };
    let reach = Reach::of(method, &actor).map_err(refuse)?;
    let call = Call {
        actor,
        reach,
        origin,
        now: core.clock.now(),
        language,
        method,
        ids: core.ids.clone(),
        service: core.service,
    };
    let body = request.into_inner();
    validate(&body).map_err(refuse)?;
    refuse_guessing(&call, &body).map_err(refuse)?;
    Ok((call, body))
}

/// Whoever sees personal data masked must not find it by looking for it: by asking for a number, or by the order of names.
fn refuse_guessing<Q: proto::Request>(call: &Call, request: &Q) -> Result<()> {
    let lists = call.method.contains("/list_") || call.method.contains("/find_");
    let guesses = Q::PERSONAL && (request.asks_personal() || request.order_by().starts_with("name"));
    if lists && guesses && call.actor.sees_personal() != Personal::All {
        return Err(Error::new(reason::PERSONAL_FILTER).with("role", call.actor.role.as_str()));
    }
    Ok(())
}

/// Whose personal data the caller of this answer sees in full.
async fn clear(core: &Core, call: &Call) -> Result<Clear> {
    Ok(match call.actor.sees_personal() {
        Personal::All => Clear::All,
        Personal::None => Clear::Nobody,
        Personal::OwnVisits => {
            let mut clear = whose::clear(core.db.read(), &call.actor.id, call.now).await?;
            clear.insert(call.actor.id.clone());
            Clear::Of(clear)
        }
    })
}

/// Checks a request against the contract's rules.
///
/// # Errors
///
/// `INVALID_FIELDS` naming every field at fault.
pub fn validate(request: &impl proto::Request) -> Result<()> {
    let violations = request.violations();
    if violations.is_empty() {
        return Ok(());
    }
    let mut error = Error::new(reason::INVALID_FIELDS);
    error.fields = violations
        .into_iter()
        .map(|found| FieldViolation { field: found.field, rule: found.rule.to_owned(), limit: found.limit })
        .collect();
    Err(error)
}

/// What to do with a handler's result.
#[derive(Debug)]
pub enum Outcome<A> {
    /// Answer.
    Done(Box<Result<Response<A>, Status>>),
    /// The write lost a race: wait a little and run the handler again.
    Again(Duration),
}

/// Turns a handler's result into an answer, with personal data as far as the caller needs it, or says that it is to be tried
/// again.
pub async fn leave<A>(core: &Core, call: &Call, attempt: u32, result: Result<A>) -> Outcome<A>
where
    A: Message + Mask + Default,
{
    let done = |result| Outcome::Done(Box::new(result));
    match result {
        Ok(answer) => done(show(core, call, answer).await),
        Err(error) if error.reason == reason::CONFLICT && attempt < TRIES => {
            Outcome::Again(Duration::from_millis(5 << (2 * attempt)))
        }
        Err(mut error) => match error.take_first_answer() {
            Some(bytes) => match A::decode(bytes.as_slice()) {
                Ok(answer) => done(show(core, call, answer).await),
                Err(error) => done(Err(status(core, call.language, Error::internal(error)))),
            },
            None => done(Err(status(core, call.language, error))),
        },
    }
}

async fn show<A: Mask>(core: &Core, call: &Call, mut answer: A) -> Result<Response<A>, Status> {
    if A::PERSONAL {
        answer.mask(&clear(core, call).await.map_err(|error| status(core, call.language, error))?);
    }
    Ok(Response::new(answer))
}

/// The status of an error in the words of a service's own catalogue.
#[must_use]
pub fn status(core: &Core, language: Language, error: Error) -> Status {
    status_in(&core.catalog, language, error)
}

/// The status of an error: code, text in the caller's language, one `ErrorInfo`, and the fields at fault.
#[must_use]
pub fn status_in(catalog: &Catalog, language: Language, error: Error) -> Status {
    match error.kind() {
        Kind::Internal => tracing::error!(reason = error.reason.name, cause = ?error.cause(), "call failed"),
        Kind::Unavailable | Kind::DeadlineExceeded => {
            // One line a call: while a service is down there are many, and where they were made says nothing.
            let cause = error.cause().map(|cause| format!("{cause:#}"));
            tracing::warn!(reason = error.reason.name, cause, "call could not be served");
        }
        Kind::InvalidArgument
        | Kind::NotFound
        | Kind::AlreadyExists
        | Kind::FailedPrecondition
        | Kind::Aborted
        | Kind::PermissionDenied
        | Kind::Unauthenticated
        | Kind::ResourceExhausted => tracing::debug!(%error, "call refused"),
    }
    let text = catalog.text(language, &error);
    let metadata: std::collections::HashMap<String, String> =
        error.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let mut details = ErrorDetails::new();
    details.set_error_info(error.reason.name, ERROR_DOMAIN, metadata);
    details.set_localized_message(language.tag(), &text);
    for field in &error.fields {
        details.add_bad_request_violation(&field.field, describe(field));
    }
    if matches!(error.kind(), Kind::Unavailable | Kind::ResourceExhausted) {
        details.set_retry_info(Some(error.retry_after.unwrap_or(USUAL_PAUSE)));
    }
    Status::with_error_details(error.kind().code(), text, details)
}

fn describe(field: &FieldViolation) -> String {
    if field.limit.is_empty() { field.rule.clone() } else { format!("{} {}", field.rule, field.limit) }
}

pub use futures::stream::BoxStream;

/// The elements of a streaming answer, before they are told in the caller's language.
pub type Answers<A> = BoxStream<'static, Result<A>>;

/// Turns the elements of a streaming answer into messages and statuses, with personal data as far as the caller needs it. A
/// failure is the last element.
#[must_use]
pub fn statuses<A>(core: &Core, call: &Call, answers: Answers<A>) -> BoxStream<'static, Result<A, Status>>
where
    A: Mask + Send + 'static,
{
    use futures::StreamExt as _;
    let (core, call) = (core.clone(), call.clone());
    let told = move |answer: Result<A>| {
        let (core, call) = (core.clone(), call.clone());
        async move {
            match answer {
                // As of now: what a technician may know ends while a stream goes on.
                Ok(answer) => {
                    let now = Call { now: core.clock.now(), ..call };
                    show(&core, &now, answer).await.map(Response::into_inner)
                }
                Err(error) => Err(status(&core, call.language, error)),
            }
        }
    };
    answers.then(told).boxed()
}

/// Declares a service's table of RPCs, one line each. Every line `name(Request) -> Answer` is served by
/// `name::handle(&Context, &Call, Request) -> Result<Answer>` in `rpc/<name>.rs`. Server streams stand in a block of their
/// own, `streams { name(Request) -> NameStream of Answer; }`, and answer `Result<rpc::Answers<Answer>>`.
#[macro_export]
macro_rules! rpc_table {
    ($service:path as $path:literal for $api:ty {
        $($name:ident($request:ty) -> $answer:ty;)+
    } $(streams {
        $($stream:ident($asked:ty) -> $kind:ident of $element:ty;)+
    })?) => {
        #[tonic::async_trait]
        impl $service for $api {
            $(async fn $name(
                &self,
                request: tonic::Request<$request>,
            ) -> std::result::Result<tonic::Response<$answer>, tonic::Status> {
                use tracing::Instrument as _;
                let core = &self.0.core;
                const METHOD: &str = concat!($path, "/", stringify!($name));
                let span = $crate::telemetry::rpc_span(METHOD, request.metadata());
                async move {
                    let (call, body) = $crate::rpc::enter(core, METHOD, request)?;
                    let mut attempt = 0;
                    loop {
                        let result = $name::handle(&self.0, &call, body.clone()).await;
                        match $crate::rpc::leave(core, &call, attempt, result).await {
                            $crate::rpc::Outcome::Done(answer) => return *answer,
                            $crate::rpc::Outcome::Again(pause) => tokio::time::sleep(pause).await,
                        }
                        attempt += 1;
                    }
                }
                .instrument(span)
                .await
            })+
            $($(
            type $kind = $crate::rpc::BoxStream<'static, std::result::Result<$element, tonic::Status>>;

            async fn $stream(
                &self,
                request: tonic::Request<$asked>,
            ) -> std::result::Result<tonic::Response<Self::$kind>, tonic::Status> {
                use tracing::Instrument as _;
                let core = &self.0.core;
                const METHOD: &str = concat!($path, "/", stringify!($stream));
                let span = $crate::telemetry::rpc_span(METHOD, request.metadata());
                async move {
                    let (call, body) = $crate::rpc::enter(core, METHOD, request)?;
                    match $stream::handle(&self.0, &call, body).await {
                        Ok(answers) => {
                            Ok(tonic::Response::new($crate::rpc::statuses(core, &call, answers)))
                        }
                        Err(error) => Err($crate::rpc::status(core, call.language, error)),
                    }
                }
                .instrument(span)
                .await
            })+)?
        }
    };
}
