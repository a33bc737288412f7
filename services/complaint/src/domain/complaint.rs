//! A complaint and its states. The table of states and actions stands in `Complaint::allowed`, once.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Actor, Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{
    ComplaintId,
    deadline::Escalation,
    follow_up::{Promise, Review, Try},
    implementation::{Implementation, Solution},
    judgement::{Investigation, Judgement},
    values::{Channel, FollowUpResult, Severity, Subject},
};

/// Names of the actions, as histories and refusals show them.
pub(crate) mod action {
    pub(crate) const RECEIVE: &str = "receive";
    pub(crate) const NOTIFY: &str = "notify";
    pub(crate) const JOIN: &str = "join";
    pub(crate) const LINK: &str = "link";
    pub(crate) const UPDATE: &str = "update";
    pub(crate) const ACKNOWLEDGE: &str = "acknowledge";
    pub(crate) const JUDGE: &str = "judge";
    pub(crate) const INVESTIGATE: &str = "investigate";
    pub(crate) const PROPOSE: &str = "propose";
    pub(crate) const APPROVE: &str = "approve";
    pub(crate) const SEND_BACK: &str = "send_back";
    pub(crate) const AGREE: &str = "agree";
    pub(crate) const LINK_ACTION: &str = "link_action";
    pub(crate) const COMPLETE_ACTION: &str = "complete_action";
    pub(crate) const REOPEN_ACTION: &str = "reopen_action";
    pub(crate) const DECIDE_ACTION: &str = "decide_action";
    pub(crate) const FOLLOW_UP: &str = "follow_up";
    pub(crate) const ARCHIVE: &str = "archive";
    pub(crate) const PROMISE: &str = "promise";
    pub(crate) const KEEP_PROMISE: &str = "keep_promise";
    pub(crate) const ESCALATE: &str = "escalate";
}

/// Where a complaint stands, with what is true only there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a record has one state, and is never held in numbers")]
pub(crate) enum State {
    /// We have it.
    Received,
    /// The customer knows.
    Acknowledged,
    /// Its cause is looked for.
    Investigating,
    /// Unfounded; the customer has our reply and is asked before this instant.
    Replied {
        /// By when the customer is asked.
        follow_up_due_at: DateTime<Utc>,
    },
    /// Solutions are looked for.
    Proposing {
        /// What was sent back, if anything was.
        sent_back: Option<SentBack>,
    },
    /// Solutions wait for a decision.
    PendingApproval {
        /// The solutions.
        solutions: Vec<Solution>,
    },
    /// A solution is carried out.
    Implementing {
        /// How far.
        work: Box<Implementation>,
    },
    /// All is done; the customer is asked before this instant.
    FollowUp {
        /// By when the customer is asked.
        follow_up_due_at: DateTime<Utc>,
    },
    /// It is over.
    Closed {
        /// How it ended.
        outcome: FollowUpResult,
        /// When.
        closed_at: DateTime<Utc>,
    },
    /// It is filed.
    Archived {
        /// How it ended.
        outcome: FollowUpResult,
        /// When.
        closed_at: DateTime<Utc>,
        /// What we learned.
        review: Review,
    },
}

/// Solutions that were not good enough.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentBack {
    /// Why.
    pub(crate) reason: String,
    /// Which.
    pub(crate) solutions: Vec<Solution>,
}

/// What a complaint is about, by the ids of other services' records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Links {
    /// Service requests; the first is the one it began with.
    pub(crate) service_requests: Vec<String>,
    /// Work orders.
    pub(crate) work_orders: Vec<String>,
    /// Technicians.
    pub(crate) technicians: Vec<String>,
    /// Parts.
    pub(crate) skus: Vec<String>,
    /// Survey answers.
    pub(crate) survey_responses: Vec<String>,
    /// Registered products.
    pub(crate) products: Vec<String>,
}

impl Links {
    /// Takes over what is new in `other`; says whether anything was.
    pub(crate) fn add(&mut self, other: Self) -> Added {
        let mut added = Added::Nothing;
        for (mine, theirs) in [
            (&mut self.service_requests, other.service_requests),
            (&mut self.work_orders, other.work_orders),
            (&mut self.technicians, other.technicians),
            (&mut self.skus, other.skus),
            (&mut self.survey_responses, other.survey_responses),
            (&mut self.products, other.products),
        ] {
            for id in theirs {
                if !id.is_empty() && !mine.contains(&id) {
                    mine.push(id);
                    added = Added::Something;
                }
            }
        }
        added
    }

