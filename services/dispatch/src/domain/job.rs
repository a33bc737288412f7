//! What a job of some kind in some category needs: data, not code. The most specific line wins.

use serde::{Deserialize, Serialize};

use crate::domain::technician::Skill;

/// When an item of the checklist must be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before work begins.
    Start,
    /// Before the job is done.
    Complete,
}

/// A required item of a checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChecklistItem {
    /// Code.
    pub item: String,
    /// When it must be done.
    pub phase: Phase,
}

/// What jobs need, by kind and category.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobCatalog {
    /// Kinds of jobs.
    pub kind: Vec<KindData>,
    /// Categories of products.
    pub category: Vec<CategoryData>,
}

/// One kind of job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindData {
    /// Kind, lower case; `*` for every other one.
    pub code: String,
    /// Least level of the category's skill.
    pub level: i32,
    /// How long the work takes, in minutes.
    pub minutes: i32,
    /// Whether the work opens what a certificate is asked for.
    pub opens: bool,
    /// Required items of the checklist.
    pub checklist: Vec<ChecklistItem>,
}

/// One category of products.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryData {
    /// Beginning of the category code, lower case; `*` for every other one.
    pub prefix: String,
    /// The skill.
    pub skill: String,
    /// Certificates that work inside the product needs.
    pub certificates: Vec<String>,
    /// Minutes on top of the kind's.
    pub extra_minutes: i32,
}

/// What one job needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobNeeds {
    /// Skills with the least level.
    pub skills: Vec<Skill>,
    /// Certificates.
    pub certificates: Vec<String>,
    /// How long it takes, in minutes: the standard, until a learned duration takes its place.
    pub minutes: i32,
    /// How long the catalogue says, in minutes.
    pub standard_minutes: i32,
    /// Checklist.
    pub checklist: Vec<ChecklistItem>,
}

impl JobCatalog {
    /// What a job of this kind in this category needs. `None` when the data has no line for every other kind or category.
    #[must_use]
    pub fn needs(&self, kind: &str, category: &str) -> Option<JobNeeds> {
        let category = category.to_ascii_lowercase();
        let kind = self
            .kind
            .iter()
            .find(|line| line.code == kind)
            .or_else(|| self.kind.iter().find(|line| line.code == "*"))?;
        let category = self
            .category
            .iter()
            .filter(|line| category.starts_with(&line.prefix))
            .max_by_key(|line| line.prefix.len())
            .or_else(|| self.category.iter().find(|line| line.prefix == "*"))?;
        Some(JobNeeds {
            skills: vec![Skill { code: category.skill.clone(), level: kind.level }],
            certificates: if kind.opens { category.certificates.clone() } else { Vec::new() },
            minutes: kind.minutes + category.extra_minutes,
            standard_minutes: kind.minutes + category.extra_minutes,
            checklist: kind.checklist.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> JobCatalog {
        let kind = |code: &str, level, opens| KindData {
            code: code.to_owned(),
            level,
            minutes: 60,
            opens,
            checklist: Vec::new(),
        };
        let category = |prefix: &str, skill: &str, certificate: &str| CategoryData {
            prefix: prefix.to_owned(),
            skill: skill.to_owned(),
            certificates: vec![certificate.to_owned()],
            extra_minutes: 15,
        };
        JobCatalog {
            kind: vec![kind("repair", 3, true), kind("*", 1, false)],
            category: vec![
                category("light", "lighting", "electrician"),
                category("lighting.high", "high_voltage", "high_voltage"),
                category("*", "general", "none"),
            ],
        }
    }

    #[test]
    fn the_longest_prefix_wins_and_the_rest_is_general() {
        let needs = catalog().needs("repair", "LIGHTING.HIGH.3").unwrap();
        assert_eq!(needs.skills, [Skill { code: "high_voltage".to_owned(), level: 3 }]);
        assert_eq!((needs.certificates, needs.minutes), (vec!["high_voltage".to_owned()], 75));
        assert_eq!(catalog().needs("repair", "sofa").unwrap().skills[0].code, "general");
    }

    #[test]
    fn work_that_opens_nothing_needs_no_certificate() {
        let needs = catalog().needs("cleaning", "light").unwrap();
        assert_eq!((needs.skills[0].level, needs.certificates.len()), (1, 0));
    }
}
