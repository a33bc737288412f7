//! What an agent says in a callback: steps that branch on whether the customer is satisfied.

use anyhow::ensure;
use serde::Deserialize;

use super::question::{Texts, whole};

/// When the script goes on where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// Always.
    Always,
    /// The customer is satisfied.
    Satisfied,
    /// The customer is not satisfied.
    Unsatisfied,
    /// The customer does not want to talk.
    Refused,
}

/// Where it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// In this case.
    pub when: Case,
    /// Key of the next step.
    pub next: String,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Key.
    pub key: String,
    /// What to say.
    pub texts: Texts,
    /// Whether the questions of the questionnaire are asked here.
    #[serde(default)]
    pub ask_questions: bool,
    /// Where it goes on; nowhere at the end.
    #[serde(default)]
    pub branches: Vec<Branch>,
}

/// The whole script.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The steps; the first is the beginning.
    pub steps: Vec<Step>,
}

impl Script {
    /// A script from TOML.
    ///
    /// # Errors
    ///
    /// When a text is missing, a branch leads nowhere or back, or a step cannot be reached.
    pub fn read(toml: &str) -> anyhow::Result<Self> {
        let script: Self = toml::from_str(toml)?;
        ensure!(!script.steps.is_empty(), "the script has no steps");
        for (index, step) in script.steps.iter().enumerate() {
            ensure!(whole(&step.texts), "step {} lacks a text", step.key);
            for branch in &step.branches {
                let next = script.steps.iter().position(|other| other.key == branch.next);
                ensure!(next.is_some_and(|next| next > index), "step {} goes on to {}", step.key, branch.next);
            }
            let reached = index == 0
                || script.steps[..index]
                    .iter()
                    .any(|before| before.branches.iter().any(|branch| branch.next == step.key));
            ensure!(reached, "step {} cannot be reached", step.key);
        }
        Ok(script)
    }

    /// The steps an agent goes through when the customer is like this.
    #[must_use]
    pub fn path(&self, case: Case) -> Vec<&str> {
        let mut path = Vec::new();
        let mut at = self.steps.first();
        while let Some(step) = at {
            path.push(step.key.as_str());
            let branch = step.branches.iter().find(|branch| branch.when == case || branch.when == Case::Always);
            at = branch.and_then(|branch| self.steps.iter().find(|other| other.key == branch.next));
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_branches() {
        let script = Script::read(include_str!("../../data/script.toml")).unwrap();
        assert_eq!(script.path(Case::Satisfied), ["greeting", "permission", "questions", "thank", "goodbye"]);
        assert_eq!(script.path(Case::Unsatisfied), ["greeting", "permission", "questions", "apologise", "goodbye"]);
        assert_eq!(script.path(Case::Refused), ["greeting", "permission", "respect"]);
        assert_eq!(script.steps.iter().filter(|step| step.ask_questions).count(), 1);
    }

    #[test]
    fn a_script_that_leads_nowhere_or_in_circles_is_refused() {
        let step = |key: &str, next: &str| {
            format!(
                "[[steps]]\nkey = \"{key}\"\ntexts = {{ en = \"x\", zh-CN = \"x\" }}\nbranches = [{{ when = \"always\", next = \"{next}\" }}]\n"
            )
        };
        for text in [step("a", "b"), step("a", "a"), step("a", "b") + &step("b", "a"), "steps = []".to_owned()] {
            assert!(Script::read(&text).is_err(), "{text}");
        }
    }
}
