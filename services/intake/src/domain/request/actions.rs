//! What people do to a request, approvals and quotes apart.

use chrono::{DateTime, Utc};
use common::{
    convert::Window,
    error::{Error, Result},
    record::Changed,
};

use super::{Action, ApprovalRules, Hold, HoldFor, Outcome, ServiceRequest, Solution, Stage, State, WarrantySnapshot};
use crate::{
    domain::{
        ArticleId, CustomerId, ProductId,
        ladder::{self, Escalation},
        sla::{Fact, Level},
        values::{Address, Attachment, Charge, Kind, PartWanted, Urgency},
    },
    error::{
        ADDRESS_NEEDED, APPROVAL_NEEDED, CASE_ELSEWHERE, CHARGE_UNDECIDED, DUPLICATE_NOT_OPEN, KIND_HAS_NO_VISIT,
        MERGE_WITH_ITSELF, QUOTE_NEEDED, REQUEST_ON_HOLD, TOO_LATE_TO_CHANGE,
    },
};

/// What a triage decides; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triage {
    /// What it really is.
    pub kind: Option<Kind>,
    /// How urgent it is.
    pub urgency: Option<Urgency>,
    /// Who pays.
    pub charge: Option<Charge>,
    /// Fault code.
    pub fault_code: Option<String>,
    /// Cause code.
    pub cause_code: Option<String>,
    /// Who looks after it.
    pub assignee_id: Option<String>,
    /// The customer agrees to a quote on site.
    pub on_site_quote_consent: bool,
}

/// New details; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// How urgent it is.
    pub urgency: Option<Urgency>,
    /// Who is to be asked for.
    pub contact_name: Option<String>,
    /// Whom to call.
    pub contact_phone: Option<String>,
    /// Where it is, and the unit responsible there.
    pub address: Option<(Option<Address>, String)>,
    /// The registered product, its category, and what its warranty says.
    pub product: Option<(Option<ProductId>, String, Option<WarrantySnapshot>)>,
    /// Description of a product that is not registered.
    pub product_text: Option<String>,
    /// Fault code.
    pub fault_code: Option<String>,
    /// Cause code.
    pub cause_code: Option<String>,
    /// What the customer says.
    pub description: Option<String>,
    /// Pictures.
    pub photos: Option<Vec<Attachment>>,
    /// Windows the customer accepts.
    pub windows: Option<Vec<Window>>,
    /// Parts the visit is expected to need.
    pub parts_wanted: Option<Vec<PartWanted>>,
    /// Who looks after it.
    pub assignee_id: Option<String>,
}

