//! What a plan may do to a visit: fix it, move it, take it from its technician. A confirmed window stays.

use chrono::{DateTime, Utc};
use common::{error::Result, record::Changed};

use super::{Offer, Outcome, PastOffer, Policy, State, WorkOrder, assignment::open};

/// What a plan wants of a visit that has, or had, a technician.
#[derive(Clone, Debug)]
pub enum Replan {
    /// These people, at this time.
    Offer(Offer),
    /// Nobody for now.
    Nobody,
}

impl WorkOrder {
    /// Fixes technician and time: no plan moves the visit.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn pin(mut self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("pin")?;
        let from = self.state.name();
        self.pinned = true;
        Ok(self.changed("pin", from, why, now))
    }

    /// Lets plans move the visit again.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn unpin(mut self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("unpin")?;
        let from = self.state.name();
        self.pinned = false;
        Ok(self.changed("unpin", from, "", now))
    }

    /// Whether a plan may give it other people or another time: nobody set out, and nobody fixed it.
    #[must_use]
    pub fn movable(&self) -> bool {
        !self.pinned
            && match &self.state {
                State::Unassigned | State::Assigned(_) | State::Accepted(_) => true,
                State::EnRoute(_)
                | State::OnSite(_)
                | State::InProgress(_)
                | State::Suspended { .. }
                | State::Completed { .. }
                | State::Failed { .. }
                | State::Cancelled { .. }
                | State::Verified { .. } => false,
            }
    }

    /// Does what a plan decided. The same people keep their acceptance when only the time inside the window changes;
    /// other people get an offer. A window confirmed with the customer never moves.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` when it is pinned or on its way; `WINDOW_PROMISED`.
    pub fn replan(mut self, wish: Replan, policy: &Policy, now: DateTime<Utc>) -> Result<Changed<Self>> {
        if !self.movable() {
            return Err(self.illegal("replan"));
        }
        let from = self.state.name();
        if let Replan::Offer(offer) = &wish {
            self.keep_promise(&offer.window)?;
        }
        let before = std::mem::replace(&mut self.state, State::Unassigned);
        let (state, action) = match (wish, before) {
            (Replan::Offer(offer), State::Assigned(at)) if at.people().eq(people(&offer)) => {
                let mut at = at;
                at.retime(offer);
                (State::Assigned(at), "retime")
            }
            (Replan::Offer(offer), State::Accepted(at)) if at.people().eq(people(&offer)) => {
                let mut at = at;
                at.retime(offer);
                (State::Accepted(at), "retime")
            }
            (Replan::Offer(offer), before) => {
                self.forget(&before, now);
                (State::Assigned(open(offer, policy, now)?), "replan")
            }
            (Replan::Nobody, before) => {
                self.forget(&before, now);
                (State::Unassigned, "unassign")
            }
        };
        self.state = state;
        self.next_escalation_at = None;
        Ok(self.changed(action, from, "plan", now))
    }

    fn forget(&mut self, before: &State, now: DateTime<Utc>) {
        if let Some(at) = before.assignment() {
            self.past_offers.push(PastOffer {
                technician_id: at.technician_id.clone(),
                outcome: Outcome::Replanned,
                reason: "plan".to_owned(),
                at: now,
            });
        }
    }

    /// Writes down when the technician is expected, as things stand. `None` when that is known.
    #[must_use]
    pub fn foresee(mut self, arrival: DateTime<Utc>, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let from = self.state.name();
        let (State::Assigned(at) | State::Accepted(at) | State::EnRoute(at)) = &mut self.state else { return None };
        if at.expected_arrival_at == Some(arrival) {
            return None;
        }
        at.expected_arrival_at = Some(arrival);
        Some(self.changed("foresee", from, "", now))
    }
}

fn people(offer: &Offer) -> impl Iterator<Item = &crate::domain::TechnicianId> {
    std::iter::once(&offer.technician_id).chain(&offer.crew)
}

impl super::Assignment {
    fn retime(&mut self, offer: Offer) {
        self.window = offer.window;
        self.planned = offer.planned;
        self.expected_arrival_at = None;
        self.lateness_told = false;
    }
}
