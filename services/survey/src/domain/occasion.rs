//! What customers are asked about, whether, and when.

use chrono::{DateTime, Utc};
use common::{config::duration, error::Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{rest::RestHours, span};

/// What an invitation asks about, the rarest first: that order breaks ties between turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A complaint was closed.
    ComplaintClosed,
    /// A product was installed.
    Installation,
    /// Goods were delivered.
    Delivery,
    /// A visit was completed.
    VisitCompleted,
    /// A question was answered.
    Consultation,
}

impl Trigger {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::ComplaintClosed, Self::Installation, Self::Delivery, Self::VisitCompleted, Self::Consultation];

    /// The name used in rows and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ComplaintClosed => "complaint_closed",
            Self::Installation => "installation",
            Self::Delivery => "delivery",
            Self::VisitCompleted => "visit_completed",
            Self::Consultation => "consultation",
        }
    }

    /// What a service request of this kind is asked about once a visit or goods solved it; `None`: nothing.
    #[must_use]
    pub fn of_kind(kind: &str) -> Option<Self> {
        match kind {
            "repair" | "maintenance" | "inspection" | "cleaning" => Some(Self::VisitCompleted),
            "installation" => Some(Self::Installation),
            "delivery" => Some(Self::Delivery),
            "consultation" => Some(Self::Consultation),
            _ => None,
        }
    }
}

/// How long to wait after an occasion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Delay {
    /// So much time.
    Time(std::time::Duration),
    /// So many working days, to the same time of day.
    WorkingDays(u32),
}

impl TryFrom<String> for Delay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let days = text.strip_suffix("wd").and_then(|days| days.trim().parse().ok()).map(Self::WorkingDays);
        days.or_else(|| duration::parse(&text).map(Self::Time))
            .ok_or_else(|| format!("`{text}` is no delay; write it like 3d, 30m or 7wd (working days)"))
    }
}

/// By what way the customer is asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A link.
    Link,
    /// An agent's call.
    Callback,
}

/// Who of those that leave the link unanswered is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallUnanswered {
    /// Nobody.
    None,
    /// Members.
    Members,
    /// Everybody.
    All,
}

/// How customers are asked about one thing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Code of the questionnaire.
    pub questionnaire: String,
    /// Not before this after the occasion.
    pub earliest: Delay,
    /// Not after this after the occasion, but for a turn that had to be waited for.
    pub latest: Delay,
    /// Share asked, in percent.
    pub share_percent: u8,
    /// Share of members (tier A) asked, in percent.
    pub member_share_percent: u8,
    /// How they are asked first.
    pub first: Way,
    /// How members are asked first.
    pub member_first: Way,
    /// Who is called when the link stays unanswered.
    pub call_unanswered: CallUnanswered,
}

/// What a customer could be asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    /// The record and the change of it that made the occasion: asked about at most once.
    pub key: String,
    /// What it is.
    pub trigger: Trigger,
    /// When it was.
    pub at: DateTime<Utc>,
    /// The customer.
    pub customer_id: String,
    /// Whether the customer is a member (tier A).
    pub member: bool,
    /// Whether the customer agreed to be asked.
    pub consent: bool,
    /// The customer's language: `zh-CN` or `en`.
    pub language: String,
    /// The service request, if any.
    pub service_request_id: Option<String>,
    /// The work order, if known.
    pub work_order_id: Option<String>,
    /// The complaint, if any.
    pub complaint_id: Option<String>,
    /// Organisation unit that owns it.
    pub org_unit_id: String,
    /// Kind of the service request; empty when there is none.
    pub kind: String,
    /// The local month that figures count it in, for example `2026-11`.
    pub month: String,
}

/// Whether and when a customer is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Then, and no later than `latest`.
    Ask {
        /// When.
        send_at: DateTime<Utc>,
        /// The latest instant.
        latest: DateTime<Utc>,
    },
    /// Not asked.
    Skip {
        /// Why, as a stable code.
        reason: &'static str,
    },
}

impl Occasion {
    /// How this customer is asked first.
    #[must_use]
    pub fn first_way(&self, policy: &Policy) -> Way {
        if self.member { policy.member_first } else { policy.first }
    }

    /// Whether this customer is called when the link stays unanswered.
    #[must_use]
    pub fn called_when_unanswered(&self, policy: &Policy) -> bool {
        match policy.call_unanswered {
            CallUnanswered::None => false,
            CallUnanswered::Members => self.member,
            CallUnanswered::All => true,
        }
    }

    /// Whether and when the customer is asked. `working_days` counts working days on the business calendar.
    ///
    /// # Errors
    ///
    /// When the calendar does not reach that far.
    pub fn plan(
        &self,
        policy: &Policy,
        rest: &RestHours,
        working_days: impl Fn(DateTime<Utc>, u32) -> Result<DateTime<Utc>>,
    ) -> Result<Plan> {
        if !self.consent {
            return Ok(Plan::Skip { reason: "no_consent" });
        }
        let share = if self.member { policy.member_share_percent } else { policy.share_percent };
        if self.lot() >= share {
            return Ok(Plan::Skip { reason: "not_chosen" });
        }
        let after = |delay: Delay| match delay {
            Delay::Time(time) => Ok(self.at + span(time)),
            Delay::WorkingDays(days) => working_days(self.at, days),
        };
        let (earliest, latest) = (after(policy.earliest)?, after(policy.latest)?);
        Ok(Plan::Ask { send_at: rest.next_allowed(earliest), latest: rest.next_allowed(latest) })
    }

