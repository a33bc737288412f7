//! The service's own configuration. The comments of the keys stand in `config/default.toml`.

use std::time::Duration;

use anyhow::ensure;
use common::config::{Secret, duration};
use serde::Deserialize;

use crate::domain::{
    callback::TryPolicy,
    occasion::{Policy, Trigger},
    response::LowPolicy,
    span,
};

/// All of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Local time and rest hours.
    pub hours: HoursConfig,
    /// When customers are asked.
    pub invitations: InvitationsConfig,
    /// What they are asked about.
    pub triggers: TriggersConfig,
    /// Links.
    pub link: LinkConfig,
    /// Calls.
    pub callbacks: CallbacksConfig,
    /// What is low.
    pub low: LowPolicy,
    /// What low answers open.
    pub follow_ups: FollowUpsConfig,
    /// Figures.
    pub scores: ScoresConfig,
    /// The way of messages.
    pub channel: ChannelConfig,
}

/// Local time and rest hours.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoursConfig {
    /// The zone.
    pub time_zone: String,
    /// Rest hours.
    pub rest: Vec<String>,
}

/// When customers are asked.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvitationsConfig {
    /// At most once in this time.
    #[serde(with = "duration")]
    pub cooldown: Duration,
    /// How long a turn is waited for.
    #[serde(with = "duration")]
    pub turn_hold: Duration,
    /// When the reminder goes out.
    #[serde(with = "duration")]
    pub remind_after: Duration,
    /// When unanswered ones are called.
    #[serde(with = "duration")]
    pub callback_after: Duration,
    /// How long a link works.
    #[serde(with = "duration")]
    pub link_valid: Duration,
}

/// What customers are asked about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggersConfig {
    /// Visits.
    pub visit_completed: Policy,
    /// Deliveries.
    pub delivery: Policy,
    /// Installations.
    pub installation: Policy,
    /// Complaints.
    pub complaint_closed: Policy,
    /// Questions.
    pub consultation: Policy,
}

impl TriggersConfig {
    /// How customers are asked about this.
    #[must_use]
    pub fn policy(&self, trigger: Trigger) -> &Policy {
        match trigger {
            Trigger::VisitCompleted => &self.visit_completed,
            Trigger::Delivery => &self.delivery,
            Trigger::Installation => &self.installation,
            Trigger::ComplaintClosed => &self.complaint_closed,
            Trigger::Consultation => &self.consultation,
        }
    }
}

/// Links.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkConfig {
    /// Keys that sign them.
    pub keys: Vec<Secret>,
}

/// Calls.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallbacksConfig {
    /// To be done within this time.
    #[serde(with = "duration")]
    pub due: Duration,
    /// Tries.
    pub tries: usize,
    /// Time between them.
    #[serde(with = "duration")]
    pub gap: Duration,
    /// Whether they are on different days.
    pub different_days: bool,
    /// How far apart on the clock.
    #[serde(with = "duration")]
    pub different_time: Duration,
}

impl CallbacksConfig {
    /// The rule of the tries.
    #[must_use]
    pub fn tries(&self) -> TryPolicy {
        TryPolicy {
            count: self.tries,
            gap: span(self.gap),
            different_days: self.different_days,
            different_time: span(self.different_time),
        }
    }
}

/// What low answers open.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUpsConfig {
    /// To be closed within this time.
    #[serde(with = "duration")]
    pub due: Duration,
}

/// Figures.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoresConfig {
    /// Technicians' scores are hidden below so many answers.
    pub least_answers: i64,
}

/// The way of messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelConfig {
    /// Folder for files; empty for none.
    pub folder: String,
}

impl Config {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    ///
    /// Names the key.
    pub fn check(&self) -> anyhow::Result<()> {
        for trigger in Trigger::ALL {
            let policy = self.triggers.policy(trigger);
            let percent = |percent: u8| percent <= 100;
            ensure!(
                percent(policy.share_percent) && percent(policy.member_share_percent),
                "triggers.{}: shares are percent, 0 to 100",
                trigger.as_str()
            );
            ensure!(!policy.questionnaire.is_empty(), "triggers.{}.questionnaire must not be empty", trigger.as_str());
        }
        ensure!(!self.invitations.link_valid.is_zero(), "invitations.link_valid must be above 0");
        ensure!(self.callbacks.tries > 0, "callbacks.tries must be 1 or more");
        ensure!(self.scores.least_answers >= 0, "scores.least_answers must not be negative");
        Ok(())
    }
}
