//! Who goes, and when: offer, answer, contact, another window.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use common::{
    convert::Window,
    error::{Error, Result},
    record::Changed,
};

use super::{Asker, Assignment, Contact, ContactResult, Outcome, PastOffer, Reschedule, State, WorkOrder};
use crate::{
    domain::{ServicePointId, TechnicianId, eligibility::Refusal, site::ConsentMethod},
    error::reason,
};

/// How long things may take; from the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// An offer is answered within this.
    pub offer_timeout: Duration,
    /// The customer is reached within this after the acceptance.
    pub contact_within: Duration,
    /// The next step of an escalation follows after this.
    pub escalation_interval: Duration,
}

/// An offer to one technician, already checked by the eligibility rules.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The technician.
    pub technician_id: TechnicianId,
    /// The other technicians of the crew.
    pub crew: Vec<TechnicianId>,
    /// The service point.
    pub service_point_id: ServicePointId,
    /// The window told to the customer.
    pub window: Window,
    /// The planned work.
    pub planned: Window,
    /// Soft rules overridden.
    pub overridden: Vec<Refusal>,
    /// Why.
    pub override_reason: String,
}

/// Another window, and who wants it.
#[derive(Clone, Debug)]
pub struct NewWindow {
    /// Who asked.
    pub asked_by: Asker,
    /// Why.
    pub reason: String,
    /// The window.
    pub window: Window,
    /// How the customer agreed.
    pub consent: Option<ConsentMethod>,
}

impl WorkOrder {
    /// The window an offer takes when nobody names one: the promised one, else the first that the customer accepts
    /// and that is not over.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when there is none.
    pub fn default_window(&self, now: DateTime<Utc>) -> Result<Window> {
        self.promised
            .or_else(|| self.request.windows.iter().find(|window| window.end > now).copied())
            .ok_or_else(|| Error::invalid("window", "required"))
    }

    /// The planned work in a window: `start`, or the window's own start.
    ///
    /// # Errors
    ///
    /// `INVALID_FIELDS` when it starts outside the window.
    pub fn planned(&self, window: &Window, start: Option<DateTime<Utc>>) -> Result<Window> {
        let start = start.unwrap_or(window.start);
        if start < window.start || window.end <= start {
            return Err(Error::invalid("planned_start", "inside_window"));
        }
        Ok(Window { start, end: start + Duration::minutes(i64::from(self.duration_minutes)) })
    }

    /// Offers it to a technician.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `WINDOW_PROMISED` for another window than the promised one; `INVALID_FIELDS` for one that
    /// is over.
    pub fn assign(mut self, offer: Offer, policy: &Policy, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("assign")?;
        self.keep_promise(&offer.window)?;
        let from = self.state.name();
        let why = offer.override_reason.clone();
        self.state = State::Assigned(open(offer, policy, now)?);
        self.next_escalation_at = None;
        Ok(self.changed("assign", from, why, now))
    }

