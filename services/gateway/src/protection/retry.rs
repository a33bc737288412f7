//! Calls that are sent again: only here, only what may be repeated, only as long as most calls succeed.
//!
//! Three attempts at the most, with full jitter between them. Every first attempt earns a fifth of a further one, so that
//! with everything down the services see at most 1.2 times the calls that came. A service that says when to come again
//! is obeyed.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::HeaderMap;
use prost::Message as _;
use rand::RngExt as _;
use tonic::{Code, Status};

use super::classes::{Repeat, glimpse};

/// Attempts of one call at the most.
pub(crate) const ATTEMPTS: u32 = 3;
/// The longest pause before the second attempt; every further one is twice as long.
const PAUSE: Duration = Duration::from_millis(25);
/// A service that wants a longer pause is not asked again by us, but by our caller.
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// What a first attempt earns, in hundredths of an attempt.
const EARNED: u32 = 20;
/// What can be saved up, in hundredths.
const SAVED: u32 = 1_000;
/// Bytes of a gRPC frame's head.
const FRAME: usize = 5;
/// A service's word on repeating, by gRPC's convention: milliseconds, or never when negative.
const PUSHBACK: &str = "grpc-retry-pushback-ms";
/// How many attempts went before this one.
pub(crate) const PREVIOUS: http::HeaderName = http::HeaderName::from_static("grpc-previous-rpc-attempts");

/// What is left for further attempts, one for each service.
#[derive(Debug)]
pub(crate) struct Budget(Mutex<u32>);

impl Default for Budget {
    fn default() -> Self {
        Self(Mutex::new(SAVED))
    }
}

impl Budget {
    /// A call began.
    pub(crate) fn earn(&self) {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *saved = (*saved + EARNED).min(SAVED);
    }

    /// Pays for one more attempt.
    pub(crate) fn spend(&self) -> bool {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match saved.checked_sub(100) {
            Some(left) => {
                *saved = left;
                true
            }
            None => false,
        }
    }
}

/// Whether this request, one frame of gRPC, may be sent twice.
pub(crate) fn may_repeat(repeat: Repeat, frame: &[u8]) -> bool {
    match repeat {
        Repeat::Never => false,
        Repeat::Always => true,
        // A compressed message shows nothing.
        Repeat::WithRequestId(field) => {
            frame.first() == Some(&0) && frame.get(FRAME..).is_some_and(|message| glimpse(message, field).text > 0)
        }
    }
}

/// The pause before the next attempt, when the service allows one at all. `attempt` is the number of attempts so far.
pub(crate) fn pause(status: &Status, headers: Option<&HeaderMap>, attempt: u32) -> Option<Duration> {
    if status.code() != Code::Unavailable {
        return None;
    }
    let ours = PAUSE.saturating_mul(1 << (attempt - 1)).mul_f64(rand::rng().random_range(0.0..1.0));
    let pushback =
        headers.and_then(|headers| headers.get(PUSHBACK)).map(|value| value.to_str().ok()?.parse::<i64>().ok());
    let theirs = match pushback {
        // What cannot be read means no, as gRPC has it.
        Some(wanted) => Some(Duration::from_millis(u64::try_from(wanted?).ok()?)),
        None => retry_info(status),
    };
    match theirs {
        Some(theirs) if theirs > LONGEST_PAUSE => None,
        Some(theirs) => Some(theirs + ours),
        None => Some(ours),
    }
}

/// The pause that a refusal asks for in its details.
fn retry_info(status: &Status) -> Option<Duration> {
    let details = proto::google::rpc::Status::decode(status.details()).ok()?.details;
    let info = details.iter().find(|detail| detail.type_url.ends_with("google.rpc.RetryInfo"))?;
    let delay = proto::google::rpc::RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay?;
    Duration::try_from(delay).ok()
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;

    #[test]
    fn with_everything_down_further_attempts_are_a_fifth() {
        let budget = Budget::default();
        let (calls, mut further) = (10_000, 0);
        for _ in 0..calls {
            budget.earn();
            for _ in 1..ATTEMPTS {
                further += u32::from(budget.spend());
            }
        }
        assert!(further <= calls / 5 + SAVED / 100, "{further} further attempts of {calls} calls");
        assert!(further >= calls / 6, "{further}");
    }

    #[test]
    fn services_are_obeyed() {
        let unavailable = Status::unavailable("");
        assert!(pause(&unavailable, None, 1).unwrap() <= PAUSE);
        assert!(pause(&unavailable, None, 2).unwrap() <= PAUSE * 2);
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(PUSHBACK, http::HeaderValue::from_static(value));
            pause(&unavailable, Some(&headers), 1)
        };
        assert_eq!(with("-1"), None);
        assert_eq!(with("soon"), None);
        assert_eq!(with("5000"), None);
        assert!(with("100").unwrap() >= Duration::from_millis(100));
        for code in [Code::ResourceExhausted, Code::Aborted, Code::Internal, Code::DeadlineExceeded, Code::NotFound] {
            assert_eq!(pause(&Status::new(code, ""), None, 1), None, "{code:?}");
        }
        let mut details = ErrorDetails::new();
        details.set_retry_info(Some(Duration::from_secs(1)));
        let later = Status::with_error_details(Code::Unavailable, "", details);
        assert_eq!(pause(&later, None, 1), None, "it says when, and that is our caller's matter");
    }

    #[test]
    fn a_write_is_repeated_with_its_request_id_only() {
        let frame = |flag: u8, message: &[u8]| [&[flag, 0, 0, 0, 0], message].concat();
        let with_id = b"\x0a\x03abc";
        assert!(may_repeat(Repeat::WithRequestId(1), &frame(0, with_id)));
        assert!(!may_repeat(Repeat::WithRequestId(2), &frame(0, with_id)));
        assert!(!may_repeat(Repeat::WithRequestId(1), &frame(1, with_id)), "compressed");
        assert!(!may_repeat(Repeat::WithRequestId(1), b""));
        assert!(!may_repeat(Repeat::Never, &frame(0, with_id)));
        assert!(may_repeat(Repeat::Always, &frame(0, b"")));
    }
}