impl ServiceRequest {
    /// Sorts it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `CASE_ELSEWHERE` when the kind would leave or enter one that another service keeps a case of.
    pub fn triage(mut self, what: Triage, by: &str, reason: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Triage, now)?;
        let before = self.facts();
        if let Some(kind) = what.kind.filter(|kind| *kind != self.kind) {
            if kind.has_case_elsewhere() || self.kind.has_case_elsewhere() {
                return Err(Error::new(CASE_ELSEWHERE).with("kind", self.kind).with("wanted", kind));
            }
            self.kind = kind;
        }
        replace(&mut self.urgency, what.urgency);
        replace(&mut self.fault_code, what.fault_code);
        replace(&mut self.cause_code, what.cause_code);
        replace(&mut self.assignee_id, what.assignee_id);
        if what.charge.is_some() {
            self.charge = what.charge;
        }
        if self.assignee_id.is_empty() {
            by.clone_into(&mut self.assignee_id);
        }
        self.on_site_quote_consent |= what.on_site_quote_consent;
        self.retarget(&before, now);
        Ok(self.to(State::Triaged, Action::Triage, reason))
    }

    fn retarget(&mut self, before: &crate::domain::sla::Facts, now: DateTime<Utc>) {
        let facts = self.facts();
        if facts != *before {
            self.log(now, Fact::Retargeted(facts));
        }
    }

    /// Answers it without a visit.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `INVALID_FIELDS` when there is neither text nor article.
    pub fn answer(mut self, text: &str, article_id: Option<ArticleId>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Answer, now)?;
        if text.trim().is_empty() && article_id.is_none() {
            return Err(Error::invalid("answer", "text_or_article"));
        }
        self.hold = None;
        self.log(now, Fact::Resolved);
        let solution = Solution::Answer { text: text.to_owned(), article_id };
        Ok(self.to(State::Resolved { at: now, solution }, Action::Answer, ""))
    }

    /// Frees it for a visit.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, and one reason for each thing that is missing.
    pub fn release(mut self, rules: &ApprovalRules, consent: Consented, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Release, now)?;
        self.on_site_quote_consent |= consent == Consented::OnSiteQuote;
        if self.hold.is_some() {
            return Err(Error::new(REQUEST_ON_HOLD));
        }
        if !self.kind.has_visit() {
            return Err(Error::new(KIND_HAS_NO_VISIT).with("kind", self.kind));
        }
        if self.address.is_none() {
            return Err(Error::new(ADDRESS_NEEDED));
        }
        if rules.asks_for(self.kind, self.charge) && self.approval_mark() != Some(Outcome::Approved) {
            return Err(Error::new(APPROVAL_NEEDED).with("kind", self.kind));
        }
        match self.charge {
            None if self.kind == Kind::Repair => return Err(Error::new(CHARGE_UNDECIDED)),
            Some(Charge::Charged) if !self.on_site_quote_consent && self.accepted_quote().is_none() => {
                return Err(Error::new(QUOTE_NEEDED));
            }
            None | Some(Charge::Charged | Charge::InWarranty | Charge::Goodwill) => {}
        }
        self.visit_number += 1;
        self.log(now, Fact::With(Level::ServicePoint));
        Ok(self.to(State::Ready { since: now }, Action::Release, ""))
    }

    /// Lets it wait.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn hold(
        mut self,
        waits_for: HoldFor,
        until: Option<DateTime<Utc>>,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.check(Action::Hold, now)?;
        self.hold = Some(Hold { waits_for, since: now, until });
        self.log(now, if waits_for == HoldFor::Customer { Fact::Held } else { Fact::Delayed });
        Ok(self.stay(Action::Hold, reason))
    }

    /// Ends the wait.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn resume(mut self, reason: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Resume, now)?;
        self.hold = None;
        self.log(now, Fact::Resumed);
        Ok(self.stay(Action::Resume, reason))
    }

    /// Cancels it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn cancel(mut self, reason: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Cancel, now)?;
        self.hold = None;
        self.drop_open_papers(now);
        self.log(now, Fact::Ended);
        Ok(self.to(State::Cancelled { at: now }, Action::Cancel, reason))
    }

    /// Closes it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn close(self, reason: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Close, now)?;
        match self.state.clone() {
            State::Resolved { at, solution } => {
                Ok(self.to(State::Closed { at: now, resolved_at: at, solution }, Action::Close, reason))
            }
            _ => Err(Error::internal(std::io::Error::other("only a solved request passes the check"))),
        }
    }

    /// Opens it again; the old clocks go on.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, also when it was closed more than 30 days ago.
    pub fn reopen(mut self, reason: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Reopen, now)?;
        self.reopen_count += 1;
        self.log(now, Fact::Reopened);
        self.log(now, Fact::With(Level::Office));
        Ok(self.to(State::Triaged, Action::Reopen, reason))
    }

    /// Merges it into another request.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `MERGE_WITH_ITSELF`, `DUPLICATE_NOT_OPEN`, `CASE_ELSEWHERE`.
    pub fn merge(mut self, into: &Self, reason: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Merge, now)?;
        if into.id == self.id {
            return Err(Error::new(MERGE_WITH_ITSELF));
        }
        if self.kind.has_case_elsewhere() {
            return Err(Error::new(CASE_ELSEWHERE).with("kind", self.kind).with("wanted", self.kind));
        }
        if !into.stage().is_open() {
            return Err(Error::new(DUPLICATE_NOT_OPEN).with("number", &into.number));
        }
        self.hold = None;
        self.log(now, Fact::Ended);
        Ok(self.to(State::Merged { into: into.id.clone(), at: now }, Action::Merge, reason))
    }

    /// Changes its details.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `TOO_LATE_TO_CHANGE` for place and product after the release.
    pub fn update(mut self, new: Details, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Update, now)?;
        let before = self.facts();
        let released = matches!(self.stage(), Stage::Ready | Stage::Scheduled | Stage::InService);
        if released && (new.address.is_some() || new.product.is_some()) {
            return Err(Error::new(TOO_LATE_TO_CHANGE));
        }
        replace(&mut self.urgency, new.urgency);
        replace(&mut self.contact_name, new.contact_name);
        replace(&mut self.contact_phone, new.contact_phone);
        replace(&mut self.product_text, new.product_text);
        replace(&mut self.fault_code, new.fault_code);
        replace(&mut self.cause_code, new.cause_code);
        replace(&mut self.description, new.description);
        replace(&mut self.photos, new.photos);
        replace(&mut self.windows, new.windows);
        replace(&mut self.parts_wanted, new.parts_wanted);
        replace(&mut self.assignee_id, new.assignee_id);
        if let Some((address, org_unit_id)) = new.address {
            (self.address, self.org_unit_id) = (address, org_unit_id);
        }
        if let Some((product_id, category, warranty)) = new.product {
            (self.product_id, self.category_code) = (product_id, category);
            self.charge = warranty.as_ref().map(|snapshot| snapshot.charge()).or(self.charge);
            self.warranty = warranty;
        }
        self.retarget(&before, now);
        Ok(self.stay(Action::Update, ""))
    }

    /// Notes a contact of an agent with the customer.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn note_contact(mut self, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Track, now)?;
        self.log(at.max(self.requested_at), Fact::CalledBack);
        Ok(self.stay(Action::Track, "contact"))
    }

    /// Moves it to the file that was kept when its customer's file was merged. Ended requests move as well.
    #[must_use]
    pub fn move_to(mut self, customer_id: CustomerId) -> Changed<Self> {
        self.asker.customer_id = customer_id;
        self.stay(Action::Update, "customer_merged")
    }

    /// Keeps the link to the complaint that was opened from it.
    #[must_use]
    pub fn link_complaint(mut self, complaint_id: &str) -> Changed<Self> {
        complaint_id.clone_into(&mut self.links.complaint_id);
        self.stay(Action::Update, "complaint_linked")
    }

    /// Takes an escalation step.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn escalate(mut self, target: &str, step: i32, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Escalate, now)?;
        let steps = ladder::steps(target, step, &self.assignee_id, &self.org_unit_id, now);
        self.escalations.extend(steps);
        Ok(self.stay(Action::Escalate, target))
    }

    /// Tells of escalation steps that something of this case took: a promise that was not kept.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn tell(mut self, steps: Vec<Escalation>, about: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.check(Action::Escalate, now)?;
        self.escalations.extend(steps);
        Ok(self.stay(Action::Escalate, about))
    }

    /// The last escalation step.
    #[must_use]
    pub fn last_escalation(&self) -> Option<&Escalation> {
        self.escalations.last()
    }

    /// Whether a deadline was missed so far, by the steps taken.
    #[must_use]
    pub fn is_breached(&self) -> bool {
        self.escalations
            .iter()
            .any(|one| one.step >= ladder::BREACH && crate::domain::sla::Target::parse(&one.target).is_some())
    }
}

/// What the customer consented to before the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consented {
    /// To nothing new.
    Nothing,
    /// To a quote being made on site.
    OnSiteQuote,
}

impl WarrantySnapshot {
    /// Who pays by this verdict. Goodwill is only possible: until somebody asks for it the customer pays.
    #[must_use]
    pub fn charge(&self) -> Charge {
        match self.verdict {
            crate::domain::warranty::Verdict::InWarranty => Charge::InWarranty,
            crate::domain::warranty::Verdict::Charged | crate::domain::warranty::Verdict::Goodwill => Charge::Charged,
        }
    }
}

fn replace<T>(old: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *old = new;
    }
}
