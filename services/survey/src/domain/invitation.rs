//! Invitations: planned, sent, answered; or called, given up, run out, never sent. The state machine.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{
    CallbackId, InvitationId, QuestionnaireId, ResponseId,
    answer::Answer,
    occasion::{Occasion, Plan},
    turn::Waiting,
};
use crate::error::{LINK_EXPIRED, LINK_INVALID, LINK_USED};

/// How and when a customer was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The version of the questionnaire, pinned.
    pub questionnaire_id: QuestionnaireId,
    /// When.
    pub at: DateTime<Utc>,
    /// When the link runs out; `None` when there is no link, only a call.
    pub link_until: Option<DateTime<Utc>>,
    /// When the customer was reminded.
    pub reminded_at: Option<DateTime<Utc>>,
}

/// Where an invitation stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "name")]
pub enum State {
    /// It waits for its time.
    Planned {
        /// When it is looked at.
        send_at: DateTime<Utc>,
        /// It is not sent after this.
        until: DateTime<Utc>,
        /// Why it waits longer than planned, as a stable code.
        reason: String,
    },
    /// The customer has the link.
    Sent {
        /// How it was asked.
        asked: Asked,
    },
    /// Part of the answers is saved.
    Started {
        /// How it was asked.
        asked: Asked,
        /// What is saved.
        saved: Vec<Answer>,
    },
    /// An agent is to call.
    Calling {
        /// How it was asked.
        asked: Asked,
        /// What is saved.
        saved: Vec<Answer>,
        /// The call to make.
        callback_id: CallbackId,
    },
    /// It was answered.
    Answered {
        /// How it was asked.
        asked: Asked,
        /// The answer.
        response_id: ResponseId,
    },
    /// Nobody answered in time.
    Expired {
        /// How it was asked.
        asked: Asked,
    },
    /// It was not sent and will not be.
    Suppressed {
        /// Why, as a stable code or in the actor's words.
        reason: String,
    },
    /// The customer refused, or could not be reached.
    GivenUp {
        /// How it was asked.
        asked: Asked,
        /// Why, as a stable code.
        reason: String,
    },
}

/// One customer asked about one occasion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Id.
    pub id: InvitationId,
    /// Version of this record.
    pub version: i64,
    /// What it asks about.
    pub occasion: Occasion,
    /// The technician it asks about, when known.
    pub technician_id: Option<String>,
    /// The service point it asks about, when known.
    pub service_point_id: Option<String>,
    /// Where it stands.
    pub state: State,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// Who did the visit that an invitation asks about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// The work order.
    pub work_order_id: Option<String>,
    /// The technician.
    pub technician_id: Option<String>,
    /// The service point.
    pub service_point_id: Option<String>,
}

impl Record for Invitation {
    const KIND: &'static str = "invitation";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn state(&self) -> &'static str {
        match self.state {
            State::Planned { .. } => "planned",
            State::Sent { .. } => "sent",
            State::Started { .. } => "started",
            State::Calling { .. } => "calling",
            State::Answered { .. } => "answered",
            State::Expired { .. } => "expired",
            State::Suppressed { .. } => "suppressed",
            State::GivenUp { .. } => "given_up",
        }
    }

    fn subject_id(&self) -> Option<&str> {
        Some(&self.occasion.customer_id)
    }

    fn case_id(&self) -> Option<&str> {
        self.occasion.service_request_id.as_deref()
    }
}

impl Invitation {
    /// Plans it, or says at once why the customer is not asked. `until` is the latest instant a turn is waited for.
    #[must_use]
    pub fn plan(
        id: InvitationId,
        occasion: Occasion,
        plan: Plan,
        turn_hold: chrono::Duration,
        now: DateTime<Utc>,
    ) -> Self {
        let state = match plan {
            Plan::Ask { send_at, latest } => {
                State::Planned { send_at: send_at.max(now), until: latest + turn_hold, reason: String::new() }
            }
            Plan::Skip { reason } => State::Suppressed { reason: reason.to_owned() },
        };
        Self {
            id,
            version: 0,
            occasion,
            technician_id: None,
            service_point_id: None,
            state,
            created_at: now,
            updated_at: now,
        }
    }

    /// Moves a planned one to a later instant.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is planned.
    pub fn defer(self, to: DateTime<Utc>, why: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let Some(waiting) = self.waiting() else { return Err(self.refuse("defer")) };
        let state = State::Planned { send_at: to, until: waiting.until, reason: why.to_owned() };
        Ok(self.step("defer", state, why, now))
    }

