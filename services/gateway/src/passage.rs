//! What travels with a call: who, until when, in which language, under which trace. Made here, once, for every
//! surface; whatever the client sent under those names is thrown away first.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use common::{Error, Result, auth, catalog::Language, error::Reason, record::Actor, telemetry};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::Instant;
use tracing::{Span, field::Empty};

use crate::{
    contract::Rpc,
    door::Door,
    entrance::Admitted,
    protection::{rates::Program, streams::Watch},
};

/// Names one call in logs and answers.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// Seconds or a duration such as `1500ms` that a REST caller gives the whole call.
const TIMEOUT: HeaderName = HeaderName::from_static("x-request-timeout");
/// Every header of this family is ours alone inside.
const OURS: &str = "x-aftercare-";
/// A partner's key: it ends here, as `authorization` does.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// Longest name of a client that is passed on.
const LONGEST_AGENT: usize = 200;
/// Longest request id that is taken from a client.
const LONGEST_REQUEST_ID: usize = 100;

/// The travelling facts of one call.
#[derive(Clone, Debug)]
pub(crate) struct Passage {
    pub(crate) language: Language,
    pub(crate) request_id: HeaderValue,
    pub(crate) deadline: Instant,
    /// The trace that the client wants to be part of.
    joined: Option<HeaderValue>,
    caller: Caller,
    address: Option<IpAddr>,
    user_agent: Option<HeaderValue>,
}

/// Who makes the call, as far as it is known.
#[derive(Clone, Debug)]
enum Caller {
    /// Nobody was asked: the path names no RPC.
    Unasked,
    /// Somebody who may.
    Admitted(Arc<Admitted>),
    /// Somebody who may not, and why.
    Refused(Reason, BTreeMap<&'static str, String>),
}

impl Passage {
    /// Reads a client's headers.
    pub(crate) fn open(door: &Door, headers: &HeaderMap, streams: bool) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let asked = text(&GRPC_TIMEOUT).or_else(|| text(&TIMEOUT)).and_then(timeout);
        let (usual, longest) = if streams {
            (door.config.longest_stream, door.config.longest_stream)
        } else {
            (door.config.deadline, door.config.longest_deadline)
        };
        let request_id = headers.get(&REQUEST_ID).filter(|value| sane(value)).cloned();
        Self {
            language: Language::negotiate(text(&header::ACCEPT_LANGUAGE).unwrap_or_default()),
            request_id: request_id.unwrap_or_else(|| made(door.random().simple().to_string())),
            deadline: Instant::now() + asked.unwrap_or(usual).min(longest),
            joined: headers.get(&TRACEPARENT).filter(|value| is_traceparent(value)).cloned(),
            caller: Caller::Unasked,
            address: None,
            user_agent: headers.get(header::USER_AGENT).filter(|value| value.len() <= LONGEST_AGENT).cloned(),
        }
    }

