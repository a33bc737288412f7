//! Deadlines, computed from the event log of a request and from nothing else.
//!
//! No counter is stored: the same log gives the same answer, in whatever order its entries were written down. A clock
//! runs on the working hours of the responsible unit (day and night in an emergency), stands still while the request
//! waits for the customer and while it is solved, and goes on where it stood when the request is opened again. Targets
//! are those of the present urgency, so a pause and a change of urgency give the same answer in either order.

use chrono::{DateTime, Duration, Utc};
use common::calendar::Calendar;
use serde::{Deserialize, Serialize};

use super::{
    names::names,
    values::{Kind, Tier, Urgency},
};

pub mod policy;

pub use policy::{Policies, Policy, Share};

names! {
    /// What is to have happened in time.
    pub enum Target {
        /// An agent has spoken to the customer.
        Callback = "callback",
        /// The technician has spoken to the customer.
        Contact = "contact",
        /// A visit is agreed.
        Response = "response",
        /// Somebody is on site.
        OnSite = "on_site",
        /// It is solved.
        Resolution = "resolution",
    }
}

names! {
    /// Whose clock it is.
    pub enum Level {
        /// Head office.
        HeadOffice = "head_office",
        /// The regional office.
        Office = "office",
        /// The service point.
        ServicePoint = "service_point",
        /// The technician.
        Technician = "technician",
    }
}

impl Target {
    /// Who answers for it.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Self::Callback => Level::Office,
            Self::Contact => Level::Technician,
            Self::Response | Self::OnSite => Level::ServicePoint,
            Self::Resolution => Level::HeadOffice,
        }
    }
}

/// What policies look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What is asked for.
    pub kind: Kind,
    /// How urgent it is.
    pub urgency: Urgency,
    /// How much the customer weighs.
    pub tier: Tier,
    /// Level of the service contract; empty for none.
    pub contract: String,
    /// Category code of the product.
    pub category: String,
    /// The responsible unit.
    pub org_unit: String,
}

/// One thing that happened, as far as clocks care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The customer asked.
    Requested(Facts),
    /// Kind, urgency or another fact is different from now on.
    Retargeted(Facts),
    /// An agent spoke to the customer.
    CalledBack,
    /// A technician took the job.
    HandedOver,
    /// The technician spoke to the customer.
    TechnicianContacted,
    /// A visit is agreed.
    VisitAgreed,
    /// Somebody is on site.
    OnSite,
    /// It waits for the customer.
    Held,
    /// It waits for parts or for head office: the clocks go on.
    Delayed,
    /// It waits no longer.
    Resumed,
    /// It is solved.
    Resolved,
    /// It was opened again.
    Reopened,
    /// It was cancelled or merged.
    Ended,
    /// Another level has it in hand.
    With(Level),
}

/// A fact and its instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub fact: Fact,
}

names! {
    /// How a clock stands.
    pub enum Standing {
        /// It runs.
        Running = "running",
        /// It waits for the customer.
        Paused = "paused",
        /// It was met in time.
        Met = "met",
        /// It was met late.
        Missed = "missed",
        /// It is not met and its time is over.
        Breached = "breached",
        /// It ended without being met.
        Stopped = "stopped",
    }
}

/// A deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// What is to have happened.
    pub target: Target,
    /// How it stands.
    pub standing: Standing,
    /// When the clock started.
    pub started_at: DateTime<Utc>,
    /// At three quarters of the time; `None` while the clock stands still before it.
    pub warn_at: Option<DateTime<Utc>>,
    /// When it is due; `None` while the clock stands still before it.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was met.
    pub met_at: Option<DateTime<Utc>>,
    /// Working time allowed.
    pub allowed: Duration,
    /// Working time used until it was met, or until now.
    pub used: Duration,
    /// Which policy said so.
    pub policy: String,
}

impl Deadline {
    /// Whether it is still to be met.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Running | Standing::Paused | Standing::Breached)
    }
}

