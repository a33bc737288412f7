//! Receiving a complaint: due times, presumption, who is told, and whether the matter is open already.

use chrono::{DateTime, Months, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record as _},
};

use super::{
    ComplaintId,
    complaint::{Added, Complainant, Complaint, Joined, Links, Notice, State, action},
    policy::Policy,
    values::{Channel, Severity, Subject},
};
use crate::error::OUTSIDE_DEADLINE_MISSING;

/// What somebody complains about.
#[derive(Clone, Debug)]
pub(crate) struct Matter {
    pub(crate) channel: Channel,
    pub(crate) subject: Subject,
    pub(crate) reason_code: String,
    pub(crate) severity: Severity,
    pub(crate) customer_id: String,
    pub(crate) complainant: Complainant,
    pub(crate) description: String,
    pub(crate) wanted: String,
    pub(crate) links: Links,
    pub(crate) org_unit_id: String,
    /// The partner that tells it; empty for none.
    pub(crate) partner_id: String,
    pub(crate) about_org_unit_id: String,
    pub(crate) owner_id: String,
    pub(crate) received_at: DateTime<Utc>,
    pub(crate) outside_due_at: Option<DateTime<Utc>>,
    pub(crate) accepted_at: Option<DateTime<Utc>>,
    pub(crate) survey_consent: bool,
    /// The other service's fact behind it; empty when somebody entered it.
    pub(crate) source: String,
}

/// What is to change in what a complaint says; `None` leaves it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Update {
    pub(crate) description: Option<String>,
    pub(crate) wanted: Option<String>,
    pub(crate) severity: Option<Severity>,
    /// Reason and the subject it belongs to.
    pub(crate) reason: Option<(Subject, String)>,
    pub(crate) owner_id: Option<String>,
    pub(crate) org_unit_id: Option<String>,
    pub(crate) about_org_unit_id: Option<String>,
}

/// Whether a defect is presumed ours: reported within so many months of acceptance.
pub(crate) fn presumed_ours(
    subject: Subject,
    accepted_at: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
    policy: &Policy,
) -> bool {
    let end = accepted_at.and_then(|at| at.checked_add_months(Months::new(policy.presumption_months)));
    subject.is_defect() && end.is_some_and(|end| received_at < end)
}

impl Matter {
    /// Refuses what cannot be: a receipt in the future, media without their deadline.
    fn check(&self, now: DateTime<Utc>) -> Result<()> {
        if self.received_at > now {
            return Err(Error::invalid("received_at", "timestamp.not_in_future"));
        }
        if self.accepted_at.is_some_and(|at| at > self.received_at) {
            return Err(Error::invalid("accepted_at", "timestamp.not_after_receipt"));
        }
        let outside_ok = match self.outside_due_at {
            Some(due) => due > self.received_at,
            None => !self.channel.has_outside_deadline(),
        };
        if outside_ok {
            Ok(())
        } else {
            Err(Error::new(OUTSIDE_DEADLINE_MISSING)
                .with("channel", self.channel.as_str())
                .field("outside_due_at", "outside_deadline"))
        }
    }

    /// Opens a complaint of this matter: (nothing) > RECEIVED.
    ///
    /// # Errors
    ///
    /// `OUTSIDE_DEADLINE_MISSING`; `INVALID_FIELDS` for times that cannot be.
    pub(crate) fn receive(
        self,
        id: ComplaintId,
        number: String,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Result<Complaint> {
        self.check(now)?;
        let presumed_ours = presumed_ours(self.subject, self.accepted_at, self.received_at, policy);
        Ok(Complaint {
            id,
            version: 0,
            number,
            created_at: now,
            updated_at: now,
            org_unit_id: self.org_unit_id,
            partner_id: self.partner_id,
            state: State::Received,
            channel: self.channel,
            subject: self.subject,
            reason_code: self.reason_code,
            severity: self.severity,
            customer_id: self.customer_id,
            complainant: self.complainant,
            description: self.description,
            wanted: self.wanted,
            links: self.links,
            remedy_requests: Vec::new(),
            about_org_unit_id: self.about_org_unit_id,
            owner_id: self.owner_id,
            level: 0,
            received_at: self.received_at,
            acknowledge_due_at: self.received_at + policy.acknowledge_within(self.severity),
            resolution_due_at: self.received_at + policy.resolve_within(self.severity),
            outside_due_at: self.outside_due_at,
            accepted_at: self.accepted_at,
            acknowledged_at: None,
            presumed_ours,
            survey_consent: self.survey_consent,
            joined: Vec::new(),
            reopened: 0,
            judgements: Vec::new(),
            investigations: Vec::new(),
            implementations: Vec::new(),
            tries: Vec::new(),
            promises: Vec::new(),
            notices: Vec::new(),
            escalations: Vec::new(),
            sources: if self.source.is_empty() { Vec::new() } else { vec![self.source] },
        })
    }
}

impl Complaint {
    /// Whether this open complaint is of the same matter: same customer, same subject, same request or product.
    pub(crate) fn is_same_matter(&self, matter: &Matter) -> bool {
        self.is_open()
            && self.customer_id == matter.customer_id
            && self.subject == matter.subject
            && self.links.same_matter(&matter.links)
    }

