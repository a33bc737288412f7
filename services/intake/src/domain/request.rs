//! The service request: one case, its state machine and everything the state carries.

use chrono::{DateTime, Utc};
use common::{
    convert::{Money, Window},
    record::{Actor, Record},
};
use serde::{Deserialize, Serialize};

use super::{
    ApprovalId, ArticleId, CustomerId, ProductId, QuoteId, ServiceRequestId,
    ladder::Escalation,
    names::names,
    sla,
    values::{Address, Attachment, Channel, Charge, Kind, PartWanted, Tier, Urgency},
    warranty::Verdict,
};

mod actions;
mod approval;
mod quote;
mod table;
mod visit;

pub use actions::{Consented, Details, Triage};
pub use approval::ApprovalRules;
pub use quote::QuoteLine;
pub use table::{Action, Stage};
pub use visit::VisitFact;

names! {
    /// What a request on hold waits for.
    pub enum HoldFor {
        /// For the customer: the clocks stand still.
        Customer = "customer",
        /// For parts.
        Parts = "parts",
        /// For head office.
        HeadOffice = "head_office",
    }
}

names! {
    /// How an asking or a quote ended.
    pub enum Outcome {
        /// Not yet.
        Open = "open",
        /// With a yes of the supervisor.
        Approved = "approved",
        /// With a no of the supervisor.
        Rejected = "rejected",
        /// With a yes of the customer.
        Accepted = "accepted",
        /// With a no of the customer.
        Declined = "declined",
        /// By time.
        Expired = "expired",
    }
}

/// A wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// For whom.
    pub waits_for: HoldFor,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when it is expected.
    pub until: Option<DateTime<Utc>>,
}

/// One asking of a supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Id.
    pub id: ApprovalId,
    /// Why.
    pub reason: String,
    /// The amount at stake.
    pub amount: Option<Money>,
    /// Who asked.
    pub asked_by: Actor,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: Outcome,
    /// Who answered.
    pub answered_by: Option<Actor>,
    /// When.
    pub answered_at: Option<DateTime<Utc>>,
    /// The answer in words.
    pub answer: String,
    /// How often the request had been opened again before: an approval holds until then only.
    pub round: i32,
}

/// A quote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Id.
    pub id: QuoteId,
    /// The lines.
    pub lines: Vec<QuoteLine>,
    /// Their sum.
    pub total: Money,
    /// Until when it holds.
    pub expires_at: DateTime<Utc>,
    /// How it ended.
    pub outcome: Outcome,
    /// Who made it.
    pub quoted_by: Actor,
    /// When.
    pub quoted_at: DateTime<Utc>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// How the customer agreed, or why not.
    pub answer: String,
    /// As in [`Approval::round`].
    pub round: i32,
}

/// How a request was solved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solution {
    /// By a text or an article.
    Answer {
        /// The text.
        text: String,
        /// The article.
        article_id: Option<ArticleId>,
    },
    /// By a visit.
    Visit {
        /// Its work order.
        work_order_id: String,
    },
    /// By taking goods back or exchanging them.
    Goods {
        /// The return.
        return_id: String,
    },
    /// By the complaint that was opened from it.
    Complaint,
}

/// Where a request stands, with what belongs to that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Registered.
    New,
    /// Sorted.
    Triaged,
    /// A supervisor was asked.
    PendingApproval {
        /// The asking.
        approval_id: ApprovalId,
    },
    /// The customer has a quote.
    PendingQuote {
        /// The quote.
        quote_id: QuoteId,
    },
    /// Ready for a visit.
    Ready {
        /// Since when dispatch could make the work order.
        since: DateTime<Utc>,
    },
    /// There is a work order.
    Scheduled {
        /// The work order.
        work_order_id: String,
    },
    /// The technician works.
    InService {
        /// The work order.
        work_order_id: String,
    },
    /// Solved.
    Resolved {
        /// When.
        at: DateTime<Utc>,
        /// How.
        solution: Solution,
    },
    /// Closed.
    Closed {
        /// When.
        at: DateTime<Utc>,
        /// When it was solved.
        resolved_at: DateTime<Utc>,
        /// How it was solved.
        solution: Solution,
    },
    /// Cancelled.
    Cancelled {
        /// When.
        at: DateTime<Utc>,
    },
    /// Merged into another request.
    Merged {
        /// The one that goes on.
        into: ServiceRequestId,
        /// When.
        at: DateTime<Utc>,
    },
}

/// What the warranty said when the request was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarrantySnapshot {
    /// What it said.
    pub verdict: Verdict,
    /// The rule that decided.
    pub rule: String,
    /// Version of the rules.
    pub version: String,
    /// Last day of the period.
    pub end: Option<chrono::NaiveDate>,
    /// Why it is charged; empty when it is not.
    pub charged_reason: String,
}

/// The customer as the request needs it, at the time of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The file.
    pub customer_id: CustomerId,
    /// Tier.
    pub tier: Tier,
    /// Whether the customer agreed to be asked about satisfaction.
    pub survey_consent: bool,
    /// Language.
    pub language: String,
}

/// Where the request comes from besides the customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// The request above it.
    pub parent_id: Option<ServiceRequestId>,
    /// The request that led to it, or whose repair it repeats.
    pub caused_by_id: Option<ServiceRequestId>,
    /// Whether it repeats a job inside the repair warranty.
    pub repeat_visit: bool,
    /// The complaint that asked for it, or was opened from it.
    pub complaint_id: String,
    /// The remedy that the complaint asked for.
    pub remedy: String,
    /// The partner that sent it.
    pub partner_id: String,
    /// The partner's own number.
    pub external_reference: String,
    /// Open requests that looked the same when it was made.
    pub possible_duplicates: Vec<String>,
    /// The product issued in exchange.
    pub replacement_id: Option<ProductId>,
}

