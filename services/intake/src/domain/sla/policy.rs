//! SLA policies: versioned data; for every target the most specific policy that speaks of it wins.

use std::collections::BTreeMap;

use chrono::Duration;
use serde::Deserialize;

use super::{Facts, Level, Target};
use crate::domain::values::{Kind, Tier, Urgency};

/// All policies of one version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// Version of the data.
    pub version: String,
    /// The policies.
    pub policy: Vec<Policy>,
    /// How the time to a solution is shared out, in percent that add up to 100.
    pub shares: Vec<Share>,
}

/// One policy: what it speaks of, and its targets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its name.
    pub id: String,
    /// Only this urgency.
    pub urgency: Option<Urgency>,
    /// Only this contract level.
    pub contract: Option<String>,
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only this category.
    pub category: Option<String>,
    /// Only this customer tier.
    pub tier: Option<Tier>,
    /// Only this unit.
    pub org_unit: Option<String>,
    /// Working time per target; `none` takes a target away.
    pub targets: BTreeMap<Target, Allowance>,
}

/// Working time that a target allows; `None` when there is no such target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance(pub Option<Duration>);

impl<'de> Deserialize<'de> for Allowance {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "none" {
            return Ok(Self(None));
        }
        common::config::duration::parse(&text)
            .and_then(|time| Duration::from_std(time).ok())
            .filter(|time| *time > Duration::zero())
            .map(|time| Self(Some(time)))
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no duration and not \"none\"")))
    }
}

/// A level's share of the time to a solution.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The level.
    pub level: Level,
    /// Percent.
    pub percent: i32,
}

impl Policy {
    /// How specific it is for these facts; `None` when it does not speak of them. Urgency weighs more than everything
    /// else together, then contract, kind, category, tier and unit.
    fn weight(&self, facts: &Facts) -> Option<u32> {
        fn one<T: PartialEq>(wanted: Option<&T>, is: &T, weight: u32) -> Option<u32> {
            match wanted {
                None => Some(0),
                Some(wanted) if wanted == is => Some(weight),
                Some(_) => None,
            }
        }
        Some(
            one(self.urgency.as_ref(), &facts.urgency, 32)?
                + one(self.contract.as_ref(), &facts.contract, 16)?
                + one(self.kind.as_ref(), &facts.kind, 8)?
                + one(self.category.as_ref(), &facts.category, 4)?
                + one(self.tier.as_ref(), &facts.tier, 2)?
                + one(self.org_unit.as_ref(), &facts.org_unit, 1)?,
        )
    }
}

impl Policies {
    /// Working time that the target allows, and the policy that says so.
    #[must_use]
    pub fn target(&self, facts: &Facts, target: Target) -> Option<(Duration, &str)> {
        self.policy
            .iter()
            .filter_map(|policy| Some((policy.weight(facts)?, policy.targets.get(&target)?, policy)))
            // Of two that weigh the same the first one in the file wins.
            .rev()
            .max_by_key(|(weight, _, _)| *weight)
            .and_then(|(_, allowance, policy)| Some((allowance.0?, policy.id.as_str())))
    }

    /// What is wrong with the data; `None` when nothing is.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let percent: i32 = self.shares.iter().map(|share| share.percent).sum();
        if percent != 100 {
            return Some(format!("the shares add up to {percent} instead of 100"));
        }
        let general = self.policy.iter().any(|policy| {
            policy.targets.contains_key(&Target::Resolution)
                && policy.urgency.is_none()
                && policy.contract.is_none()
                && policy.kind.is_none()
                && policy.category.is_none()
                && policy.tier.is_none()
                && policy.org_unit.is_none()
        });
        (!general).then(|| "no policy without conditions gives a time to a solution".to_owned())
    }
}
