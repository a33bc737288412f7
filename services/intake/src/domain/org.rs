//! The tree of organisation units, and which of them is responsible for a place.

use serde::{Deserialize, Serialize};

/// A unit of the organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrgUnit {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The unit above it; empty for head office.
    #[serde(default)]
    pub parent: String,
    /// Beginnings of the administrative codes it serves.
    #[serde(default)]
    pub territories: Vec<String>,
    /// Its time zone.
    pub time_zone: String,
}

/// All units, parents before children; the first one is head office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrgUnits(Vec<OrgUnit>);

impl OrgUnits {
    /// Takes the units.
    ///
    /// # Errors
    ///
    /// What is wrong with them: none at all, an id twice, a parent that does not stand before its child, a territory twice.
    pub fn new(units: Vec<OrgUnit>) -> Result<Self, String> {
        let mut ids: Vec<&str> = Vec::new();
        let mut territories: Vec<&str> = Vec::new();
        for (place, unit) in units.iter().enumerate() {
            if ids.contains(&unit.id.as_str()) {
                return Err(format!("organisation unit {} stands twice", unit.id));
            }
            if unit.parent.is_empty() != (place == 0) || (place > 0 && !ids.contains(&unit.parent.as_str())) {
                return Err(format!(
                    "the parent of organisation unit {} must stand before it, and only the first has none",
                    unit.id
                ));
            }
            ids.push(&unit.id);
            for territory in &unit.territories {
                if territories.contains(&territory.as_str()) {
                    return Err(format!("territory {territory} is given twice"));
                }
                territories.push(territory);
            }
        }
        if units.is_empty() { Err("there is no organisation unit".to_owned()) } else { Ok(Self(units)) }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[OrgUnit] {
        &self.0
    }

    /// Head office.
    #[must_use]
    pub fn head_office(&self) -> &OrgUnit {
        &self.0[0]
    }

    /// The unit whose territory fits the code longest; head office when none does.
    #[must_use]
    pub fn responsible(&self, division_code: &str) -> &OrgUnit {
        self.0
            .iter()
            .flat_map(|unit| unit.territories.iter().map(move |territory| (territory.len(), territory, unit)))
            .filter(|(_, territory, _)| !division_code.is_empty() && division_code.starts_with(territory.as_str()))
            .max_by_key(|(length, _, _)| *length)
            .map_or_else(|| self.head_office(), |(_, _, unit)| unit)
    }

    /// The unit of that id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&OrgUnit> {
        self.0.iter().find(|unit| unit.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(id: &str, parent: &str, territories: &[&str]) -> OrgUnit {
        OrgUnit {
            id: id.to_owned(),
            name: id.to_owned(),
            parent: parent.to_owned(),
            territories: territories.iter().map(|&code| code.to_owned()).collect(),
            time_zone: "Asia/Shanghai".to_owned(),
        }
    }

    #[test]
    fn the_longest_territory_wins() {
        let units = OrgUnits::new(vec![
            unit("head", "", &[]),
            unit("east", "head", &["31", "32"]),
            unit("suzhou", "east", &["3205"]),
        ])
        .unwrap();
        assert_eq!(units.responsible("310104").id, "east");
        assert_eq!(units.responsible("320506").id, "suzhou");
        assert_eq!(units.responsible("110101").id, "head");
        assert_eq!(units.responsible("").id, "head");
    }

    #[test]
    fn broken_trees_are_refused() {
        assert!(OrgUnits::new(vec![]).is_err());
        assert!(OrgUnits::new(vec![unit("a", "", &[]), unit("a", "a", &[])]).is_err());
        assert!(OrgUnits::new(vec![unit("a", "", &[]), unit("b", "c", &[])]).is_err());
        assert!(OrgUnits::new(vec![unit("a", "", &[]), unit("b", "", &[])]).is_err());
        assert!(OrgUnits::new(vec![unit("a", "", &["31"]), unit("b", "a", &["31"])]).is_err());
    }
}
