//! Acknowledging, judging, and finding the cause: who may, and what must be there.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Actor, Changed, Record as _},
};
use serde::{Deserialize, Serialize};

use super::{
    complaint::{Complaint, State, action},
    policy::{Policy, TOP_LEVEL, rank},
    values::{Evidence, Verdict},
};
use crate::error::{
    CAUSED_BY_ACTOR, JUDGED_BY_OWN_UNIT, LEVEL_TOO_LOW, PROOF_MISSING, REPLY_MISSING, SHARES_NOT_WHOLE,
};

/// A judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    /// What the customer was told.
    pub(crate) reply: String,
    /// What it rests on.
    pub(crate) grounds: String,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) by: Actor,
    pub(crate) at: DateTime<Utc>,
}

/// One party's share of the responsibility.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) org_unit_id: String,
    pub(crate) person_id: Option<String>,
    /// 1 to 100.
    pub(crate) percent: i32,
    /// Minor units of the house currency; 0 for none.
    pub(crate) penalty: i64,
}

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Investigation {
    pub(crate) cause_code: String,
    pub(crate) cause: String,
    pub(crate) shares: Vec<Share>,
    /// Currency of the penalties.
    pub(crate) currency: String,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) product_problem: bool,
    pub(crate) by: Actor,
    pub(crate) at: DateTime<Utc>,
}

impl Complaint {
    /// The customer knows that we have it: RECEIVED > ACKNOWLEDGED.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub(crate) fn acknowledge(mut self, note: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit(action::ACKNOWLEDGE)?;
        let from = self.state();
        self.state = State::Acknowledged;
        self.acknowledged_at = Some(now);
        Ok(self.changed(action::ACKNOWLEDGE, from, note, now))
    }

    /// Judges it: ACKNOWLEDGED > INVESTIGATING or REPLIED.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `CAUSED_BY_ACTOR`, `JUDGED_BY_OWN_UNIT`, `REPLY_MISSING`, `PROOF_MISSING`.
    pub(crate) fn judge(mut self, judgement: Judgement, policy: &Policy, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit(action::JUDGE)?;
        self.refuse_culprit(&judgement.by)?;
        let own_unit = !self.about_org_unit_id.is_empty() && self.about_org_unit_id == judgement.by.org_unit_id;
        // Above head office there is nobody who could judge instead.
        if self.severity.is_grave() && own_unit && rank(&judgement.by) < TOP_LEVEL {
            return Err(Error::new(JUDGED_BY_OWN_UNIT)
                .with("severity", self.severity.as_str())
                .with("org_unit_id", &self.about_org_unit_id));
        }
        let from = self.state();
        let verdict = judgement.verdict;
        self.state = match verdict {
            Verdict::Founded | Verdict::Partly => State::Investigating,
            Verdict::Unfounded => {
                if judgement.reply.trim().is_empty() {
                    return Err(Error::new(REPLY_MISSING).field("reply", "reply.when_unfounded"));
                }
                if self.presumed_ours && judgement.evidence.is_empty() {
                    return Err(Error::new(PROOF_MISSING).with("months", policy.presumption_months));
                }
                State::Replied { follow_up_due_at: now + policy.follow_up }
            }
        };
        self.judgements.push(judgement);
        Ok(self.changed(action::JUDGE, from, verdict.as_str(), now))
    }

    /// Records cause, responsibility and evidence: INVESTIGATING > PROPOSING.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`, `CAUSED_BY_ACTOR`, `LEVEL_TOO_LOW`, `SHARES_NOT_WHOLE`, `INVALID_FIELDS`.
    pub(crate) fn investigate(mut self, found: Investigation, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit(action::INVESTIGATE)?;
        self.refuse_culprit(&found.by)?;
        self.refuse_low_level(&found.by)?;
        let percent: i64 = found.shares.iter().map(|share| i64::from(share.percent)).sum();
        if percent != 100 || found.shares.iter().any(|share| share.percent < 1) {
            return Err(Error::new(SHARES_NOT_WHOLE).with("percent", percent).field("shares", "shares.sum_100"));
        }
        if found.shares.iter().any(|share| share.penalty < 0) {
            return Err(Error::invalid("shares.penalty", "money.not_negative"));
        }
        if found.evidence.is_empty() {
            return Err(Error::invalid("evidence", "repeated.min_items"));
        }
        let from = self.state();
        let cause = found.cause_code.clone();
        self.state = State::Proposing { sent_back: None };
        self.investigations.push(found);
        Ok(self.changed(action::INVESTIGATE, from, cause, now))
    }

    /// Whoever caused it decides nothing about it.
    pub(super) fn refuse_culprit(&self, actor: &Actor) -> Result<()> {
        if self.is_caused_by(actor) { Err(Error::new(CAUSED_BY_ACTOR).with("actor", &actor.id)) } else { Ok(()) }
    }

    /// A reopened complaint is decided one level higher each time.
    pub(super) fn refuse_low_level(&self, actor: &Actor) -> Result<()> {
        if rank(actor) >= self.level {
            return Ok(());
        }
        Err(Error::new(LEVEL_TOO_LOW).with("needed", self.level).with("level", rank(actor)))
    }
}