    /// A number below 100 that is the same whenever it is asked for: who is chosen does not depend on a retry.
    #[must_use]
    pub fn lot(&self) -> u8 {
        let sum = Sha256::digest(self.key.as_bytes());
        let number = u32::from_be_bytes([sum[0], sum[1], sum[2], sum[3]]) % 100;
        u8::try_from(number).unwrap_or_default()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::domain::local::Zone;

    pub(crate) fn occasion(key: &str, trigger: Trigger) -> Occasion {
        Occasion {
            key: key.to_owned(),
            trigger,
            at: "2026-11-20T06:00:00Z".parse().unwrap(),
            customer_id: "cu_1".to_owned(),
            member: false,
            consent: true,
            language: "zh-CN".to_owned(),
            service_request_id: Some("sr_1".to_owned()),
            work_order_id: None,
            complaint_id: None,
            org_unit_id: "ou_1".to_owned(),
            kind: "repair".to_owned(),
            month: "2026-11".to_owned(),
        }
    }

    /// Counts working days as plain days.
    fn plain_days(from: DateTime<Utc>, days: u32) -> Result<DateTime<Utc>> {
        Ok(from + chrono::Duration::days(i64::from(days)))
    }

    fn policy() -> Policy {
        Policy {
            questionnaire: "visit".to_owned(),
            earliest: Delay::try_from("3d".to_owned()).unwrap(),
            latest: Delay::try_from("7d".to_owned()).unwrap(),
            share_percent: 30,
            member_share_percent: 100,
            first: Way::Link,
            member_first: Way::Link,
            call_unanswered: CallUnanswered::Members,
        }
    }

    fn rest() -> RestHours {
        RestHours::new(Zone::named("Asia/Shanghai").unwrap(), &["12:00-14:00".to_owned(), "21:00-08:00".to_owned()])
            .unwrap()
    }

    #[test]
    fn the_share_is_kept_and_members_are_all_asked() {
        let chosen = |member: bool| {
            (0..2_000)
                .filter(|number| {
                    let occasion = Occasion { member, ..occasion(&format!("sr_{number}@2"), Trigger::VisitCompleted) };
                    matches!(occasion.plan(&policy(), &rest(), plain_days).unwrap(), Plan::Ask { .. })
                })
                .count()
        };
        assert!((500..700).contains(&chosen(false)), "{}", chosen(false));
        assert_eq!(chosen(true), 2_000);
    }

    #[test]
    fn without_consent_nobody_is_asked() {
        let occasion = Occasion { consent: false, member: true, ..occasion("sr_1@2", Trigger::VisitCompleted) };
        assert_eq!(occasion.plan(&policy(), &rest(), plain_days).unwrap(), Plan::Skip { reason: "no_consent" });
    }

    #[test]
    fn the_time_is_moved_out_of_rest_hours() {
        // 14:00 local, three days and a quarter later is 20:15 local, seven hours more is rest.
        let mut policy = policy();
        policy.share_percent = 100;
        policy.earliest = Delay::try_from("3d7h".to_owned()).unwrap();
        let plan = occasion("sr_1@2", Trigger::VisitCompleted).plan(&policy, &rest(), plain_days).unwrap();
        let Plan::Ask { send_at, latest } = plan else { panic!("{plan:?}") };
        assert_eq!(send_at, "2026-11-24T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert_eq!(latest, "2026-11-27T06:00:00Z".parse::<DateTime<Utc>>().unwrap());
    }

    #[test]
    fn working_days_come_from_the_calendar() {
        let mut policy = policy();
        policy.share_percent = 100;
        policy.earliest = Delay::try_from("7wd".to_owned()).unwrap();
        assert_eq!(policy.earliest, Delay::WorkingDays(7));
        let doubled = |from, days| plain_days(from, days * 2);
        let plan = occasion("sr_1@2", Trigger::Installation).plan(&policy, &rest(), doubled).unwrap();
        let Plan::Ask { send_at, .. } = plan else { panic!("{plan:?}") };
        assert_eq!(send_at, "2026-12-04T06:00:00Z".parse::<DateTime<Utc>>().unwrap());
        assert!(Delay::try_from("soon".to_owned()).is_err());
    }

    #[test]
    fn kinds_know_what_they_are_asked_about() {
        for (kind, trigger) in [
            ("repair", Some(Trigger::VisitCompleted)),
            ("maintenance", Some(Trigger::VisitCompleted)),
            ("inspection", Some(Trigger::VisitCompleted)),
            ("cleaning", Some(Trigger::VisitCompleted)),
            ("installation", Some(Trigger::Installation)),
            ("delivery", Some(Trigger::Delivery)),
            ("consultation", Some(Trigger::Consultation)),
            ("suggestion", None),
            ("complaint", None),
        ] {
            assert_eq!(Trigger::of_kind(kind), trigger, "{kind}");
        }
    }
}