    /// Refuses a window that is not the one confirmed with the customer.
    ///
    /// # Errors
    ///
    /// `WINDOW_PROMISED`.
    pub fn keep_promise(&self, window: &Window) -> Result<()> {
        match &self.promised {
            Some(promised) if promised != window => {
                let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
                let shown = format!("{}..{}", text(promised.start), text(promised.end));
                Err(Error::new(reason::WINDOW_PROMISED).with("window", shown))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The technician takes the offer.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `OFFER_EXPIRED`.
    pub fn accept(mut self, policy: &Policy, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state.name();
        let State::Assigned(mut assignment) = self.state else { return Err(self.illegal("accept")) };
        if now >= assignment.offer_expires_at {
            let expired = assignment.offer_expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
            return Err(Error::new(reason::OFFER_EXPIRED).with("expired_at", expired));
        }
        assignment.accepted_at = Some(now);
        assignment.contact_due_at = Some(now + policy.contact_within);
        self.state = State::Accepted(assignment);
        self.calm();
        Ok(self.changed("accept", from, "", now))
    }

    /// The technician refuses the offer.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn refuse(mut self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state.name();
        let State::Assigned(assignment) = self.state else { return Err(self.illegal("refuse")) };
        self.state = State::Unassigned;
        self.pinned = false;
        self.refusals += 1;
        self.past_offers.push(PastOffer {
            technician_id: assignment.technician_id,
            outcome: Outcome::Refused,
            reason: why.clone(),
            at: now,
        });
        Ok(self.changed("refuse", from, why, now))
    }

    /// The offer runs out. `None` when there is no offer that is due: a timer may come late or twice.
    #[must_use]
    pub fn expire_offer(mut self, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let from = self.state.name();
        let State::Assigned(assignment) = self.state else { return None };
        if now < assignment.offer_expires_at {
            return None;
        }
        self.state = State::Unassigned;
        self.pinned = false;
        self.refusals += 1;
        self.past_offers.push(PastOffer {
            technician_id: assignment.technician_id,
            outcome: Outcome::OfferExpired,
            reason: String::new(),
            at: now,
        });
        Some(self.changed("expire_offer", from, "offer_expired", now))
    }

    /// Records a try to reach the customer. A confirmed window becomes a promise.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn contact(mut self, result: ContactResult, note: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state.name();
        let State::Accepted(mut assignment) = self.state else { return Err(self.illegal("contact")) };
        let (reached, why) = match result {
            ContactResult::Reached => (true, "reached"),
            ContactResult::WindowConfirmed => (true, "window_confirmed"),
            ContactResult::NoAnswer => (false, "no_answer"),
            ContactResult::WrongNumber => (false, "wrong_number"),
        };
        if reached {
            assignment.contacted_at.get_or_insert(now);
        }
        if result == ContactResult::WindowConfirmed {
            self.promised = Some(assignment.window);
        }
        self.state = State::Accepted(assignment);
        self.contacts.push(Contact { result, at: now, note });
        if reached {
            self.calm();
        }
        Ok(self.changed("contact", from, why, now))
    }

    /// Gives the visit another window, and a new offer when there is one. A promised window moves only when the
    /// customer asked or agreed; the new one is then the promise.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `WINDOW_PROMISED` without consent; `INVALID_FIELDS` for a window that is over.
    pub fn reschedule(
        mut self,
        new: NewWindow,
        offer: Option<Offer>,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.permit("reschedule")?;
        let from = self.state.name();
        let agreed = new.asked_by == Asker::Customer || new.consent.is_some();
        if !agreed {
            self.keep_promise(&new.window)?;
        }
        if new.window.end <= now {
            return Err(Error::invalid("window", "window.in_future"));
        }
        let state = match offer {
            Some(offer) => State::Assigned(open(offer, policy, now)?),
            None => State::Unassigned,
        };
        let before = std::mem::replace(&mut self.state, state);
        let old = self.promised.or(before.assignment().map(|assignment| assignment.window));
        if let Some(assignment) = before.assignment() {
            self.past_offers.push(PastOffer {
                technician_id: assignment.technician_id.clone(),
                outcome: Outcome::Rescheduled,
                reason: new.reason.clone(),
                at: now,
            });
        }
        if agreed {
            self.promised = Some(new.window);
            // What the customer agreed to, the customer accepts.
            self.request.windows = vec![new.window];
        } else if self.promised.is_none() {
            self.request.windows = vec![new.window];
        }
        self.reschedules.push(Reschedule {
            asked_by: new.asked_by,
            reason: new.reason.clone(),
            from: old,
            to: new.window,
            consent: new.consent,
            at: now,
        });
        self.pinned = false;
        self.calm();
        Ok(self.changed("reschedule", from, new.reason, now))
    }
}

pub(super) fn open(offer: Offer, policy: &Policy, now: DateTime<Utc>) -> Result<Assignment> {
    if offer.window.end <= now {
        return Err(Error::invalid("window", "window.in_future"));
    }
    Ok(Assignment {
        technician_id: offer.technician_id,
        crew: offer.crew,
        service_point_id: offer.service_point_id,
        window: offer.window,
        planned: offer.planned,
        offered_at: now,
        offer_expires_at: now + policy.offer_timeout,
        accepted_at: None,
        contact_due_at: None,
        contacted_at: None,
        contact_miss_told: false,
        lateness_told: false,
        expected_arrival_at: None,
        overridden: offer.overridden,
        override_reason: offer.override_reason,
    })
}
