//! What happens on the way and on site, up to the signed end of the visit.

use chrono::{DateTime, Utc};
use common::{
    convert::Position,
    error::{Error, Result},
    record::Changed,
};

use super::{FailReason, State, SuspendCause, WorkOrder};
use crate::{
    domain::{
        PartQuantity,
        site::{self, Additions, Receipt, Step, refuse_gaps},
    },
    error::reason,
};

/// Time, place and author of one step.
#[derive(Clone, Debug)]
pub struct Mark {
    /// When.
    pub at: DateTime<Utc>,
    /// Where, when the device said it.
    pub position: Option<Position>,
    /// By whom.
    pub actor_id: String,
}

impl WorkOrder {
    fn mark(&mut self, action: &str, mark: Mark) {
        self.record.steps.push(Step {
            action: action.to_owned(),
            at: mark.at,
            position: mark.position,
            actor_id: mark.actor_id,
        });
    }

    /// The technician sets out.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn depart(mut self, expected_arrival_at: Option<DateTime<Utc>>, mark: Mark) -> Result<Changed<Self>> {
        let (from, now) = (self.state.name(), mark.at);
        let State::Accepted(mut assignment) = self.state else { return Err(self.illegal("depart")) };
        assignment.expected_arrival_at = expected_arrival_at;
        self.state = State::EnRoute(assignment);
        self.mark("depart", mark);
        Ok(self.changed("depart", from, "", now))
    }

    /// The technician is there.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn arrive(mut self, mark: Mark) -> Result<Changed<Self>> {
        let (from, now) = (self.state.name(), mark.at);
        let State::EnRoute(assignment) = self.state else { return Err(self.illegal("arrive")) };
        self.state = State::OnSite(assignment);
        self.mark("arrive", mark);
        self.calm();
        Ok(self.changed("arrive", from, "", now))
    }

    /// Work begins, once checklist and consent are there.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `RECORD_INCOMPLETE`.
    pub fn start(mut self, more: Additions, mark: Mark) -> Result<Changed<Self>> {
        let (from, now, charge) = (self.state.name(), mark.at, self.charge());
        let State::OnSite(assignment) = self.state else { return Err(self.illegal("start")) };
        self.record.add(more);
        refuse_gaps(self.record.start_gaps(&self.checklist, charge))?;
        self.state = State::InProgress(assignment);
        self.mark("start", mark);
        Ok(self.changed("start", from, "", now))
    }

    /// Adds to the record. After the office sent it back, it is the answer; the parts are posted by then.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `PARTS_POSTED`; `INVALID_FIELDS` for a missing answer.
    pub fn record(mut self, more: Additions, answer: String, mark: Mark) -> Result<Changed<Self>> {
        self.permit("record")?;
        let (from, now) = (self.state.name(), mark.at);
        if let State::Completed { bounce: Some(bounce), .. } = &mut self.state {
            if !more.parts.is_empty() {
                return Err(Error::new(reason::PARTS_POSTED));
            }
            if answer.is_empty() {
                return Err(Error::invalid("answer", "required"));
            }
            bounce.answered_at = Some(now);
        }
        self.record.add(more);
        self.mark("record", mark);
        Ok(self.changed("record", from, answer, now))
    }

    /// Work waits. An item that is taken away leaves a signed receipt behind.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `RECORD_INCOMPLETE` without a receipt; `ITEM_AWAY` when one is open already.
    pub fn suspend(
        mut self,
        cause: SuspendCause,
        note: String,
        receipt: Option<Receipt>,
        mark: Mark,
    ) -> Result<Changed<Self>> {
        let (from, now) = (self.state.name(), mark.at);
        let State::InProgress(assignment) = self.state else { return Err(self.illegal("suspend")) };
        match (cause, receipt) {
            (SuspendCause::TakeAway, Some(mut receipt)) => {
                if let Some(away) = self.record.item_away() {
                    return Err(Error::new(reason::ITEM_AWAY).with("receipt", &away.number));
                }
                if !receipt.signature.present() {
                    refuse_gaps(vec![gap("receipt.signature")])?;
                }
                if receipt.number.is_empty() {
                    receipt.number = format!("{}-R", self.number);
                }
                receipt.taken_at = now;
                receipt.returned_at = None;
                self.record.receipt = Some(receipt);
            }
            (SuspendCause::TakeAway, None) => refuse_gaps(vec![gap("receipt")])?,
            (SuspendCause::Parts | SuspendCause::Approval, Some(_)) => {
                return Err(Error::invalid("receipt", "only_for_take_away"));
            }
            (SuspendCause::Parts | SuspendCause::Approval, None) => {}
        }
        self.state = State::Suspended { assignment, cause };
        self.mark("suspend", mark);
        let why = if note.is_empty() { cause.code().to_owned() } else { note };
        Ok(self.changed("suspend", from, why, now))
    }

    /// Work goes on.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn resume(mut self, note: String, mark: Mark) -> Result<Changed<Self>> {
        let (from, now) = (self.state.name(), mark.at);
        let State::Suspended { assignment, .. } = self.state else { return Err(self.illegal("resume")) };
        self.state = State::InProgress(assignment);
        self.mark("resume", mark);
        Ok(self.changed("resume", from, note, now))
    }

    /// The item is back with the customer, and the receipt is taken back.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `NO_ITEM_AWAY`.
    pub fn return_item(mut self, note: String, mark: Mark) -> Result<Changed<Self>> {
        self.permit("return_item")?;
        let (from, now) = (self.state.name(), mark.at);
        let Some(receipt) = self.record.receipt.as_mut().filter(|receipt| receipt.returned_at.is_none()) else {
            return Err(Error::new(reason::NO_ITEM_AWAY));
        };
        receipt.returned_at = Some(now);
        receipt.return_note.clone_from(&note);
        self.mark("return_item", mark);
        Ok(self.changed("return_item", from, note, now))
    }

    /// Work is done and signed. Everything that is missing is named.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `RECORD_INCOMPLETE`.
    pub fn complete(mut self, more: Additions, mark: Mark) -> Result<Changed<Self>> {
        let (from, now, charge) = (self.state.name(), mark.at, self.charge());
        let State::InProgress(assignment) = self.state else { return Err(self.illegal("complete")) };
        self.record.add(more);
        refuse_gaps(self.record.completion_gaps(&self.checklist, &self.parts.reserved, charge))?;
        self.state = State::Completed { assignment, at: now, bounce: None };
        self.mark("complete", mark);
        self.calm();
        Ok(self.changed("complete", from, "", now))
    }

    /// The visit does not solve it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `ITEM_AWAY`; `RECORD_INCOMPLETE` when a part is missing and none is named.
    pub fn fail(
        mut self,
        why: FailReason,
        next_parts: Vec<PartQuantity>,
        more: Additions,
        mark: Mark,
    ) -> Result<Changed<Self>> {
        self.permit("fail")?;
        let (from, now) = (self.state.name(), mark.at);
        if let Some(away) = self.record.item_away() {
            return Err(Error::new(reason::ITEM_AWAY).with("receipt", &away.number));
        }
        if why == FailReason::PartsMissing && next_parts.is_empty() {
            refuse_gaps(vec![gap("parts_wanted")])?;
        }
        let assignment = match self.state {
            State::OnSite(assignment) | State::InProgress(assignment) => assignment,
            State::Unassigned
            | State::Assigned(_)
            | State::Accepted(_)
            | State::EnRoute(_)
            | State::Suspended { .. }
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. }
            | State::Verified { .. } => return Err(self.illegal("fail")),
        };
        self.record.add(more);
        self.state = State::Failed { assignment, reason: why, next_parts, at: now };
        self.mark("fail", mark);
        self.calm();
        Ok(self.changed("fail", from, why.code(), now))
    }
}

fn gap(field: &str) -> site::Gap {
    site::Gap { field: field.to_owned(), rule: "required" }
}