/// A service request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceRequest {
    /// Id.
    pub id: ServiceRequestId,
    /// Version.
    pub version: i64,
    /// Number for people.
    pub number: String,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// The responsible unit.
    pub org_unit_id: String,
    /// When the customer asked.
    pub requested_at: DateTime<Utc>,
    /// How it reached us.
    pub channel: Channel,
    /// What is asked for.
    pub kind: Kind,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Who asks.
    pub asker: Asker,
    /// Who is to be asked for.
    pub contact_name: String,
    /// Whom to call, in E.164.
    pub contact_phone: String,
    /// Where it is.
    pub address: Option<Address>,
    /// The registered product.
    pub product_id: Option<ProductId>,
    /// Description of a product that is not registered.
    pub product_text: String,
    /// Category code.
    pub category_code: String,
    /// Fault code.
    pub fault_code: String,
    /// Cause code.
    pub cause_code: String,
    /// What the customer says.
    pub description: String,
    /// Pictures.
    pub photos: Vec<Attachment>,
    /// Windows the customer accepts.
    pub windows: Vec<Window>,
    /// Parts the visit is expected to need.
    pub parts_wanted: Vec<PartWanted>,
    /// Who looks after it; empty for nobody.
    pub assignee_id: String,
    /// What the warranty said.
    pub warranty: Option<WarrantySnapshot>,
    /// Who pays; `None` when nothing is to be paid or nobody has decided.
    pub charge: Option<Charge>,
    /// Whether the customer agreed to a quote on site.
    pub on_site_quote_consent: bool,
    /// Where it comes from.
    pub links: Links,
    /// What it waits for.
    pub hold: Option<Hold>,
    /// Which visit is next or under way; 0 before the first release.
    pub visit_number: i32,
    /// Askings of a supervisor.
    pub approvals: Vec<Approval>,
    /// Quotes.
    pub quotes: Vec<Quote>,
    /// Escalation steps.
    pub escalations: Vec<Escalation>,
    /// How often it was opened again.
    pub reopen_count: i32,
    /// What clocks are computed from.
    pub log: Vec<sla::Entry>,
    /// The nearest open deadline when it last changed; lists are ordered by it.
    pub next_due_at: Option<DateTime<Utc>>,
    /// Why it stands where it stands.
    pub state_reason: String,
    /// Where it stands.
    pub state: State,
}

impl Record for ServiceRequest {
    const KIND: &'static str = "service_request";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn number(&self) -> &str {
        &self.number
    }

    fn state(&self) -> &'static str {
        self.stage().as_str()
    }

    fn subject_id(&self) -> Option<&str> {
        Some(self.asker.customer_id.as_str())
    }

    fn case_id(&self) -> Option<&str> {
        Some(self.id.as_str())
    }
}

impl ServiceRequest {
    /// What policies look at.
    #[must_use]
    pub fn facts(&self) -> sla::Facts {
        sla::Facts {
            kind: self.kind,
            urgency: self.urgency,
            tier: self.asker.tier,
            contract: String::new(),
            category: self.category_code.clone(),
            org_unit: self.org_unit_id.clone(),
        }
    }

    /// The log of a request that is being made.
    #[must_use]
    pub fn first_entries(&self) -> Vec<sla::Entry> {
        let at = self.requested_at;
        let mut log = vec![sla::Entry { at, fact: sla::Fact::Requested(self.facts()) }];
        if self.channel.is_spoken() {
            log.push(sla::Entry { at, fact: sla::Fact::CalledBack });
        }
        log
    }

    /// The work order under way; empty when there is none.
    #[must_use]
    pub fn work_order_id(&self) -> &str {
        match &self.state {
            State::Scheduled { work_order_id }
            | State::InService { work_order_id }
            | State::Resolved { solution: Solution::Visit { work_order_id }, .. }
            | State::Closed { solution: Solution::Visit { work_order_id }, .. } => work_order_id,
            State::New
            | State::Triaged
            | State::PendingApproval { .. }
            | State::PendingQuote { .. }
            | State::Ready { .. }
            | State::Resolved { .. }
            | State::Closed { .. }
            | State::Cancelled { .. }
            | State::Merged { .. } => "",
        }
    }

    /// How it was solved, if it is.
    #[must_use]
    pub fn solution(&self) -> Option<&Solution> {
        match &self.state {
            State::Resolved { solution, .. } | State::Closed { solution, .. } => Some(solution),
            State::New
            | State::Triaged
            | State::PendingApproval { .. }
            | State::PendingQuote { .. }
            | State::Ready { .. }
            | State::Scheduled { .. }
            | State::InService { .. }
            | State::Cancelled { .. }
            | State::Merged { .. } => None,
        }
    }

    /// When it was solved, if it is.
    #[must_use]
    pub fn resolved_at(&self) -> Option<DateTime<Utc>> {
        match &self.state {
            State::Resolved { at, .. } => Some(*at),
            State::Closed { resolved_at, .. } => Some(*resolved_at),
            State::New
            | State::Triaged
            | State::PendingApproval { .. }
            | State::PendingQuote { .. }
            | State::Ready { .. }
            | State::Scheduled { .. }
            | State::InService { .. }
            | State::Cancelled { .. }
            | State::Merged { .. } => None,
        }
    }

    fn log(&mut self, at: DateTime<Utc>, fact: sla::Fact) {
        self.log.push(sla::Entry { at, fact });
    }
}

#[cfg(test)]
pub(crate) mod tests;