    /// Whether both speak of the same request, or of the same product, or neither of any.
    pub(crate) fn same_matter(&self, other: &Self) -> bool {
        let meet = |mine: &[String], theirs: &[String]| mine.iter().any(|id| theirs.contains(id));
        let bare = |links: &Self| links.service_requests.is_empty() && links.products.is_empty();
        meet(&self.service_requests, &other.service_requests)
            || meet(&self.products, &other.products)
            || (bare(self) && bare(other))
    }
}

/// Whether something was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// At least one link.
    Something,
    /// All were there.
    Nothing,
}

/// Who complains, when not the customer in person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Complainant {
    /// Name.
    pub(crate) name: String,
    /// Phone.
    pub(crate) phone: String,
}

/// The same matter, told once more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Joined {
    /// How.
    pub(crate) channel: Channel,
    /// In the customer's words.
    pub(crate) description: String,
    /// What the customer wants.
    pub(crate) wanted: String,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

/// Somebody was told at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// Whom.
    pub(crate) recipient: String,
    /// Because it is this grave.
    pub(crate) severity: Severity,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

/// A complaint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Complaint {
    pub(crate) id: ComplaintId,
    pub(crate) version: i64,
    pub(crate) number: String,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    pub(crate) org_unit_id: String,
    /// The partner that made it; empty for none.
    #[serde(default)]
    pub(crate) partner_id: String,
    pub(crate) state: State,
    pub(crate) channel: Channel,
    pub(crate) subject: Subject,
    pub(crate) reason_code: String,
    pub(crate) severity: Severity,
    pub(crate) customer_id: String,
    pub(crate) complainant: Complainant,
    pub(crate) description: String,
    pub(crate) wanted: String,
    pub(crate) links: Links,
    /// Service requests made for it. They are not what it is about, so they do not tell its matter.
    pub(crate) remedy_requests: Vec<String>,
    /// The unit it is about; may be empty.
    pub(crate) about_org_unit_id: String,
    /// Who drives it; may be empty.
    pub(crate) owner_id: String,
    /// 0 unit, 1 supervisor, 2 manager, 3 head office.
    pub(crate) level: u32,
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) acknowledge_due_at: DateTime<Utc>,
    pub(crate) resolution_due_at: DateTime<Utc>,
    pub(crate) outside_due_at: Option<DateTime<Utc>>,
    pub(crate) accepted_at: Option<DateTime<Utc>>,
    pub(crate) acknowledged_at: Option<DateTime<Utc>>,
    pub(crate) presumed_ours: bool,
    pub(crate) survey_consent: bool,
    pub(crate) joined: Vec<Joined>,
    pub(crate) reopened: u32,
    pub(crate) judgements: Vec<Judgement>,
    pub(crate) investigations: Vec<Investigation>,
    /// Solutions that were carried out in this round and in earlier ones.
    pub(crate) implementations: Vec<Implementation>,
    pub(crate) tries: Vec<Try>,
    pub(crate) promises: Vec<Promise>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) escalations: Vec<Escalation>,
    /// Facts of other services that opened or joined it: each does so once.
    pub(crate) sources: Vec<String>,
}

