//! What a request wants done by itself, and when: one instant, the next one.

use chrono::{DateTime, Duration, Utc};

use super::{
    ladder::{Ladder, SUPERVISOR},
    request::{Outcome, ServiceRequest, State},
    sla::Deadline,
};

/// Automatic times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From the solution to the closing.
    pub auto_close: Duration,
    /// From the release until a work order is expected.
    pub work_order_within: Duration,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// An escalation step.
    Escalate {
        /// About what.
        target: String,
        /// Which step.
        step: i32,
    },
    /// The quote runs out.
    ExpireQuote,
    /// It is closed.
    Close,
}

/// The name under which a release without a work order escalates.
pub const FULFILMENT: &str = "fulfilment";
/// The name under which an emergency is told to the duty manager at once.
pub const EMERGENCY: &str = "emergency";

/// The next thing to be done and its instant; `None` when nothing is.
#[must_use]
pub fn next(
    request: &ServiceRequest,
    deadlines: &[Deadline],
    ladder: &Ladder,
    times: &Times,
) -> Option<(DateTime<Utc>, Due)> {
    let steps = deadlines.iter().filter(|_| request.stage().is_open()).filter_map(|deadline| {
        let (step, at) = ladder.next(deadline, &request.escalations)?;
        Some((at, Due::Escalate { target: deadline.target.to_string(), step }))
    });
    let own = match &request.state {
        State::PendingQuote { .. } => request
            .quotes
            .last()
            .filter(|quote| quote.outcome == Outcome::Open)
            .map(|quote| (quote.expires_at, Due::ExpireQuote)),
        State::Resolved { at, .. } => Some((*at + times.auto_close, Due::Close)),
        // The saga of a release: a work order, or somebody is told, once per visit.
        State::Ready { since } => {
            let told = request.escalations.iter().any(|one| one.target == FULFILMENT && one.at >= *since);
            (!told).then(|| {
                (*since + times.work_order_within, Due::Escalate { target: FULFILMENT.to_owned(), step: SUPERVISOR })
            })
        }
        State::New
        | State::Triaged
        | State::PendingApproval { .. }
        | State::Scheduled { .. }
        | State::InService { .. }
        | State::Closed { .. }
        | State::Cancelled { .. }
        | State::Merged { .. } => None,
    };
    steps.chain(own).min_by_key(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        request::{Stage, tests::in_stage},
        sla::{deadlines, tests as sla_tests},
    };

    const TIMES: Times = Times { auto_close: Duration::days(7), work_order_within: Duration::minutes(2) };
    const LADDER: Ladder = Ladder {
        remind_every: Duration::minutes(30),
        to_supervisor: Duration::minutes(30),
        to_manager: Duration::minutes(30),
        to_head_office: Duration::minutes(30),
    };

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::hours(hours)
    }

    fn own(request: &ServiceRequest) -> Option<(DateTime<Utc>, Due)> {
        next(request, &[], &LADDER, &TIMES)
    }

    #[test]
    fn quotes_run_out_solved_requests_close_releases_without_work_order_are_told_once() {
        assert_eq!(own(&in_stage(Stage::PendingQuote)), Some((at(50), Due::ExpireQuote)));
        assert_eq!(own(&in_stage(Stage::Resolved)), Some((at(5) + Duration::days(7), Due::Close)));
        let ready = in_stage(Stage::Ready);
        let told = Due::Escalate { target: FULFILMENT.to_owned(), step: SUPERVISOR };
        assert_eq!(own(&ready), Some((at(2) + Duration::minutes(2), told)));
        let after = ready.escalate(FULFILMENT, SUPERVISOR, at(3)).unwrap().record;
        assert_eq!(own(&after), None);
        for stage in [
            Stage::New,
            Stage::Triaged,
            Stage::Scheduled,
            Stage::InService,
            Stage::Closed,
            Stage::Cancelled,
            Stage::Merged,
        ] {
            assert_eq!(own(&in_stage(stage)), None, "{stage}");
        }
    }

    #[test]
    fn the_earliest_deadline_comes_first_and_ended_requests_have_none() {
        let new = in_stage(Stage::New);
        let found = |request: &ServiceRequest| {
            let deadlines = deadlines(&request.log, &sla_tests::policies(), &sla_tests::hours(), at(1));
            next(request, &deadlines, &LADDER, &TIMES)
        };
        let (_, due) = found(&new).unwrap();
        assert_eq!(due, Due::Escalate { target: "callback".to_owned(), step: 0 });
        assert_eq!(found(&in_stage(Stage::Cancelled)), None);
        assert_eq!(found(&in_stage(Stage::Closed)), None);
    }
}
