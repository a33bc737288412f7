//! The escalation ladder: who is told when a deadline comes near or passes, step by step, each step once.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::{
    names::names,
    sla::{Deadline, Standing},
};

names! {
    /// Who is told.
    pub enum Rung {
        /// Who looks after it.
        Assignee = "assignee",
        /// The unit's supervisor.
        Supervisor = "supervisor",
        /// The unit's manager.
        Manager = "manager",
        /// Head office.
        HeadOffice = "head_office",
    }
}

/// The warning at three quarters of the time.
pub const WARNING: i32 = 0;
/// The first reminder, at the time itself.
pub const BREACH: i32 = 1;
/// The last reminder of the assignee.
pub const LAST_REMINDER: i32 = 3;
/// The supervisor is told.
pub const SUPERVISOR: i32 = 4;
/// The manager is told.
pub const MANAGER: i32 = 5;
/// Head office is told; there is no further step.
pub const HEAD_OFFICE: i32 = 6;

/// One step that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// What it is about: a target, "promise", "fulfilment" or "emergency".
    pub target: String,
    /// Which step.
    pub step: i32,
    /// Who is told.
    pub rung: Rung,
    /// When.
    pub at: DateTime<Utc>,
    /// Whom it names; empty when there is nobody to tell.
    pub notified_id: String,
}

/// The pauses between the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// Between two reminders of the assignee.
    pub remind_every: Duration,
    /// From the last reminder to the supervisor.
    pub to_supervisor: Duration,
    /// From the supervisor to the manager.
    pub to_manager: Duration,
    /// From the manager to head office.
    pub to_head_office: Duration,
}

/// Who is told by a step.
#[must_use]
pub fn rung(step: i32) -> Rung {
    match step {
        ..=LAST_REMINDER => Rung::Assignee,
        SUPERVISOR => Rung::Supervisor,
        MANAGER => Rung::Manager,
        HEAD_OFFICE.. => Rung::HeadOffice,
    }
}

impl Ladder {
    /// The pause before a step, counted from the step before.
    #[must_use]
    pub fn pause(&self, step: i32) -> Duration {
        match step {
            ..=BREACH => Duration::zero(),
            2..=LAST_REMINDER => self.remind_every,
            SUPERVISOR => self.to_supervisor,
            MANAGER => self.to_manager,
            HEAD_OFFICE.. => self.to_head_office,
        }
    }

    /// The next step for something that was due at `due_at`, after the steps already taken; `None` after the last one.
    #[must_use]
    pub fn after_due(&self, due_at: DateTime<Utc>, last: Option<&Escalation>) -> Option<(i32, DateTime<Utc>)> {
        match last {
            None => Some((BREACH, due_at)),
            Some(last) if last.step < BREACH => Some((BREACH, due_at)),
            Some(last) if last.step >= HEAD_OFFICE => None,
            Some(last) => {
                let step = last.step + 1;
                // A deadline that has moved since the last step is waited for again.
                Some((step, (last.at + self.pause(step)).max(due_at)))
            }
        }
    }

    /// The next step of a deadline and its instant; `None` while nothing is to be told.
    #[must_use]
    pub fn next(&self, deadline: &Deadline, taken: &[Escalation]) -> Option<(i32, DateTime<Utc>)> {
        match deadline.standing {
            Standing::Running | Standing::Breached => {}
            // A pause takes pending steps away; going on sets them again.
            Standing::Paused | Standing::Met | Standing::Missed | Standing::Stopped => return None,
        }
        let last = taken
            .iter()
            .filter(|one| one.target == deadline.target.as_str() && one.at >= deadline.started_at)
            .max_by_key(|one| one.step);
        let due_at = deadline.due_at?;
        match (last, deadline.standing, deadline.warn_at) {
            (None, Standing::Running, Some(warn_at)) => Some((WARNING, warn_at)),
            _ => self.after_due(due_at, last),
        }
    }
}

/// The steps that firing `step` takes: where nobody can be reminded the supervisor is told at once.
#[must_use]
pub fn steps(target: &str, step: i32, assignee_id: &str, org_unit_id: &str, now: DateTime<Utc>) -> Vec<Escalation> {
    let make = |step: i32| {
        let rung = rung(step);
        let notified_id = match rung {
            Rung::Assignee => assignee_id.to_owned(),
            Rung::Supervisor | Rung::Manager => format!("{rung}:{org_unit_id}"),
            Rung::HeadOffice => Rung::HeadOffice.to_string(),
        };
        Escalation { target: target.to_owned(), step, rung, at: now, notified_id }
    };
    if assignee_id.is_empty() && (BREACH..=LAST_REMINDER).contains(&step) {
        vec![make(step), make(SUPERVISOR)]
    } else {
        vec![make(step)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sla::Target;

    fn ladder() -> Ladder {
        Ladder {
            remind_every: Duration::minutes(10),
            to_supervisor: Duration::minutes(20),
            to_manager: Duration::minutes(30),
            to_head_office: Duration::minutes(40),
        }
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(minutes)
    }

    fn deadline(standing: Standing) -> Deadline {
        Deadline {
            target: Target::Resolution,
            standing,
            started_at: at(0),
            warn_at: Some(at(75)),
            due_at: Some(at(100)),
            met_at: None,
            allowed: Duration::minutes(100),
            used: Duration::zero(),
            policy: String::new(),
        }
    }

    #[test]
    fn every_step_fires_once_and_in_order() {
        let mut taken = Vec::new();
        let mut times = Vec::new();
        while let Some((step, when)) =
            ladder().next(&deadline(if taken.is_empty() { Standing::Running } else { Standing::Breached }), &taken)
        {
            times.push((step, when));
            taken.extend(steps("resolution", step, "agent-1", "east", when));
        }
        let wanted = [(0, 75), (1, 100), (2, 110), (3, 120), (4, 140), (5, 170), (6, 210)];
        assert_eq!(times, wanted.map(|(step, minute)| (step, at(minute))));
        let rungs: Vec<_> = taken.iter().map(|one| one.rung.as_str()).collect();
        assert_eq!(rungs, ["assignee", "assignee", "assignee", "assignee", "supervisor", "manager", "head_office"]);
    }

    #[test]
    fn nobody_to_remind_means_the_supervisor_at_once() {
        let taken = steps("on_site", BREACH, "", "east", at(100));
        assert_eq!(taken.iter().map(|one| one.step).collect::<Vec<_>>(), [BREACH, SUPERVISOR]);
        assert_eq!(taken[0].notified_id, "");
        assert_eq!(taken[1].notified_id, "supervisor:east");
    }

    #[test]
    fn a_pause_takes_pending_steps_away() {
        for standing in [Standing::Paused, Standing::Met, Standing::Missed, Standing::Stopped] {
            assert_eq!(ladder().next(&deadline(standing), &[]), None, "{standing}");
        }
    }

    #[test]
    fn a_deadline_that_moved_is_waited_for_again() {
        let taken = steps("resolution", BREACH, "agent-1", "east", at(50));
        assert_eq!(ladder().next(&deadline(Standing::Running), &taken), Some((2, at(100))));
    }

    #[test]
    fn an_overdue_deadline_is_not_warned_of_first() {
        assert_eq!(ladder().next(&deadline(Standing::Breached), &[]), Some((BREACH, at(100))));
    }
}