/// How much of the time to a solution one level used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelClock {
    /// The level.
    pub level: Level,
    /// Its share.
    pub allowed: Duration,
    /// What it used.
    pub used: Duration,
}

/// The calendars that clocks run on.
#[derive(Clone, Debug)]
pub struct Hours {
    /// Calendar of each unit.
    pub units: std::collections::BTreeMap<String, Calendar>,
    /// For units without one.
    pub usual: Calendar,
    /// Day and night.
    pub always: Calendar,
}

impl Hours {
    /// The calendar for a request.
    #[must_use]
    pub fn of(&self, facts: &Facts) -> &Calendar {
        match facts.urgency {
            Urgency::Emergency => &self.always,
            Urgency::Normal | Urgency::Urgent => self.units.get(&facts.org_unit).unwrap_or(&self.usual),
        }
    }
}

/// Spans in which clocks run; the last one may have no end yet.
type Spans = Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>;

/// The log in the order of time.
fn sorted(log: &[Entry]) -> Vec<&Entry> {
    let mut entries: Vec<_> = log.iter().collect();
    entries.sort_by_key(|entry| entry.at);
    entries
}

/// The facts that hold now.
#[must_use]
pub fn facts(log: &[Entry]) -> Option<&Facts> {
    sorted(log).into_iter().rev().find_map(|entry| match &entry.fact {
        Fact::Requested(facts) | Fact::Retargeted(facts) => Some(facts),
        _ => None,
    })
}

