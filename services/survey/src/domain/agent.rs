//! Agents who make callbacks, and who of them gets the next one.

use chrono::{DateTime, Utc};
use common::record::{Changed, Record};
use serde::{Deserialize, Serialize};

/// An agent who makes callbacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackAgent {
    /// The person's id.
    pub id: String,
    /// Version of this record.
    pub version: i64,
    /// Organisation unit worked for.
    pub org_unit_id: String,
    /// Whether callbacks may be given to the agent now.
    pub available: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

impl Record for CallbackAgent {
    const KIND: &'static str = "callback_agent";

    fn id(&self) -> &str {
        &self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn state(&self) -> &'static str {
        if self.available { "available" } else { "unavailable" }
    }
}

impl CallbackAgent {
    /// Says where the agent works and whether callbacks may be given to the agent now.
    #[must_use]
    pub fn set(mut self, wish: Self) -> Changed<Self> {
        let from = self.state();
        (self.org_unit_id, self.available, self.updated_at) = (wish.org_unit_id, wish.available, wish.updated_at);
        Changed::new(self, "set", from, "")
    }
}

/// An agent and the number of open callbacks the agent has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// The agent.
    pub agent: CallbackAgent,
    /// Open callbacks.
    pub open: u64,
}

/// Who gets the next callback of that organisation unit: of its available agents the one with the fewest open
/// callbacks; when it has none, of all available agents.
#[must_use]
pub fn next<'a>(agents: &'a [Load], org_unit_id: &str) -> Option<&'a CallbackAgent> {
    let least = |own: bool| {
        agents
            .iter()
            .filter(|load| load.agent.available && (!own || load.agent.org_unit_id == org_unit_id))
            .min_by_key(|load| (load.open, &load.agent.id))
            .map(|load| &load.agent)
    };
    least(true).or_else(|| least(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(id: &str, org_unit: &str, available: bool, open: u64) -> Load {
        let at = DateTime::UNIX_EPOCH;
        let agent = CallbackAgent {
            id: id.to_owned(),
            version: 1,
            org_unit_id: org_unit.to_owned(),
            available,
            created_at: at,
            updated_at: at,
        };
        Load { agent, open }
    }

    #[test]
    fn the_least_loaded_of_the_unit_gets_it() {
        let agents = [
            load("a", "ou_1", true, 3),
            load("b", "ou_1", true, 1),
            load("c", "ou_1", false, 0),
            load("d", "ou_2", true, 0),
        ];
        let id = |org_unit| next(&agents, org_unit).map(|agent| agent.id.as_str());
        assert_eq!(id("ou_1"), Some("b"));
        assert_eq!(id("ou_2"), Some("d"));
        assert_eq!(id("ou_3"), Some("d"), "nobody there: anybody");
        assert_eq!(next(&agents[2..3], "ou_1"), None);
    }
}