    /// The same matter was told once more: it joins this complaint. `None` when this very fact joined it before.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` when it is closed; otherwise as [`Matter::receive`].
    pub(crate) fn join(mut self, matter: Matter, policy: &Policy, now: DateTime<Utc>) -> Result<Option<Changed<Self>>> {
        if !self.is_open() {
            return Err(self.illegal(action::JOIN));
        }
        matter.check(now)?;
        if !matter.source.is_empty() && self.sources.contains(&matter.source) {
            return Ok(None);
        }
        let from = self.state();
        if !matter.source.is_empty() {
            self.sources.push(matter.source);
        }
        self.links.add(matter.links);
        if matter.severity > self.severity {
            self.weigh(matter.severity, policy, now);
        }
        self.outside_due_at = self.outside_due_at.into_iter().chain(matter.outside_due_at).min();
        self.survey_consent |= matter.survey_consent;
        self.joined.push(Joined {
            channel: matter.channel,
            description: matter.description,
            wanted: matter.wanted,
            at: matter.received_at,
        });
        Ok(Some(self.changed(action::JOIN, from, "same_matter", now)))
    }

    /// Tells manager and duty list of a grave complaint, once per gravity. `None` when nobody is to be told.
    pub(crate) fn notify(mut self, policy: &Policy, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let told = self.notices.iter().any(|notice| notice.severity == self.severity);
        if !self.severity.is_grave() || told || !self.is_open() {
            return None;
        }
        let from = self.state();
        let severity = self.severity;
        self.notices.extend(policy.recipients.iter().map(|recipient| Notice {
            recipient: recipient.clone(),
            severity,
            at: now,
        }));
        Some(self.changed(action::NOTIFY, from, severity.as_str(), now))
    }

    /// Changes what the complaint says.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` when it is closed.
    pub(crate) fn update(
        mut self,
        update: Update,
        policy: &Policy,
        reason: String,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.permit(action::UPDATE)?;
        let from = self.state();
        if let Some(severity) = update.severity.filter(|severity| *severity != self.severity) {
            self.weigh(severity, policy, now);
        }
        if let Some((subject, code)) = update.reason {
            self.subject = subject;
            self.reason_code = code;
            self.presumed_ours = presumed_ours(subject, self.accepted_at, self.received_at, policy);
        }
        for (field, value) in [
            (&mut self.description, update.description),
            (&mut self.wanted, update.wanted),
            (&mut self.owner_id, update.owner_id),
            (&mut self.org_unit_id, update.org_unit_id),
            (&mut self.about_org_unit_id, update.about_org_unit_id),
        ] {
            if let Some(value) = value {
                *field = value;
            }
        }
        Ok(self.changed(action::UPDATE, from, reason, now))
    }

    /// Links records. `None` when all were linked.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` when it is archived.
    pub(crate) fn link(mut self, links: Links, now: DateTime<Utc>) -> Result<Option<Changed<Self>>> {
        self.permit(action::LINK)?;
        let from = self.state();
        match self.links.add(links) {
            Added::Something => Ok(Some(self.changed(action::LINK, from, "", now))),
            Added::Nothing => Ok(None),
        }
    }

    /// Gives it another gravity. A graver one brings nearer deadlines, counted from now; a lighter one counts from
    /// the receipt again.
    fn weigh(&mut self, severity: Severity, policy: &Policy, now: DateTime<Utc>) {
        let start = if severity > self.severity { now } else { self.received_at };
        let acknowledge = start + policy.acknowledge_within(severity);
        let resolution = start + policy.resolve_within(severity);
        let graver = severity > self.severity;
        self.acknowledge_due_at = if graver { acknowledge.min(self.acknowledge_due_at) } else { acknowledge };
        self.resolution_due_at = if graver { resolution.min(self.resolution_due_at) } else { resolution };
        self.severity = severity;
    }
}
