//! A plan run: what was asked, how far it is, what came of it, and what became of it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::PlanId;
use crate::error::reason;

/// Where a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is being computed.
    Running,
    /// It can be compared, applied or dropped.
    Ready,
    /// Somebody stopped it; the best found so far stays.
    Stopped,
    /// It is the present plan.
    Applied,
    /// It was dropped.
    Dropped,
    /// It could not be computed.
    Failed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Running, Self::Ready, Self::Stopped, Self::Applied, Self::Dropped, Self::Failed];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ready => "ready",
            Self::Stopped => "stopped",
            Self::Applied => "applied",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }

    /// What may be done in it.
    #[must_use]
    pub fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Running => &["stop", "finish", "fail"],
            Self::Ready => &["apply", "drop"],
            Self::Stopped => &["finish", "apply", "drop"],
            Self::Applied | Self::Dropped | Self::Failed => &[],
        }
    }
}

/// How much a plan may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The whole horizon anew.
    Whole,
    /// As few moved customers as possible.
    Repair,
}

/// Parts of a cost by their code, in minutes of a technician.
pub type Costs = BTreeMap<String, i64>;

/// What counts, in minutes of a technician.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// One hour of travel.
    pub travel_hour: i64,
    /// One hour of overtime.
    pub overtime_hour: i64,
    /// A job left without a technician.
    pub unassigned: i64,
    /// One hour past the due time.
    pub late_hour: i64,
    /// A customer whose unconfirmed window or technician changes.
    pub moved: i64,
    /// One level of skill more than needed.
    pub over_qualification: i64,
    /// A job outside a technician's own territory.
    pub territory: i64,
    /// A job without its preferred technician.
    pub preference: i64,
    /// One hour that a technician works more than the fair share.
    pub fairness_hour: i64,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Organisation unit; empty for all.
    pub org_unit_id: String,
    /// Service point; empty for all.
    pub service_point_id: String,
    /// First day.
    pub first_day: NaiveDate,
    /// Number of days.
    pub days: i32,
    /// How much it may change.
    pub mode: Mode,
    /// Seconds it may compute.
    pub seconds: i32,
    /// Seed.
    pub seed: u64,
    /// Iterations after which it ends; 0 for no limit.
    pub max_iterations: u64,
    /// What counts.
    pub weights: Weights,
    /// Technicians whose days are disturbed.
    pub technicians: Vec<String>,
    /// Work orders that must find a place.
    pub work_orders: Vec<String>,
}

impl Wish {
    /// Two plans of one scope do not run at a time.
    #[must_use]
    pub fn scope(&self) -> String {
        format!("{}|{}", self.org_unit_id, self.service_point_id)
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Jobs looked at.
    pub jobs: i32,
    /// Technicians looked at.
    pub technicians: i32,
    /// Jobs with a technician.
    pub assigned: i32,
    /// Jobs without one.
    pub unassigned: i32,
    /// Customers whose window or technician changes.
    pub moved: i32,
    /// Jobs that need the customer's consent to another window.
    pub consents: i32,
    /// Cost as it was.
    pub before: Costs,
    /// Cost of the plan.
    pub after: Costs,
    /// Whether a travel time is an estimate because the routing server did not answer.
    pub estimated: bool,
    /// Plans looked at.
    pub iterations: u64,
    /// Seconds computed.
    pub seconds: f64,
}

/// A plan run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Id.
    pub id: PlanId,
    /// Version.
    pub version: i64,
    /// Human number.
    pub number: String,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// What was asked for.
    pub wish: Wish,
    /// State.
    pub state: State,
    /// What came of it; none while it is computed.
    pub outcome: Option<Outcome>,
    /// Why it failed.
    pub failure: String,
    /// When it was applied.
    pub applied_at: Option<DateTime<Utc>>,
    /// Visits left alone when it was applied.
    pub skipped: i32,
}

impl Record for Plan {
    const KIND: &'static str = "plan";

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
        self.state.name()
    }
}