    /// The same, with who makes it. Whether they may is said when the call is sealed: a path that is none, or a method that
    /// it does not take, is told to everybody alike.
    pub(crate) async fn admitted(
        mut self,
        door: &Door,
        rpc: Option<&Rpc>,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Self {
        self.address = door.protection.limits.address(headers, extensions);
        if let Some(rpc) = rpc {
            self.caller = match door.entrance.admit(rpc, headers, self.address).await {
                Ok(admitted) => Caller::Admitted(Arc::new(admitted)),
                Err(error) => {
                    if let Some(cause) = error.cause() {
                        tracing::debug!(reason = error.reason.name, cause = ?cause, "not let in");
                    }
                    Caller::Refused(error.reason, error.facts)
                }
            };
        }
        self
    }

    /// Who makes the call, when they may.
    pub(crate) fn actor(&self) -> Option<&Actor> {
        match &self.caller {
            Caller::Admitted(admitted) => Some(&admitted.actor),
            Caller::Unasked | Caller::Refused(..) => None,
        }
    }

    /// The partner's program that makes the call.
    pub(crate) fn program(&self) -> Option<&Program> {
        match &self.caller {
            Caller::Admitted(admitted) => admitted.program.as_ref(),
            Caller::Unasked | Caller::Refused(..) => None,
        }
    }

    /// Looks at the caller of a stream again and again, until they may not go on.
    pub(crate) fn watch(&self, door: &Arc<Door>, rpc: &Rpc) -> Option<Watch> {
        let Caller::Admitted(admitted) = &self.caller else { return None };
        let (door, rpc, admitted) = (door.clone(), rpc.clone(), admitted.clone());
        let (language, address) = (self.language, self.address);
        Some(Box::pin(async move {
            loop {
                tokio::time::sleep(door.config.stream_recheck).await;
                if let Err(error) = door.entrance.still(&rpc, &admitted, address).await {
                    tracing::info!(rpc = rpc.path, reason = error.reason.name, "a stream's caller may not go on");
                    return door.refuse(language, error);
                }
            }
        }))
    }

    /// Why whoever makes the call may not.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED`, `NOT_ALLOWED` and the like.
    pub(crate) fn let_in(&self) -> Result<()> {
        match &self.caller {
            Caller::Admitted(_) | Caller::Unasked => Ok(()),
            Caller::Refused(reason, facts) => {
                Err(facts.iter().fold(Error::new(*reason), |error, (name, value)| error.with(name, value)))
            }
        }
    }

    /// How long the call may still take.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Replaces the client's travelling facts by these, the caller's identity signed for this call.
    pub(crate) fn seal(&self, door: &Door, headers: &mut HeaderMap) -> Result<()> {
        let inner: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
        for name in inner.iter().chain(&[header::AUTHORIZATION, header::COOKIE, API_KEY, TIMEOUT]) {
            headers.remove(name);
        }
        self.let_in()?;
        if let Caller::Admitted(admitted) = &self.caller {
            let mut identity = made(door.identity.sign(&admitted.actor, door.clock.now())?);
            identity.set_sensitive(true);
            headers.insert(HeaderName::from_static(auth::IDENTITY), identity);
            if !admitted.session_id.is_empty() {
                headers.insert(HeaderName::from_static(auth::SESSION), made(admitted.session_id.clone()));
            }
        }
        if let Some(address) = self.address {
            headers.insert(HeaderName::from_static(auth::ADDRESS), made(address.to_string()));
        }
        if let Some(agent) = &self.user_agent {
            headers.insert(HeaderName::from_static(auth::AGENT), agent.clone());
        }
        headers.insert(HeaderName::from_static(auth::LANGUAGE), HeaderValue::from_static(self.language.tag()));
        headers.insert(REQUEST_ID, self.request_id.clone());
        headers.insert(TRACEPARENT, self.traceparent(door));
        headers.insert(GRPC_TIMEOUT, made(format!("{}m", self.remaining().as_millis().max(1))));
        Ok(())
    }

    /// The span of the call, in the client's trace or in a new one.
    pub(crate) fn span(&self, rpc: &str) -> Span {
        let request_id = self.request_id.to_str().unwrap_or_default();
        let span =
            tracing::info_span!("call", otel.name = rpc, otel.kind = "server", rpc, request_id, trace_id = Empty);
        let joined = self.joined.as_ref().and_then(|value| value.to_str().ok());
        telemetry::set_parent(&span, joined.unwrap_or_default());
        span
    }

    /// The present span's context; where nobody records spans, the client's own, or a new one that services can share.
    fn traceparent(&self, door: &Door) -> HeaderValue {
        let present = telemetry::current_traceparent();
        if !present.is_empty() {
            return made(present);
        }
        self.joined.clone().unwrap_or_else(|| {
            let span = door.random().simple().to_string();
            made(format!("00-{}-{}-00", door.random().simple(), &span[16..]))
        })
    }
}

/// A header value out of text that has only visible ASCII.
fn made(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}

fn sane(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    !bytes.is_empty() && bytes.len() <= LONGEST_REQUEST_ID && bytes.iter().all(u8::is_ascii_graphic)
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, neither id all zeroes.
fn is_traceparent(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    let hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |part: &str| part.bytes().any(|byte| byte != b'0');
    match text.split('-').collect::<Vec<_>>()[..] {
        ["00", trace, span, flags] => hex(trace, 32) && hex(span, 16) && hex(flags, 2) && some(trace) && some(span),
        _ => false,
    }
}

/// gRPC's form (`1500m`, `5S`) or a plain one (`1500ms`, `5s`, `5`).
fn timeout(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if digits > 10 {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" | "s" | "" => Some(Duration::from_secs(number)),
        "m" | "ms" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_of_both_forms_are_read() {
        for (text, millis) in
            [("1500m", 1500), ("5S", 5000), ("2M", 120_000), ("250ms", 250), ("3s", 3000), ("3", 3000)]
        {
            assert_eq!(timeout(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "S", "-1S", "99999999999S", "5x"] {
            assert_eq!(timeout(text), None, "{text}");
        }
    }

    #[test]
    fn only_well_formed_traces_are_joined() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(&HeaderValue::from_static(good)));
        for bad in [
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "x",
        ] {
            assert!(!is_traceparent(&HeaderValue::from_static(bad)), "{bad}");
        }
    }
}
