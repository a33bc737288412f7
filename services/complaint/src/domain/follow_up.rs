//! Asking the customer afterwards, keeping promises, and filing the case.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Actor, Changed, Record as _},
};
use serde::{Deserialize, Serialize};

use super::{
    complaint::{Complaint, State, action},
    policy::{Policy, TOP_LEVEL},
    values::{FollowUpResult, Verdict},
};
use crate::error::{ARCHIVE_INCOMPLETE, PROMISE_UNKNOWN, TRY_TOO_SOON};

/// One try to ask the customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Try {
    /// 1 for the first; one more after each reopening.
    pub(crate) round: u32,
    pub(crate) result: FollowUpResult,
    pub(crate) note: String,
    pub(crate) by: Actor,
    pub(crate) at: DateTime<Utc>,
}

/// Something promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Promise {
    /// 1 for the first.
    pub(crate) no: i32,
    pub(crate) text: String,
    pub(crate) due_at: DateTime<Utc>,
    pub(crate) kept_at: Option<DateTime<Utc>>,
    pub(crate) by: Actor,
    pub(crate) at: DateTime<Utc>,
}

/// What we learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Review {
    pub(crate) lesson: String,
    pub(crate) prevention: String,
    pub(crate) by: Actor,
    pub(crate) at: DateTime<Utc>,
}

impl Complaint {
    /// The customer was asked, or not reached: FOLLOW_UP, REPLIED > CLOSED or INVESTIGATING one level higher.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `TRY_TOO_SOON`; `INVALID_FIELDS` when an unhappy customer's words are missing.
    pub(crate) fn follow_up(
        mut self,
        result: FollowUpResult,
        note: String,
        actor: &Actor,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.permit(action::FOLLOW_UP)?;
        let from = self.state();
        let round = self.reopened + 1;
        match result {
            FollowUpResult::Satisfied => self.state = State::Closed { outcome: result, closed_at: now },
            FollowUpResult::NotSatisfied => {
                if note.trim().is_empty() {
                    return Err(Error::invalid("note", "note.when_not_satisfied"));
                }
                self.state = State::Investigating;
                self.reopened += 1;
                self.level = (self.level + 1).min(TOP_LEVEL);
                // Whoever drove it did not solve it; the higher level takes it from its list.
                self.owner_id = String::new();
                self.resolution_due_at = now + policy.resolve_within(self.severity);
            }
            FollowUpResult::Unreachable => {
                let missed = self.tries.iter().filter(|past| past.round == round);
                let missed: Vec<_> = missed.filter(|past| past.result == FollowUpResult::Unreachable).collect();
                if let Some(last) = missed.last()
                    && now < last.at + policy.follow_up_gap
                {
                    let next = last.at + policy.follow_up_gap;
                    return Err(Error::new(TRY_TOO_SOON).with("next_try_at", next.to_rfc3339()));
                }
                if missed.len() + 1 >= policy.follow_up_tries {
                    self.state = State::Closed { outcome: result, closed_at: now };
                }
            }
        }
        self.tries.push(Try { round, result, note, by: actor.clone(), at: now });
        Ok(self.changed(action::FOLLOW_UP, from, result.as_str(), now))
    }

    /// Files it: CLOSED > ARCHIVED. `unfinished` are the numbers of unfinished corrective actions of its causes.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `ARCHIVE_INCOMPLETE` when the decision was not told, a remedy or promise is open, the
    /// review is empty, or a corrective action is unfinished.
    pub(crate) fn archive(
        mut self,
        review: Review,
        unfinished: &[String],
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        let State::Closed { outcome, closed_at } = &self.state else { return Err(self.illegal(action::ARCHIVE)) };
        let (outcome, closed_at) = (*outcome, *closed_at);
        let mut missing = Vec::new();
        if !self.is_decision_told() {
            missing.push("decision told".to_owned());
        }
        let ended =
            |work: &super::implementation::Implementation| work.actions.iter().all(|action| action.state.is_ended());
        if !self.implementations.iter().all(ended) {
            missing.push("remedies done".to_owned());
        }
        missing.extend(self.open_promises().map(|promise| format!("promise {}", promise.no)));
        if review.lesson.trim().is_empty() {
            missing.push("lesson".to_owned());
        }
        if review.prevention.trim().is_empty() {
            missing.push("prevention".to_owned());
        }
        missing.extend(unfinished.iter().map(|number| format!("corrective action {number}")));
        if !missing.is_empty() {
            return Err(Error::new(ARCHIVE_INCOMPLETE).with("missing", missing.join(", ")));
        }
        let from = self.state();
        self.state = State::Archived { outcome, closed_at, review };
        Ok(self.changed(action::ARCHIVE, from, "", now))
    }

    /// The customer knows the decision: the reply to an unfounded one, the agreement to a solution.
    fn is_decision_told(&self) -> bool {
        match self.judgements.last().map(|last| (last.verdict, last.reply.trim().is_empty())) {
            None => false,
            Some((Verdict::Unfounded, empty)) => !empty,
            Some((Verdict::Founded | Verdict::Partly, _)) => {
                self.implementations.last().is_some_and(|work| work.agreement.is_some())
            }
        }
    }

    /// Promises not kept yet.
    pub(crate) fn open_promises(&self) -> impl Iterator<Item = &Promise> {
        self.promises.iter().filter(|promise| promise.kept_at.is_none())
    }

    /// Records a promise; every promise has a due time.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `INVALID_FIELDS` when it is due already.
    pub(crate) fn promise(
        mut self,
        text: String,
        due_at: DateTime<Utc>,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.permit(action::PROMISE)?;
        if due_at <= now {
            return Err(Error::invalid("due_at", "timestamp.in_future"));
        }
        let from = self.state();
        let no = i32::try_from(self.promises.len()).unwrap_or(i32::MAX).saturating_add(1);
        self.promises.push(Promise { no, text: text.clone(), due_at, kept_at: None, by: actor.clone(), at: now });
        Ok(self.changed(action::PROMISE, from, text, now))
    }

    /// Records that a promise was kept.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `PROMISE_UNKNOWN`.
    pub(crate) fn keep_promise(mut self, no: i32, note: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit(action::KEEP_PROMISE)?;
        let from = self.state();
        let open = self.promises.iter_mut().find(|promise| promise.no == no && promise.kept_at.is_none());
        let promise = open.ok_or_else(|| Error::new(PROMISE_UNKNOWN).with("promise_no", no))?;
        promise.kept_at = Some(now);
        Ok(self.changed(action::KEEP_PROMISE, from, note, now))
    }
}