fn running(entries: &[&Entry]) -> Spans {
    let mut spans: Spans = Vec::new();
    let (mut held, mut over, mut since) = (false, true, None);
    for entry in entries {
        match entry.fact {
            Fact::Requested(_) | Fact::Reopened => (held, over) = (false, false),
            Fact::Held => held = true,
            Fact::Resumed => held = false,
            Fact::Resolved | Fact::Ended => (held, over) = (false, true),
            Fact::Retargeted(_)
            | Fact::CalledBack
            | Fact::HandedOver
            | Fact::TechnicianContacted
            | Fact::VisitAgreed
            | Fact::OnSite
            | Fact::Delayed
            | Fact::With(_) => {}
        }
        match (since, !held && !over) {
            (None, true) => since = Some(entry.at),
            (Some(begin), false) => {
                spans.push((begin, Some(entry.at)));
                since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
    spans.extend(since.map(|begin| (begin, None)));
    spans
}

/// Working time in the spans between two instants.
fn used(spans: &Spans, calendar: &Calendar, from: DateTime<Utc>, until: DateTime<Utc>) -> Duration {
    spans
        .iter()
        .map(|(begin, end)| (from.max(*begin), end.unwrap_or(until).min(until)))
        .filter(|(begin, end)| begin < end)
        .fold(Duration::zero(), |sum, (begin, end)| sum + calendar.between(begin, end))
}

/// The instant by which `allowed` working time of the spans has passed; `None` when the clock stands still before.
fn reaches(spans: &Spans, calendar: &Calendar, from: DateTime<Utc>, allowed: Duration) -> Option<DateTime<Utc>> {
    let mut left = allowed;
    for (begin, end) in spans {
        let begin = from.max(*begin);
        match end {
            None => return Some(calendar.add(begin, left)),
            Some(end) if *end <= begin => {}
            Some(end) => {
                let here = calendar.between(begin, *end);
                if left <= here {
                    return Some(calendar.add(begin, left));
                }
                left -= here;
            }
        }
    }
    None
}

/// When the target's clock started, and when it was met.
fn start_and_met(target: Target, entries: &[&Entry]) -> Option<(DateTime<Utc>, Option<DateTime<Utc>>)> {
    let first = |after: DateTime<Utc>, wanted: fn(&Fact) -> bool| {
        entries.iter().find(|entry| entry.at >= after && wanted(&entry.fact)).map(|entry| entry.at)
    };
    let requested = first(DateTime::<Utc>::MIN_UTC, |fact| matches!(fact, Fact::Requested(_)))?;
    // A solution counts as long as the request was not opened again after it.
    let end = entries.iter().rev().find(|entry| matches!(entry.fact, Fact::Resolved | Fact::Reopened));
    let solved = end.filter(|entry| entry.fact == Fact::Resolved).map(|entry| entry.at);
    let or_solved = |met: Option<DateTime<Utc>>| met.or(solved);
    match target {
        Target::Callback => {
            let spoken = |fact: &Fact| {
                matches!(fact, Fact::CalledBack | Fact::TechnicianContacted | Fact::VisitAgreed | Fact::OnSite)
            };
            Some((requested, or_solved(first(requested, spoken))))
        }
        Target::Contact => {
            let handed = entries.iter().rev().find(|entry| entry.fact == Fact::HandedOver)?.at;
            Some((handed, or_solved(first(handed, |fact| matches!(fact, Fact::TechnicianContacted | Fact::OnSite)))))
        }
        Target::Response => {
            Some((requested, or_solved(first(requested, |fact| matches!(fact, Fact::VisitAgreed | Fact::OnSite)))))
        }
        Target::OnSite => Some((requested, or_solved(first(requested, |fact| *fact == Fact::OnSite)))),
        Target::Resolution => Some((requested, solved)),
    }
}

/// All deadlines of a request as they stand at `now`.
#[must_use]
pub fn deadlines(log: &[Entry], policies: &Policies, hours: &Hours, now: DateTime<Utc>) -> Vec<Deadline> {
    let entries = sorted(log);
    let Some(facts) = facts(log) else { return Vec::new() };
    let calendar = hours.of(facts);
    let spans = running(&entries);
    let over = entries.iter().rev().find_map(|entry| match entry.fact {
        Fact::Ended => Some(true),
        Fact::Requested(_) | Fact::Reopened => Some(false),
        _ => None,
    });
    let one = |target: Target| {
        let (allowed, policy) = policies.target(facts, target)?;
        let (started_at, met_at) = start_and_met(target, &entries)?;
        let used = used(&spans, calendar, started_at, met_at.unwrap_or(now));
        let runs = spans.last().is_some_and(|(_, end)| end.is_none());
        let standing = match met_at {
            Some(_) if used > allowed => Standing::Missed,
            Some(_) => Standing::Met,
            None if over == Some(true) => Standing::Stopped,
            None if used >= allowed => Standing::Breached,
            None if runs => Standing::Running,
            None => Standing::Paused,
        };
        let due_at = reaches(&spans, calendar, started_at, allowed);
        let warn_at = reaches(&spans, calendar, started_at, allowed * 3 / 4);
        let policy = format!("{}@{}", policy, policies.version);
        Some(Deadline { target, standing, started_at, warn_at, due_at, met_at, allowed, used, policy })
    };
    Target::ALL.iter().copied().filter_map(one).collect()
}

/// Whose hands the time to a solution went through.
#[must_use]
pub fn level_clocks(log: &[Entry], policies: &Policies, hours: &Hours, now: DateTime<Utc>) -> Vec<LevelClock> {
    let entries = sorted(log);
    let Some(facts) = facts(log) else { return Vec::new() };
    let Some((allowed, _)) = policies.target(facts, Target::Resolution) else { return Vec::new() };
    let calendar = hours.of(facts);
    let spans = running(&entries);
    let hands: Vec<_> = entries
        .iter()
        .filter_map(|entry| match entry.fact {
            Fact::With(level) => Some((entry.at, level)),
            Fact::Requested(_) => Some((entry.at, Level::Office)),
            _ => None,
        })
        .collect();
    policies
        .shares
        .iter()
        .map(|share| {
            let spent =
                hands.iter().enumerate().filter(|(_, (_, level))| *level == share.level).map(|(place, (from, _))| {
                    let until = hands.get(place + 1).map_or(now, |(next, _)| *next);
                    used(&spans, calendar, *from, until)
                });
            let allowed = allowed * share.percent / 100;
            LevelClock { level: share.level, allowed, used: spent.fold(Duration::zero(), |sum, one| sum + one) }
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