    /// The customer gets the link.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is planned.
    pub fn send(
        mut self,
        questionnaire_id: QuestionnaireId,
        link_until: DateTime<Utc>,
        visit: Visit,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        if self.waiting().is_none() {
            return Err(self.refuse("send"));
        }
        self.note(visit);
        let asked = Asked { questionnaire_id, at: now, link_until: Some(link_until), reminded_at: None };
        Ok(self.step("send", State::Sent { asked }, "", now))
    }

    /// It will not be sent.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is planned.
    pub fn suppress(self, action: &'static str, why: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        if self.waiting().is_none() {
            return Err(self.refuse(action));
        }
        Ok(self.step(action, State::Suppressed { reason: why.to_owned() }, why, now))
    }

    /// The customer gets the link once more, and only once.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is sent or started and nobody was reminded.
    pub fn remind(mut self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state();
        match &mut self.state {
            State::Sent { asked } | State::Started { asked, .. } if asked.reminded_at.is_none() => {
                asked.reminded_at = Some(now);
                self.updated_at = now;
                Ok(Changed::new(self, "remind", from, ""))
            }
            State::Planned { .. }
            | State::Sent { .. }
            | State::Started { .. }
            | State::Calling { .. }
            | State::Answered { .. }
            | State::Expired { .. }
            | State::Suppressed { .. }
            | State::GivenUp { .. } => Err(self.refuse("remind")),
        }
    }

    /// Keeps part of the answers.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is sent, started or calling.
    pub fn save_answers(self, saved: Vec<Answer>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let state = match self.state.clone() {
            State::Sent { asked } | State::Started { asked, .. } => State::Started { asked, saved },
            State::Calling { asked, callback_id, .. } => State::Calling { asked, saved, callback_id },
            State::Planned { .. }
            | State::Answered { .. }
            | State::Expired { .. }
            | State::Suppressed { .. }
            | State::GivenUp { .. } => return Err(self.refuse("save_answers")),
        };
        Ok(self.step("save_answers", state, "", now))
    }

    /// It is answered.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is sent, started or calling.
    pub fn answer(mut self, response_id: ResponseId, visit: Visit, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let asked = match self.state.clone() {
            State::Sent { asked } | State::Started { asked, .. } | State::Calling { asked, .. } => asked,
            State::Planned { .. }
            | State::Answered { .. }
            | State::Expired { .. }
            | State::Suppressed { .. }
            | State::GivenUp { .. } => return Err(self.refuse("answer")),
        };
        self.note(visit);
        Ok(self.step("answer", State::Answered { asked, response_id }, "", now))
    }

    /// Nobody answered in time.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is sent or started.
    pub fn expire(self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state.clone() {
            State::Sent { asked } | State::Started { asked, .. } => {
                Ok(self.step("expire", State::Expired { asked }, "", now))
            }
            State::Planned { .. }
            | State::Calling { .. }
            | State::Answered { .. }
            | State::Expired { .. }
            | State::Suppressed { .. }
            | State::GivenUp { .. } => Err(self.refuse("expire")),
        }
    }

    /// An agent is to call. `questionnaire_id` is asked when nothing was asked yet.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is planned, sent, started or expired.
    pub fn open_callback(
        mut self,
        callback_id: CallbackId,
        questionnaire_id: QuestionnaireId,
        visit: Visit,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        let (asked, saved) = match self.state.clone() {
            State::Planned { .. } => {
                (Asked { questionnaire_id, at: now, link_until: None, reminded_at: None }, Vec::new())
            }
            State::Sent { asked } | State::Expired { asked } => (asked, Vec::new()),
            State::Started { asked, saved } => (asked, saved),
            State::Calling { .. } | State::Answered { .. } | State::Suppressed { .. } | State::GivenUp { .. } => {
                return Err(self.refuse("open_callback"));
            }
        };
        self.note(visit);
        Ok(self.step("open_callback", State::Calling { asked, saved, callback_id }, "", now))
    }

    /// The customer refused, or could not be reached.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless an agent was to call.
    pub fn give_up(self, why: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state.clone() {
            State::Calling { asked, .. } => {
                Ok(self.step("give_up", State::GivenUp { asked, reason: why.to_owned() }, why, now))
            }
            State::Planned { .. }
            | State::Sent { .. }
            | State::Started { .. }
            | State::Answered { .. }
            | State::Expired { .. }
            | State::Suppressed { .. }
            | State::GivenUp { .. } => Err(self.refuse("give_up")),
        }
    }

    /// The actions its state allows.
    #[must_use]
    pub fn allowed(&self) -> Vec<&'static str> {
        let open = |asked: &Asked| {
            let mut actions = vec!["save_answers", "answer", "expire", "open_callback"];
            if asked.reminded_at.is_none() {
                actions.insert(0, "remind");
            }
            actions
        };
        match &self.state {
            State::Planned { .. } => vec!["defer", "send", "suppress", "withdraw", "open_callback"],
            State::Sent { asked } | State::Started { asked, .. } => open(asked),
            State::Calling { .. } => vec!["save_answers", "answer", "give_up"],
            State::Expired { .. } => vec!["open_callback"],
            State::Answered { .. } | State::Suppressed { .. } | State::GivenUp { .. } => vec![],
        }
    }

    /// How the customer was asked; `None` when not at all.
    #[must_use]
    pub fn asked(&self) -> Option<&Asked> {
        match &self.state {
            State::Planned { .. } | State::Suppressed { .. } => None,
            State::Sent { asked }
            | State::Started { asked, .. }
            | State::Calling { asked, .. }
            | State::Answered { asked, .. }
            | State::Expired { asked }
            | State::GivenUp { asked, .. } => Some(asked),
        }
    }

    /// The questionnaire and what is saved, while the link can be used.
    #[must_use]
    pub fn page(&self) -> Option<(&Asked, &[Answer])> {
        match &self.state {
            State::Sent { asked } => Some((asked, &[])),
            State::Started { asked, saved } | State::Calling { asked, saved, .. } => Some((asked, saved)),
            State::Planned { .. }
            | State::Answered { .. }
            | State::Expired { .. }
            | State::Suppressed { .. }
            | State::GivenUp { .. } => None,
        }
    }

    /// The questionnaire and what is saved, for the bearer of the link.
    ///
    /// # Errors
    ///
    /// `LINK_USED` when it is answered, `LINK_EXPIRED` when it is over, `LINK_INVALID` when no link was given out.
    pub fn usable(&self, now: DateTime<Utc>) -> Result<(&Asked, &[Answer])> {
        if let (Some(page), Some(until)) = (self.page(), self.link_until()) {
            return if now < until { Ok(page) } else { Err(Error::new(LINK_EXPIRED)) };
        }
        Err(Error::new(match &self.state {
            State::Answered { .. } => LINK_USED,
            State::Expired { .. } | State::GivenUp { .. } => LINK_EXPIRED,
            State::Planned { .. }
            | State::Sent { .. }
            | State::Started { .. }
            | State::Calling { .. }
            | State::Suppressed { .. } => LINK_INVALID,
        }))
    }

    /// Until when its link can be used; `None` when it cannot.
    #[must_use]
    pub fn link_until(&self) -> Option<DateTime<Utc>> {
        self.page().and_then(|(asked, _)| asked.link_until)
    }

    /// When it is to be sent, or was.
    #[must_use]
    pub fn send_at(&self) -> Option<DateTime<Utc>> {
        match &self.state {
            State::Planned { send_at, .. } => Some(*send_at),
            State::Sent { .. }
            | State::Started { .. }
            | State::Calling { .. }
            | State::Answered { .. }
            | State::Expired { .. }
            | State::Suppressed { .. }
            | State::GivenUp { .. } => self.asked().map(|asked| asked.at),
        }
    }

    /// Why it stands where it stands; empty when there is nothing to say.
    #[must_use]
    pub fn reason(&self) -> &str {
        match &self.state {
            State::Planned { reason, .. } | State::Suppressed { reason } | State::GivenUp { reason, .. } => reason,
            State::Sent { .. }
            | State::Started { .. }
            | State::Calling { .. }
            | State::Answered { .. }
            | State::Expired { .. } => "",
        }
    }

    /// How it waits for its turn; `None` unless it is planned.
    #[must_use]
    pub fn waiting(&self) -> Option<Waiting> {
        match &self.state {
            State::Planned { send_at, until, .. } => Some(Waiting {
                id: self.id.to_string(),
                trigger: self.occasion.trigger,
                occasion_at: self.occasion.at,
                send_at: *send_at,
                until: *until,
            }),
            State::Sent { .. }
            | State::Started { .. }
            | State::Calling { .. }
            | State::Answered { .. }
            | State::Expired { .. }
            | State::Suppressed { .. }
            | State::GivenUp { .. } => None,
        }
    }

    fn note(&mut self, visit: Visit) {
        self.technician_id = visit.technician_id.or(self.technician_id.take());
        self.service_point_id = visit.service_point_id.or(self.service_point_id.take());
        self.occasion.work_order_id = self.occasion.work_order_id.take().or(visit.work_order_id);
    }

    fn step(mut self, action: &'static str, state: State, why: &str, now: DateTime<Utc>) -> Changed<Self> {
        let from = self.state();
        (self.state, self.updated_at) = (state, now);
        Changed::new(self, action, from, why)
    }

    fn refuse(&self, action: &str) -> Error {
        Error::illegal(Self::KIND, action, self.state(), &self.allowed())
    }
}

#[cfg(test)]
#[path = "invitation_tests.rs"]
pub(crate) mod tests;
