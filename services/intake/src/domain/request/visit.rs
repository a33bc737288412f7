//! What other services' facts do to a request. A fact that no longer fits (late, twice, of another visit) does nothing:
//! facts are never refused.

use chrono::{DateTime, Utc};
use common::record::Changed;

use super::{Action, HoldFor, ServiceRequest, Solution, Stage, State};
use crate::domain::{
    ProductId,
    sla::{Fact, Level},
    values::{Charge, Kind},
    warranty,
};

/// What dispatch says about a work order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VisitFact {
    /// It was made.
    Created,
    /// A technician took it; a visit is agreed when there is a window.
    Accepted {
        /// Whether a window is promised.
        with_window: bool,
    },
    /// It has a (new) window.
    Rescheduled,
    /// The technician spoke to the customer.
    Contacted,
    /// The technician is there.
    Arrived,
    /// Work began.
    Started,
    /// It is done.
    Completed,
    /// It did not solve it.
    Failed,
    /// Dispatch gave it up.
    Cancelled,
}

impl ServiceRequest {
    /// What a fact about a work order changes; `None` when it changes nothing.
    #[must_use]
    pub fn visit(
        mut self,
        fact: VisitFact,
        work_order_id: &str,
        visit_number: i32,
        why: &str,
        now: DateTime<Utc>,
    ) -> Option<Changed<Self>> {
        if fact == VisitFact::Created {
            if self.stage() != Stage::Ready || visit_number != self.visit_number {
                return None;
            }
            return Some(self.to(State::Scheduled { work_order_id: work_order_id.to_owned() }, Action::Schedule, ""));
        }
        let under_way = matches!(self.stage(), Stage::Scheduled | Stage::InService);
        if !under_way || self.work_order_id() != work_order_id {
            return None;
        }
        match fact {
            VisitFact::Created => None,
            VisitFact::Accepted { with_window } => {
                self.log(now, Fact::HandedOver);
                self.log(now, Fact::With(Level::Technician));
                if with_window {
                    self.log(now, Fact::VisitAgreed);
                }
                Some(self.stay(Action::Track, "accepted"))
            }
            VisitFact::Rescheduled => {
                self.log(now, Fact::VisitAgreed);
                Some(self.stay(Action::Track, "rescheduled"))
            }
            VisitFact::Contacted => {
                self.log(now, Fact::TechnicianContacted);
                Some(self.stay(Action::Track, "contacted"))
            }
            VisitFact::Arrived => {
                self.log(now, Fact::OnSite);
                Some(self.stay(Action::Track, "arrived"))
            }
            VisitFact::Started if self.stage() == Stage::Scheduled => {
                self.log(now, Fact::OnSite);
                Some(self.to(State::InService { work_order_id: work_order_id.to_owned() }, Action::Start, ""))
            }
            VisitFact::Started => None,
            VisitFact::Completed => {
                self.hold = None;
                self.log(now, Fact::Resolved);
                let solution = Solution::Visit { work_order_id: work_order_id.to_owned() };
                Some(self.to(State::Resolved { at: now, solution }, Action::CompleteVisit, why))
            }
            VisitFact::Failed | VisitFact::Cancelled => {
                self.visit_number += 1;
                self.log(now, Fact::With(Level::ServicePoint));
                Some(self.to(State::Ready { since: now }, Action::NeedVisit, why))
            }
        }
    }

    /// Goods were taken back or exchanged; `None` when that changes nothing.
    #[must_use]
    pub fn settle_goods(
        mut self,
        return_id: &str,
        replacement: Option<ProductId>,
        why: &str,
        now: DateTime<Utc>,
    ) -> Option<Changed<Self>> {
        if !self.stage().is_open() || !matches!(self.kind, Kind::Return | Kind::Exchange) {
            return None;
        }
        self.links.replacement_id = replacement;
        let solution = Solution::Goods { return_id: return_id.to_owned() };
        Some(self.settle(solution, why, now))
    }

    /// The complaint that was opened from it is closed; `None` when that changes nothing.
    #[must_use]
    pub fn settle_complaint(self, complaint_id: &str, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let ours = self.kind == Kind::Complaint && self.links.complaint_id == complaint_id;
        (self.stage().is_open() && ours).then(|| self.settle(Solution::Complaint, "complaint_closed", now))
    }

    fn settle(mut self, solution: Solution, why: &str, now: DateTime<Utc>) -> Changed<Self> {
        self.hold = None;
        self.drop_open_papers(now);
        self.log(now, Fact::Resolved);
        self.to(State::Resolved { at: now, solution }, Action::Settle, why)
    }

    /// The customer answered the survey and is not unhappy; `None` when that changes nothing.
    #[must_use]
    pub fn survey_answered(self, now: DateTime<Utc>) -> Option<Changed<Self>> {
        self.close("survey_answered", now).ok()
    }
}

impl ServiceRequest {
    /// The repair that this request was or is, for the warranty of its product; `None` when nobody has worked on it.
    /// `date_of` gives the date on the responsible unit's wall clock.
    #[must_use]
    pub fn repair(&self, date_of: impl Fn(DateTime<Utc>) -> chrono::NaiveDate) -> Option<warranty::Repair> {
        let begun = self
            .log
            .iter()
            .filter(|entry| matches!(entry.fact, Fact::OnSite | Fact::Delayed))
            .map(|entry| entry.at)
            .min();
        let until = self.resolved_at();
        let counts = self.kind == Kind::Repair && (until.is_some() || self.stage().is_open());
        let for_parts = self.hold.as_ref().is_some_and(|hold| hold.waits_for == HoldFor::Parts);
        begun.filter(|_| counts).map(|begun| warranty::Repair {
            request_id: self.id.to_string(),
            fault: self.fault_code.clone(),
            from: date_of(begun),
            until: until.map(&date_of),
            wait: if for_parts { warranty::Wait::Parts } else { warranty::Wait::Repairer },
            in_warranty: self.charge == Some(Charge::InWarranty),
        })
    }
}
