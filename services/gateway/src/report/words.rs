//! The words of a report, in both languages.

use std::collections::BTreeMap;

use anyhow::Context as _;
use common::catalog::Language;
use serde::Deserialize;

const EMBEDDED: &str = include_str!("../../data/report.toml");

/// One word or sentence.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    #[serde(rename = "zh-CN")]
    chinese: String,
    en: String,
}

impl Text {
    pub(super) fn of(&self, language: Language) -> &str {
        match language {
            Language::Chinese => &self.chinese,
            Language::English => &self.en,
        }
    }
}

/// Codes in words.
pub(super) type Codes = BTreeMap<String, Text>;

/// All of them. A label that the file lacks, or has too many, stops the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) labels: Labels,
    pub(super) job: Codes,
    pub(super) charge: Codes,
    pub(super) result: Codes,
    pub(super) failure: Codes,
    pub(super) checklist: Codes,
    pub(super) consent: Codes,
    pub(super) photo: Codes,
    pub(super) signer: Codes,
}

macro_rules! labels {
    ($($name:ident),+ $(,)?) => {
        /// What the parts of a report are called.
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Labels {
            $(pub(super) $name: Text,)+
        }
    };
}

labels! {
    title, visit, work_order, request, visit_number, job, charge, result, window, arrived, started, completed, technician,
    badge, customer, contact, phone, address, fault, product, model, serial, purchased, installed, checklist, item, done,
    yes, no, note, diagnosis, fault_code, cause_code, consent, proposal, price, agreed, method, at, labour, code, text,
    minutes, parts, part, sku, quantity, new_serial, old_serial, readings, value, test, passed, not_passed, remarks,
    receipt, receipt_number, taken_at, returned_at, fee, photos, more_photos, signature, signed_as,
}

impl Words {
    pub(super) fn read() -> anyhow::Result<Self> {
        toml::from_str(EMBEDDED).context("data/report.toml")
    }
}

/// A code in words; one that nobody has named stays as it is.
pub(super) fn spoken(codes: &Codes, code: &str, language: Language) -> String {
    codes.get(code).map_or(code, |text| text.of(language)).to_owned()
}