impl Plan {
    /// Refuses an action that the state does not allow.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn permit(&self, action: &str) -> Result<()> {
        if self.state.allowed().contains(&action) {
            Ok(())
        } else {
            Err(Error::illegal(Self::KIND, action, self.state.name(), self.state.allowed()))
        }
    }

    fn moved(
        mut self,
        action: &'static str,
        to: State,
        why: impl Into<String>,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        self.permit(action)?;
        let from = self.state.name();
        self.state = to;
        self.updated_at = now;
        Ok(Changed::new(self, action, from, why))
    }

    /// Ends the computation early; the worker hands in the best so far.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn stop(self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.moved("stop", State::Stopped, "", now)
    }

    /// The computation ended: READY, or STOPPED as it was.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn finish(mut self, outcome: Outcome, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let to = if self.state == State::Stopped { State::Stopped } else { State::Ready };
        self.outcome = Some(outcome);
        self.moved("finish", to, "", now)
    }

    /// It could not be computed. `None` when it is not running any more.
    #[must_use]
    pub fn fail(mut self, why: &str, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let unfinished = self.state == State::Running || (self.state == State::Stopped && self.outcome.is_none());
        if !unfinished {
            return None;
        }
        let from = self.state.name();
        why.clone_into(&mut self.failure);
        self.state = State::Failed;
        self.updated_at = now;
        Some(Changed::new(self, "fail", from, why))
    }

    /// It is the present plan now.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `PLAN_NOT_READY` while a stopped one is not handed in yet.
    pub fn apply(mut self, skipped: i32, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.permit("apply")?;
        if self.outcome.is_none() {
            return Err(Error::new(reason::PLAN_NOT_READY).with("plan", &self.number));
        }
        self.applied_at = Some(now);
        self.skipped = skipped;
        self.moved("apply", State::Applied, "", now)
    }

    /// Nobody wants it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn abandon(self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.moved("drop", State::Dropped, why, now)
    }
}

#[cfg(test)]
mod tests {
    use common::id::Id as _;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_416_800, 0).unwrap()
    }

    fn plan(state: State) -> Plan {
        let weights = Weights {
            travel_hour: 60,
            overtime_hour: 90,
            unassigned: 10_000,
            late_hour: 120,
            moved: 60,
            over_qualification: 5,
            territory: 20,
            preference: 30,
            fairness_hour: 10,
        };
        Plan {
            id: PlanId::wrap("pl_1".to_owned()),
            version: 1,
            number: "PL-1".to_owned(),
            created_at: now(),
            updated_at: now(),
            wish: Wish {
                org_unit_id: String::new(),
                service_point_id: String::new(),
                first_day: now().date_naive(),
                days: 1,
                mode: Mode::Whole,
                seconds: 1,
                seed: 1,
                max_iterations: 0,
                weights,
                technicians: Vec::new(),
                work_orders: Vec::new(),
            },
            state,
            outcome: None,
            failure: String::new(),
            applied_at: None,
            skipped: 0,
        }
    }

    #[test]
    fn every_action_is_legal_exactly_where_it_says_so() {
        for state in State::ALL {
            let can = |action: &str| state.allowed().contains(&action);
            assert_eq!(plan(state).stop(now()).is_ok(), can("stop"), "{state:?}");
            assert_eq!(plan(state).finish(Outcome::default(), now()).is_ok(), can("finish"), "{state:?}");
            assert_eq!(plan(state).abandon(String::new(), now()).is_ok(), can("drop"), "{state:?}");
            let mut computed = plan(state);
            computed.outcome = Some(Outcome::default());
            assert_eq!(computed.apply(0, now()).is_ok(), can("apply"), "{state:?}");
        }
    }

    #[test]
    fn a_stopped_plan_waits_for_its_result_and_stays_stopped() {
        let stopped = plan(State::Running).stop(now()).unwrap().record;
        assert_eq!(stopped.clone().apply(0, now()).unwrap_err().reason.name, "PLAN_NOT_READY");
        let done = stopped.finish(Outcome::default(), now()).unwrap().record;
        assert_eq!(done.state, State::Stopped);
        assert!(done.clone().fail("worker_lost", now()).is_none());
        assert_eq!(done.apply(0, now()).unwrap().record.state, State::Applied);
    }

    #[test]
    fn a_lost_worker_fails_what_it_left_behind() {
        for state in [State::Running, State::Stopped] {
            let failed = plan(state).fail("worker_lost", now()).unwrap().record;
            assert_eq!((failed.state, failed.failure.as_str()), (State::Failed, "worker_lost"));
        }
        assert!(plan(State::Ready).fail("worker_lost", now()).is_none());
    }
}
