//! The rules as data: one version of the terms of all categories.

use serde::Deserialize;

/// All rules of one version.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Version of the data.
    pub version: String,
    /// Days after a repair in which the same fault is repaired free.
    pub repair_warranty_days: u32,
    /// Repairs after which the customer may ask for another one.
    pub failed_repairs: usize,
    /// Days without a part after which the unit is exchanged, at the producer's cost.
    pub no_part_days: u32,
    /// Days after which an unfinished repair without a part is looked at again.
    pub no_part_alarms: Vec<u32>,
    /// Days after which the unit is exchanged because the repairer is slow, at the repairer's cost.
    pub slow_repair_days: u32,
    /// Days after which a slow repair is looked at again.
    pub slow_repair_alarms: Vec<u32>,
    /// Months after acceptance in which we must prove that a fault is not ours.
    pub burden_of_proof_months: u32,
    /// Where in the serial number the year and month of production stand: two digits each.
    pub serial_production_at: usize,
    /// Terms of categories that no entry names.
    pub usual: Terms,
    /// Terms per category; the longest beginning of the code that fits wins.
    #[serde(default)]
    pub category: Vec<Category>,
}

/// Terms of one category.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Beginning of the category codes it speaks of.
    pub code: String,
    /// Its terms.
    pub terms: Terms,
}

/// Terms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// "statutory" or "brand".
    pub regime: String,
    /// Days in which it may be given back.
    pub return_days: u32,
    /// Days in which it may be exchanged.
    pub exchange_days: u32,
    /// Months for the whole unit.
    pub whole_unit_months: u32,
    /// Months for main parts.
    pub main_part_months: u32,
    /// Codes of the main parts.
    pub main_parts: Vec<String>,
    /// Days after the end in which goodwill is possible.
    pub goodwill_days: u32,
}

impl Rules {
    /// The terms of a category.
    #[must_use]
    pub fn terms(&self, category: &str) -> &Terms {
        self.category
            .iter()
            .filter(|entry| category.starts_with(&entry.code))
            .max_by_key(|entry| entry.code.len())
            .map_or(&self.usual, |entry| &entry.terms)
    }

    /// What is wrong with the data: the brand's terms may only be better than the usual ones.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        self.category
            .iter()
            .find(|entry| {
                let terms = &entry.terms;
                terms.return_days < self.usual.return_days
                    || terms.exchange_days < self.usual.exchange_days
                    || terms.whole_unit_months < self.usual.whole_unit_months
                    || terms.main_part_months < terms.whole_unit_months
            })
            .map(|entry| format!("the terms of category {} are worse than the law's", entry.code))
    }
}
