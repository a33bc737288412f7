//! Jobs: exports and imports that take longer than a call.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Actor, Changed, Record, Units},
    typed_id,
};
use serde::{Deserialize, Serialize};

typed_id! {
    /// A job.
    JobId = "job";
}

/// Form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    /// Comma-separated values.
    Csv,
    /// Comma-separated values behind a byte order mark.
    CsvMarked,
    /// A workbook.
    Xlsx,
}

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Imported {
    /// Customer files.
    Customers,
    /// Products.
    Products,
    /// Entries of the part catalogue.
    Parts,
    /// Technicians.
    Technicians,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Task {
    /// Writes a list into a file.
    Export {
        /// The list's address.
        path: String,
        /// Its filters and order.
        query: String,
        /// Form of the file.
        format: Format,
    },
    /// Makes records out of a file.
    Import {
        /// Of which kind.
        kind: Imported,
        /// Only checks.
        dry_run: bool,
        /// Name of the file.
        file_name: String,
    },
    /// Collects everything about one customer.
    PersonalData {
        /// The customer.
        customer_id: String,
    },
    /// Makes all services forget one customer.
    Erasure {
        /// The customer.
        customer_id: String,
        /// Why, without names.
        reason: String,
    },
    /// Makes all services forget again whoever they had forgotten.
    Replay,
}

impl Task {
    /// The name lists filter by.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Export { .. } => "export",
            Self::Import { .. } => "import",
            Self::PersonalData { .. } => "personal_data",
            Self::Erasure { .. } => "erasure",
            Self::Replay => "erasure_replay",
        }
    }
}

/// How far a job is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Waits for its turn.
    Queued,
    /// Runs.
    Running,
    /// Done; the result is kept until then.
    Done {
        /// When the result goes.
        expires_at: DateTime<Utc>,
        /// Its size; 0 when there is none.
        bytes: i64,
    },
    /// Gave up.
    Failed {
        /// The stable reason.
        reason: String,
        /// In words, in the language it was started in.
        text: String,
        /// When its particulars go.
        expires_at: DateTime<Utc>,
    },
    /// Cancelled.
    Cancelled {
        /// When its particulars go.
        expires_at: DateTime<Utc>,
    },
    /// Only that it was is left.
    Expired,
}

impl State {
    /// The name in histories, lists and refusals.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Expired => "expired",
        }
    }

    fn allowed(&self) -> &'static [&'static str] {
        match self {
            Self::Queued => &["start", "cancel", "fail"],
            Self::Running => &["finish", "cancel", "fail"],
            Self::Done { .. } | Self::Failed { .. } | Self::Cancelled { .. } => &["expire"],
            Self::Expired => &[],
        }
    }
}

/// Whoever started a job, and how far that person saw then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    actor: Actor,
    /// Organisation units; `None` sees all.
    units: Option<Vec<String>>,
}

impl Owner {
    /// The caller. That somebody sees names in full for a moment does not carry over to a file.
    pub(crate) fn of(actor: &Actor) -> Self {
        let units = match &actor.units {
            Units::All => None,
            Units::Of(units) => Some(units.clone()),
        };
        Self { actor: actor.clone(), units }
    }

    /// What tells owners apart.
    pub(crate) fn key(&self) -> &str {
        key(&self.actor)
    }

    /// The one who acts.
    pub(crate) fn actor(&self) -> Actor {
        let units = self.units.clone().map_or(Units::All, Units::Of);
        Actor { units, link: None, unmask: false, ..self.actor.clone() }
    }
}

/// The account, or what stands for it.
pub(crate) fn key(actor: &Actor) -> &str {
    if actor.account_id.is_empty() { &actor.id } else { &actor.account_id }
}

/// An export or an import on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub(crate) id: JobId,
    pub(crate) version: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
    /// Whoever started it; it sees and makes what that person may, and no more.
    pub(crate) owner: Owner,
    /// Language of its texts.
    pub(crate) language: String,
    pub(crate) task: Task,
    pub(crate) state: State,
}

impl Record for Job {
    const KIND: &'static str = "job";

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
        self.state.name()
    }

    fn subject_id(&self) -> Option<&str> {
        match &self.task {
            Task::PersonalData { customer_id } | Task::Erasure { customer_id, .. } => Some(customer_id),
            Task::Export { .. } | Task::Import { .. } | Task::Replay => None,
        }
    }
}

impl Job {
    fn refused<T>(&self, action: &str) -> Result<T> {
        Err(Error::illegal(Self::KIND, action, self.state.name(), self.state.allowed()))
    }

    fn to(mut self, action: &'static str, state: State, reason: &str, now: DateTime<Utc>) -> Changed<Self> {
        let from = self.state.name();
        self.state = state;
        self.updated_at = now;
        Changed::new(self, action, from, reason)
    }

