//! What the office, the request, the stock and the clock say.

use chrono::{DateTime, Utc};
use common::{
    convert::{Position, Window},
    error::{Error, Result},
    record::Changed,
};

use super::{Bounce, Cause, Escalation, PartsState, PickUp, Policy, State, WorkOrder};
use crate::{
    domain::{PartQuantity, technician::Skill},
    error::reason,
};

/// More people than this are two jobs.
const LARGEST_CREW: i32 = 3;
/// The last step of an escalation: the manager.
const LAST_STEP: i32 = 3;

/// Fields that the office may change; `None` leaves one alone.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// Skills needed.
    pub required_skills: Option<Vec<Skill>>,
    /// Certificates needed.
    pub required_certificates: Option<Vec<String>>,
    /// How long the work takes.
    pub duration_minutes: Option<i32>,
    /// Technicians who should have it.
    pub preferred: Option<Vec<String>>,
    /// Technicians who must not have it.
    pub excluded: Option<Vec<String>>,
    /// Windows the customer accepts.
    pub windows: Option<Vec<Window>>,
    /// How many technicians it takes.
    pub crew_size: Option<i32>,
    /// Where parts are collected.
    pub pick_up: Option<Option<PickUp>>,
}

/// What a changed request says.
#[derive(Clone, Debug)]
pub struct Change {
    /// "normal", "urgent" or "emergency".
    pub urgency: String,
    /// "`in_warranty`", "charged" or "goodwill".
    pub charge_kind: String,
    /// Language of the customer.
    pub language: String,
    /// Division of the place.
    pub division_code: String,
    /// The place.
    pub position: Option<Position>,
    /// Windows the customer accepts; none leaves those known.
    pub windows: Vec<Window>,
    /// When the customer must have been contacted.
    pub contact_due_at: Option<DateTime<Utc>>,
    /// When somebody must be on site.
    pub on_site_due_at: Option<DateTime<Utc>>,
    /// When it must be solved.
    pub resolution_due_at: Option<DateTime<Utc>>,
}

impl WorkOrder {
    /// Changes what the job needs.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` once work has begun; `INVALID_FIELDS` for a job of no length or a skill named twice.
    pub fn update(mut self, patch: Patch, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("update")?;
        let from = self.state.name();
        self.required_skills = patch.required_skills.unwrap_or(self.required_skills);
        self.required_certificates = patch.required_certificates.unwrap_or(self.required_certificates);
        self.duration_minutes = patch.duration_minutes.unwrap_or(self.duration_minutes);
        self.preferred = patch.preferred.unwrap_or(self.preferred);
        self.excluded = patch.excluded.unwrap_or(self.excluded);
        self.request.windows = patch.windows.unwrap_or(self.request.windows);
        let crew_size = patch.crew_size.unwrap_or(self.crew_size);
        if crew_size != self.crew_size && self.state != State::Unassigned {
            return Err(Error::invalid("crew_size", "only_while_unassigned"));
        }
        self.crew_size = crew_size;
        self.pick_up = patch.pick_up.unwrap_or(self.pick_up);
        if !(1..=LARGEST_CREW).contains(&self.crew_size) {
            return Err(Error::invalid("crew_size", "number.gte"));
        }
        if self.duration_minutes <= 0 {
            return Err(Error::invalid("duration_minutes", "number.gt"));
        }
        for (index, skill) in self.required_skills.iter().enumerate() {
            if self.required_skills[..index].iter().any(|other| other.code == skill.code) {
                return Err(Error::invalid(format!("required_skills[{index}].code"), "unique"));
            }
        }
        Ok(self.changed("update", from, "", now))
    }

    /// Takes over what the request says now. `None` when nothing is new, or when the visit is over.
    #[must_use]
    pub fn refresh(mut self, change: Change, now: DateTime<Utc>) -> Option<Changed<Self>> {
        if self.state.over() {
            return None;
        }
        let before = self.request.clone();
        self.request.urgency = change.urgency;
        self.request.charge_kind = change.charge_kind;
        self.request.language = change.language;
        self.request.division_code = change.division_code;
        self.request.position = change.position.or(self.request.position);
        self.request.contact_due_at = change.contact_due_at;
        self.request.on_site_due_at = change.on_site_due_at;
        self.request.resolution_due_at = change.resolution_due_at;
        // A window agreed on meanwhile outlives what the customer said at first.
        if !change.windows.is_empty() && self.promised.is_none() && self.reschedules.is_empty() {
            self.request.windows = change.windows;
        }
        if self.request == before {
            return None;
        }
        let from = self.state.name();
        Some(self.changed("refresh", from, "request_changed", now))
    }

    /// The visit is off.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` once the visit is over.
    pub fn cancel(mut self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("cancel")?;
        let from = self.state.name();
        let assignment = self.state.assignment().cloned();
        self.state = State::Cancelled { assignment, reason: why.clone(), at: now };
        self.calm();
        Ok(self.changed("cancel", from, why, now))
    }

