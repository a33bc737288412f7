//! The tree of organisation units, as intake tells it. The last one known is kept when intake does not answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use common::{
    catalog::Language,
    record::{Actor, Units as Seen},
    service::Core,
};
use proto::aftercare::intake::v1::{ListOrgUnitsRequest, intake_service_client::IntakeServiceClient};

/// How long the tree is rested on.
const KNOWN_FOR: Duration = Duration::seconds(60);
/// How long between two tries of a service that does not answer.
const TRY_AGAIN: Duration = Duration::seconds(2);

/// The tree: each unit's parent, empty for a root.
type Tree = Arc<BTreeMap<String, String>>;

/// What is known of it.
#[derive(Debug)]
pub(crate) struct Units {
    core: Core,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    tree: Tree,
    ask_at: Option<DateTime<Utc>>,
}

impl Units {
    pub(crate) fn new(core: Core) -> Self {
        Self { core, known: Mutex::default() }
    }

    /// The units at or below this one. A unit that nobody knows, or before the tree was ever told, is only itself.
    pub(crate) async fn below(&self, unit: &str) -> Seen {
        if unit.is_empty() {
            return Seen::default();
        }
        below(&*self.tree().await, unit)
    }

    async fn tree(&self) -> Tree {
        let now = self.core.clock.now();
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.ask_at.is_some_and(|at| now < at) {
                return known.tree.clone();
            }
            // Whoever comes meanwhile takes what is known instead of asking as well; at the first time all ask.
            if !known.tree.is_empty() {
                known.ask_at = Some(now + TRY_AGAIN);
            }
        }
        let asked = self.ask().await;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(tree) => *known = Known { tree: Arc::new(tree), ask_at: Some(now + KNOWN_FOR) },
            Err(error) => {
                tracing::warn!(%error, "the organisation units cannot be read; the known ones are used");
                known.ask_at = Some(now + TRY_AGAIN);
            }
        }
        known.tree.clone()
    }

    async fn ask(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let way = self.core.way("intake", &Actor::service(crate::NAME), Language::English);
        let mut intake = IntakeServiceClient::new(way.map_err(|error| anyhow::anyhow!("{error}"))?);
        let answer = intake.list_org_units(ListOrgUnitsRequest::default()).await?.into_inner();
        Ok(answer.org_units.into_iter().map(|unit| (unit.org_unit_id, unit.parent_id)).collect())
    }
}

fn below(tree: &BTreeMap<String, String>, unit: &str) -> Seen {
    if tree.get(unit).is_some_and(String::is_empty) {
        return Seen::All;
    }
    let mut found = BTreeSet::from([unit]);
    // As often as the tree can be deep; a circle in it ends, too.
    for _ in 0..tree.len() {
        let more: Vec<&str> =
            tree.iter().filter(|(_, parent)| found.contains(&***parent)).map(|(unit, _)| unit.as_str()).collect();
        let before = found.len();
        found.extend(more);
        if found.len() == before {
            break;
        }
    }
    Seen::Of(found.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_sees_what_is_below_it() {
        let tree: BTreeMap<String, String> = [
            ("head-office", ""),
            ("east", "head-office"),
            ("shanghai", "east"),
            ("xuhui", "shanghai"),
            ("north", "head-office"),
        ]
        .map(|(unit, parent)| (unit.to_owned(), parent.to_owned()))
        .into();
        let units = |names: &[&str]| Seen::Of(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(below(&tree, "head-office"), Seen::All);
        assert_eq!(below(&tree, "east"), units(&["east", "shanghai", "xuhui"]));
        assert_eq!(below(&tree, "xuhui"), units(&["xuhui"]));
        assert_eq!(below(&tree, "nowhere"), units(&["nowhere"]));
        assert_eq!(below(&BTreeMap::new(), "head-office"), units(&["head-office"]));
    }
}
