//! The numbers that the rules work with; they come from the configuration.

use chrono::Duration;
use common::record::{Actor, Role};

use super::values::Severity;

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// From receipt until the customer must know that we have it.
    pub(crate) acknowledge: Duration,
    /// The same for a crisis.
    pub(crate) acknowledge_crisis: Duration,
    /// From receipt until it must be solved: minor, normal, major, crisis.
    pub(crate) resolution: [Duration; 4],
    /// From approval until all actions must be done, when nobody says another time.
    pub(crate) implementation: Duration,
    /// From the last action, or the reply, until the customer must have been asked.
    pub(crate) follow_up: Duration,
    /// Tries that reach nobody before a complaint is closed as unreachable.
    pub(crate) follow_up_tries: usize,
    /// Between two tries, so that they are at different times.
    pub(crate) follow_up_gap: Duration,
    /// Between two steps of an escalation.
    pub(crate) escalation_interval: Duration,
    /// Whom major and crisis are told to at once.
    pub(crate) recipients: Vec<String>,
    /// ISO 4217 code of all costs.
    pub(crate) currency: String,
    /// Highest cost of a solution that a role may approve, in minor units.
    pub(crate) approval: RoleLimits,
    /// Highest compensation in a solution that a role may approve, in minor units.
    pub(crate) compensation: RoleLimits,
    /// Compensation that one unit may grant in a month, in minor units.
    pub(crate) compensation_budget: i64,
    /// Months after acceptance in which a defect is presumed ours.
    pub(crate) presumption_months: u32,
    /// From prevention until the effect is checked.
    pub(crate) effect_check: Duration,
    /// Complaints of one cause that open a corrective action by themselves …
    pub(crate) repeated_cause: u64,
    /// … within this time.
    pub(crate) repeated_within: Duration,
}

/// A limit per approving role, in minor units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoleLimits {
    /// Supervisors.
    pub(crate) supervisor: i64,
    /// Quality officers.
    pub(crate) quality: i64,
    /// Managers.
    pub(crate) manager: i64,
    /// Head office.
    pub(crate) admin: i64,
}

impl RoleLimits {
    /// The role's limit; `None` when the role approves nothing.
    pub(crate) fn of(&self, role: Role) -> Option<i64> {
        match role {
            Role::Supervisor => Some(self.supervisor),
            Role::Quality => Some(self.quality),
            Role::Manager => Some(self.manager),
            Role::Admin => Some(self.admin),
            Role::Agent
            | Role::Dispatcher
            | Role::Technician
            | Role::Warehouse
            | Role::Finance
            | Role::Partner
            | Role::CustomerLink
            | Role::Service => None,
        }
    }
}

impl Policy {
    /// From receipt to acknowledgement.
    pub(crate) fn acknowledge_within(&self, severity: Severity) -> Duration {
        match severity {
            Severity::Minor | Severity::Normal | Severity::Major => self.acknowledge,
            Severity::Crisis => self.acknowledge_crisis,
        }
    }

    /// From receipt to solution.
    pub(crate) fn resolve_within(&self, severity: Severity) -> Duration {
        let [minor, normal, major, crisis] = self.resolution;
        match severity {
            Severity::Minor => minor,
            Severity::Normal => normal,
            Severity::Major => major,
            Severity::Crisis => crisis,
        }
    }
}

/// The highest level: head office.
pub(crate) const TOP_LEVEL: u32 = 3;

/// How high in the house somebody decides: 0 unit, 1 supervisor, 2 manager, 3 head office.
pub(crate) fn rank(actor: &Actor) -> u32 {
    match actor.role {
        Role::Admin => TOP_LEVEL,
        Role::Manager => 2,
        Role::Supervisor | Role::Quality => 1,
        Role::Agent
        | Role::Dispatcher
        | Role::Technician
        | Role::Warehouse
        | Role::Finance
        | Role::Partner
        | Role::CustomerLink
        | Role::Service => 0,
    }
}