    /// The office accepts the record.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `BOUNCE_OPEN` while the record that was sent back is not answered.
    pub fn verify(mut self, note: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state.name();
        let State::Completed { assignment, at, bounce } = self.state else { return Err(self.illegal("verify")) };
        if bounce.as_ref().is_some_and(|bounce| bounce.answered_at.is_none()) {
            return Err(Error::new(reason::BOUNCE_OPEN));
        }
        self.state = State::Verified { assignment, completed_at: at, bounce, at: now };
        Ok(self.changed("verify", from, note, now))
    }

    /// The office sends the record back, once.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `ALREADY_BOUNCED`.
    pub fn bounce(mut self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state.name();
        let State::Completed { assignment, at, bounce } = self.state else { return Err(self.illegal("bounce")) };
        if bounce.is_some() {
            return Err(Error::new(reason::ALREADY_BOUNCED));
        }
        let sent_back = Bounce { reason: why.clone(), at: now, answered_at: None };
        self.state = State::Completed { assignment, at, bounce: Some(sent_back) };
        Ok(self.changed("bounce", from, why, now))
    }

    /// Goes one step up: dispatcher, supervisor, manager. While nobody has it, the next step follows by itself.
    #[must_use]
    pub fn escalate(mut self, cause: Cause, policy: &Policy, now: DateTime<Utc>) -> Changed<Self> {
        let from = self.state.name();
        self.attention = (self.attention + 1).min(LAST_STEP);
        self.escalations.push(Escalation { step: self.attention, cause, at: now });
        let goes_on = self.state == State::Unassigned && self.attention < LAST_STEP;
        self.next_escalation_at = goes_on.then_some(now + policy.escalation_interval);
        self.changed("escalate", from, cause.code(), now)
    }

    /// The next step of an escalation that nobody answered. `None` when it is not due.
    #[must_use]
    pub fn escalate_further(self, policy: &Policy, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let due = self.deadlines().escalation.is_some_and(|due| due <= now);
        due.then(|| self.escalate(Cause::StillUnassigned, policy, now))
    }

    /// The customer was not reached in time. `None` when that is not so, or was told.
    #[must_use]
    pub fn miss_contact(mut self, policy: &Policy, now: DateTime<Utc>) -> Option<Changed<Self>> {
        if self.deadlines().contact.is_none_or(|due| now < due) {
            return None;
        }
        if let State::Accepted(assignment) = &mut self.state {
            assignment.contact_miss_told = true;
        }
        Some(self.escalate(Cause::ContactMissed, policy, now))
    }

    /// The window ended and nobody is there, or it will end before the technician can be there. `None` when that is
    /// not so, or was told.
    #[must_use]
    pub fn miss_window(mut self, policy: &Policy, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let window_end = self.deadlines().late?;
        let foreseen = match &self.state {
            State::EnRoute(assignment) | State::Assigned(assignment) | State::Accepted(assignment) => {
                assignment.expected_arrival_at.is_some_and(|arrival| arrival > window_end)
            }
            State::Unassigned
            | State::OnSite(_)
            | State::InProgress(_)
            | State::Suspended { .. }
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Verified { .. } => false,
        };
        if now < window_end && !foreseen {
            return None;
        }
        if let State::Assigned(assignment) | State::Accepted(assignment) | State::EnRoute(assignment) = &mut self.state
        {
            assignment.lateness_told = true;
        }
        Some(self.escalate(Cause::Late, policy, now))
    }

    /// The parts are reserved. `None` when that is known, or when the visit is over.
    #[must_use]
    pub fn parts_ready(mut self, reserved: Vec<PartQuantity>, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let known = self.parts.state == PartsState::Ready && self.parts.reserved == reserved;
        if self.state.over() || known {
            return None;
        }
        let from = self.state.name();
        self.parts.state = PartsState::Ready;
        self.parts.reserved = reserved;
        self.parts.short_skus = Vec::new();
        Some(self.changed("parts_ready", from, "", now))
    }

    /// The parts are short, or no longer reserved. `None` when that is known, or when the visit is over.
    #[must_use]
    pub fn parts_short(mut self, short_skus: Vec<String>, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let known = self.parts.state == PartsState::Short && self.parts.short_skus == short_skus;
        if self.state.over() || known {
            return None;
        }
        let from = self.state.name();
        self.parts.state = PartsState::Short;
        self.parts.reserved = Vec::new();
        self.parts.short_skus = short_skus;
        Some(self.changed("parts_short", from, "", now))
    }

    /// Parts that the visit after this one wants: those named at the failure, and those planned for this one, which
    /// were not used.
    #[must_use]
    pub fn carried_parts(&self) -> Vec<PartQuantity> {
        use super::FailReason;
        match &self.state {
            State::Failed { reason, next_parts, .. } => match reason {
                FailReason::NotRepairable => next_parts.clone(),
                FailReason::CustomerAbsent
                | FailReason::CustomerRefused
                | FailReason::Unsafe
                | FailReason::PartsMissing => crate::domain::join_parts(self.parts.wanted.clone(), next_parts),
            },
            State::Unassigned
            | State::Assigned(_)
            | State::Accepted(_)
            | State::EnRoute(_)
            | State::OnSite(_)
            | State::InProgress(_)
            | State::Suspended { .. }
            | State::Completed { .. }
            | State::Cancelled { .. }
            | State::Verified { .. } => Vec::new(),
        }
    }
}