    /// A worker takes it up.
    pub(crate) fn start(self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Queued => Ok(self.to("start", State::Running, "", now)),
            State::Running | State::Done { .. } | State::Failed { .. } | State::Cancelled { .. } | State::Expired => {
                self.refused("start")
            }
        }
    }

    /// It came to its end, with a result of so many bytes.
    pub(crate) fn finish(self, bytes: i64, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Running => Ok(self.to("finish", State::Done { expires_at, bytes }, "", now)),
            State::Queued | State::Done { .. } | State::Failed { .. } | State::Cancelled { .. } | State::Expired => {
                self.refused("finish")
            }
        }
    }

    /// It cannot come to its end.
    pub(crate) fn fail(
        self,
        (reason, text): (&str, &str),
        expires_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        match self.state {
            State::Queued | State::Running => {
                let state = State::Failed { reason: reason.to_owned(), text: text.to_owned(), expires_at };
                Ok(self.to("fail", state, reason, now))
            }
            State::Done { .. } | State::Failed { .. } | State::Cancelled { .. } | State::Expired => {
                self.refused("fail")
            }
        }
    }

    /// Nobody wants it any more.
    pub(crate) fn cancel(self, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Queued | State::Running => Ok(self.to("cancel", State::Cancelled { expires_at }, "", now)),
            State::Done { .. } | State::Failed { .. } | State::Cancelled { .. } | State::Expired => {
                self.refused("cancel")
            }
        }
    }

    /// Its result goes, and what its filters may say about people with it.
    pub(crate) fn expire(mut self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        match self.state {
            State::Done { .. } | State::Failed { .. } | State::Cancelled { .. } => {
                match &mut self.task {
                    Task::Export { query, .. } => query.clear(),
                    Task::Import { file_name, .. } => file_name.clear(),
                    Task::PersonalData { .. } | Task::Erasure { .. } | Task::Replay => {}
                }
                Ok(self.to("expire", State::Expired, "", now))
            }
            State::Queued | State::Running | State::Expired => self.refused("expire"),
        }
    }
}

/// How far the work of a job has come. Kept beside the record and written with every piece of the result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    /// Rows written, or lines looked at.
    pub(crate) rows_done: i64,
    /// Lines of an import's file; 0 while unknown.
    pub(crate) rows_total: i64,
    /// Lines that could not be taken.
    pub(crate) rows_bad: i64,
    /// Pieces of the result so far.
    pub(crate) pieces: i32,
    /// Bytes of the result so far.
    pub(crate) bytes: i64,
    /// Token of an export's next page.
    pub(crate) token: String,
    /// Whether the last page has been written.
    pub(crate) read_all: bool,
    /// The first problems of an import.
    pub(crate) problems: Vec<Problem>,
    /// Tries in a row that broke off.
    pub(crate) failures: i32,
}

/// What is wrong with one line of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// Line in the file; the heading is line 1.
    pub(crate) line: i32,
    /// Place of the column, from 1; 0 for the whole line.
    pub(crate) column: i32,
    /// Heading of the column.
    pub(crate) heading: String,
    /// The stable reason.
    pub(crate) reason: String,
    /// In words.
    pub(crate) text: String,
}

#[cfg(test)]
mod tests {
    use common::{id::Id as _, record::Role};

    use super::*;

    fn job(state: State) -> Job {
        let now = DateTime::UNIX_EPOCH;
        Job {
            id: JobId::wrap("job_1".to_owned()),
            version: 1,
            created_at: now,
            updated_at: now,
            owner: Owner::of(&Actor::new("u1", Role::Finance, "ou_east")),
            language: "en".to_owned(),
            task: Task::Export { path: "/v1/customers".into(), query: "phone=1".into(), format: Format::Csv },
            state,
        }
    }

    /// The whole table: every state by every action.
    #[test]
    fn every_state_allows_its_actions_and_no_other() {
        let now = DateTime::UNIX_EPOCH;
        let states = [
            State::Queued,
            State::Running,
            State::Done { expires_at: now, bytes: 1 },
            State::Failed { reason: String::new(), text: String::new(), expires_at: now },
            State::Cancelled { expires_at: now },
            State::Expired,
        ];
        for state in states {
            for (action, result) in [
                ("start", job(state.clone()).start(now)),
                ("finish", job(state.clone()).finish(1, now, now)),
                ("fail", job(state.clone()).fail(("R", "t"), now, now)),
                ("cancel", job(state.clone()).cancel(now, now)),
                ("expire", job(state.clone()).expire(now)),
            ] {
                let allowed = state.allowed().contains(&action);
                assert_eq!(result.is_ok(), allowed, "{action} of {}", state.name());
            }
        }
    }

    #[test]
    fn an_owner_keeps_the_reach_and_loses_the_unmasking() {
        let mut actor = Actor::new("u1", Role::Agent, "ou_east");
        actor.units = Units::Of(vec!["ou_east".into(), "ou_pudong".into()]);
        actor.unmask = true;
        let kept: Owner = serde_json::from_str(&serde_json::to_string(&Owner::of(&actor)).unwrap()).unwrap();
        assert_eq!(kept.key(), key(&actor));
        assert_eq!(kept.actor(), Actor { unmask: false, ..actor });
    }

    #[test]
    fn what_expires_says_nothing_about_people() {
        let now = DateTime::UNIX_EPOCH;
        let gone = job(State::Cancelled { expires_at: now }).expire(now).unwrap().record;
        let Task::Export { query, .. } = gone.task else { panic!("another task") };
        assert_eq!(query, "");
    }
}