impl Complaint {
    /// The actions that the present state allows: the whole table, in one place.
    pub(crate) fn allowed(&self) -> &'static [&'static str] {
        use action::*;
        match &self.state {
            State::Received => &[ACKNOWLEDGE, UPDATE, LINK, PROMISE, KEEP_PROMISE],
            State::Acknowledged => &[JUDGE, UPDATE, LINK, PROMISE, KEEP_PROMISE],
            State::Investigating => &[INVESTIGATE, UPDATE, LINK, PROMISE, KEEP_PROMISE],
            State::Proposing { .. } => &[PROPOSE, UPDATE, LINK, PROMISE, KEEP_PROMISE],
            State::PendingApproval { .. } => &[APPROVE, SEND_BACK, UPDATE, LINK, PROMISE, KEEP_PROMISE],
            State::Implementing { .. } => &[AGREE, COMPLETE_ACTION, DECIDE_ACTION, UPDATE, LINK, PROMISE, KEEP_PROMISE],
            State::FollowUp { .. } | State::Replied { .. } => &[FOLLOW_UP, UPDATE, LINK, PROMISE, KEEP_PROMISE],
            State::Closed { .. } => &[ARCHIVE, LINK, KEEP_PROMISE],
            State::Archived { .. } => &[],
        }
    }

    /// Refuses an action that the present state does not allow.
    pub(super) fn permit(&self, action: &'static str) -> Result<()> {
        if self.allowed().contains(&action) { Ok(()) } else { Err(self.illegal(action)) }
    }

    /// The refusal of an action, with what is allowed instead.
    pub(super) fn illegal(&self, action: &'static str) -> Error {
        Error::illegal(Self::KIND, action, self.state(), self.allowed())
    }

    /// The complaint after an action.
    pub(super) fn changed(
        mut self,
        action: &'static str,
        from: &'static str,
        reason: impl Into<String>,
        now: DateTime<Utc>,
    ) -> Changed<Self> {
        self.updated_at = now;
        Changed::new(self, action, from, reason)
    }

    /// Whether it is neither closed nor archived.
    pub(crate) fn is_open(&self) -> bool {
        match self.state {
            State::Received
            | State::Acknowledged
            | State::Investigating
            | State::Replied { .. }
            | State::Proposing { .. }
            | State::PendingApproval { .. }
            | State::Implementing { .. }
            | State::FollowUp { .. } => true,
            State::Closed { .. } | State::Archived { .. } => false,
        }
    }

    /// Whether this person is one of those it is about.
    pub(crate) fn is_caused_by(&self, actor: &Actor) -> bool {
        let named = |investigation: &Investigation| {
            investigation.shares.iter().any(|share| share.person_id.as_deref() == Some(&actor.id))
        };
        self.links.technicians.contains(&actor.id) || self.investigations.iter().any(named)
    }

    /// What names the matter while it is open: no two open complaints have the same. Unit and partner are part of it: who
    /// does not see a complaint must not find out by opening another.
    pub(crate) fn matter_key(&self) -> Option<String> {
        let about = self.links.service_requests.first().or(self.links.products.first());
        let about = about.map_or("-", String::as_str);
        self.is_open().then(|| {
            let (customer, subject) = (&self.customer_id, self.subject.as_str());
            format!("{customer}|{subject}|{about}|{}|{}", self.org_unit_id, self.partner_id)
        })
    }

    /// The cause last found; empty before.
    pub(crate) fn cause_code(&self) -> &str {
        self.investigations.last().map_or("", |found| found.cause_code.as_str())
    }

    /// Every cause found so far.
    pub(crate) fn cause_codes(&self) -> Vec<String> {
        self.investigations.iter().map(|found| found.cause_code.clone()).collect()
    }

    /// The solution that is being carried out.
    pub(crate) fn running(&self) -> Option<&Implementation> {
        if let State::Implementing { work } = &self.state { Some(work) } else { None }
    }

    /// The approved solution of this round, or the last one before.
    pub(crate) fn implementation(&self) -> Option<&Implementation> {
        self.running().or(self.implementations.last())
    }

    /// How it ended and when.
    pub(crate) fn closed(&self) -> Option<(FollowUpResult, DateTime<Utc>)> {
        match &self.state {
            State::Closed { outcome, closed_at } | State::Archived { outcome, closed_at, .. } => {
                Some((*outcome, *closed_at))
            }
            State::Received
            | State::Acknowledged
            | State::Investigating
            | State::Replied { .. }
            | State::Proposing { .. }
            | State::PendingApproval { .. }
            | State::Implementing { .. }
            | State::FollowUp { .. } => None,
        }
    }

    /// The result of the last follow-up or judgement, for the event.
    pub(crate) fn outcome(&self) -> &'static str {
        match (self.tries.last(), self.judgements.last()) {
            (Some(last), _) => last.result.as_str(),
            (None, Some(last)) => last.verdict.as_str(),
            (None, None) => "",
        }
    }
}

impl Record for Complaint {
    const KIND: &'static str = "complaint";

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
        match self.state {
            State::Received => "received",
            State::Acknowledged => "acknowledged",
            State::Investigating => "investigating",
            State::Replied { .. } => "replied",
            State::Proposing { .. } => "proposing",
            State::PendingApproval { .. } => "pending_approval",
            State::Implementing { .. } => "implementing",
            State::FollowUp { .. } => "follow_up",
            State::Closed { .. } => "closed",
            State::Archived { .. } => "archived",
        }
    }

    fn subject_id(&self) -> Option<&str> {
        Some(&self.customer_id)
    }

    fn case_id(&self) -> Option<&str> {
        self.links.service_requests.first().map(String::as_str)
    }
}
