//! What the warranty says about a fault on a day, and why: a pure function over versioned rules.
//!
//! Statutory rules: the Three Guarantees (rules of 25 August 1995, articles 8 to 13) and article 23 of the Consumer
//! Protection Law. The brand's own terms may only be better; which regime a category is under stands in the data.

use chrono::{Datelike as _, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use super::names::names;

pub mod rules;

pub use rules::{Rules, Terms};

names! {
    /// What the warranty says.
    pub enum Verdict {
        /// We pay.
        InWarranty = "in_warranty",
        /// The customer pays.
        Charged = "charged",
        /// The customer would pay, but goodwill is possible.
        Goodwill = "goodwill",
    }
}

names! {
    /// What may stand against the warranty.
    pub enum Exclusion {
        /// The customer damaged it.
        CustomerDamage = "customer_damage",
        /// There is no proof of purchase.
        MissingProof = "missing_proof",
        /// Somebody else worked on it.
        ThirdParty = "third_party",
    }
}

names! {
    /// What the period counts from.
    pub enum StartEvent {
        /// The installation.
        InstallDate = "install_date",
        /// The purchase.
        PurchaseDate = "purchase_date",
        /// The production, read from the serial number.
        ProductionDate = "production_date",
    }
}

names! {
    /// What the customer may ask for.
    pub enum Remedy {
        /// The money back.
        Return = "return",
        /// Another one.
        Exchange = "exchange",
        /// A repair.
        Repair = "repair",
    }
}

names! {
    /// Who pays for a remedy.
    pub enum Payer {
        /// Who made it.
        Producer = "producer",
        /// Who sold it.
        Seller = "seller",
        /// Who repaired it.
        ServicePoint = "service_point",
    }
}

/// The product, as far as its warranty goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// Category code.
    pub category: String,
    /// Serial number; the production date may be read from it.
    pub serial: String,
    /// Day of purchase.
    pub purchased: Option<NaiveDate>,
    /// Day of installation.
    pub installed: Option<NaiveDate>,
}

/// What a repair waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wait {
    /// The producer has no part.
    Parts,
    /// The repairer takes too long.
    Repairer,
}

/// A repair of the product, finished or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The request.
    pub request_id: String,
    /// The fault.
    pub fault: String,
    /// Day it was handed in, or work began.
    pub from: NaiveDate,
    /// Day it was given back; `None` while it is in repair.
    pub until: Option<NaiveDate>,
    /// What an unfinished one waits for.
    pub wait: Wait,
    /// Whether the warranty paid: only such days and repairs count.
    pub in_warranty: bool,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The day.
    pub on: NaiveDate,
    /// The fault.
    pub fault: String,
    /// The part at fault; empty for the whole unit.
    pub part: String,
    /// What may stand against it.
    pub exclusion: Option<Exclusion>,
}

/// Days that do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deduction {
    /// First day.
    pub from: NaiveDate,
    /// First day after it.
    pub until: NaiveDate,
    /// The repair.
    pub request_id: String,
}

impl Deduction {
    /// How many days.
    #[must_use]
    pub fn days(&self) -> i64 {
        (self.until - self.from).num_days()
    }
}

/// A right beyond repair, or repair itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Right {
    /// What may be asked for.
    pub remedy: Remedy,
    /// The rule that gives it.
    pub rule: &'static str,
    /// Last day; `None` when it has none of its own.
    pub until: Option<NaiveDate>,
    /// Who pays.
    pub payer: Payer,
}

/// A day on which an unfinished repair is looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The rule.
    pub rule: &'static str,
    /// Days since it was handed in.
    pub after_days: u32,
    /// The day.
    pub on: NaiveDate,
    /// Whether the day has come.
    pub reached: bool,
}

/// The answer, which explains itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the warranty says.
    pub verdict: Verdict,
    /// The rule that decided.
    pub rule: &'static str,
    /// Version of the rules.
    pub version: String,
    /// Whose terms they are.
    pub regime: String,
    /// What the period counts from, and the day.
    pub start: Option<(StartEvent, NaiveDate)>,
    /// Length of the period in months.
    pub months: u32,
    /// Days added to it.
    pub deductions: Vec<Deduction>,
    /// Last day.
    pub end: Option<NaiveDate>,
    /// Why it is charged; empty when it is not.
    pub charged_reason: &'static str,
    /// Rights on that day.
    pub rights: Vec<Right>,
    /// Whether we must prove that the fault is not ours.
    pub burden_of_proof_ours: bool,
    /// The repair that this repeats.
    pub repeats: Option<String>,
    /// Alarms of an unfinished repair.
    pub alarms: Vec<Alarm>,
}

/// Resolves the warranty of a unit with its repairs.
#[must_use]
pub fn resolve(rules: &Rules, unit: &Unit, repairs: &[Repair], ask: &Question) -> Answer {
    let terms = rules.terms(&unit.category);
    let start = start(rules, unit);
    let months = if terms.main_parts.contains(&ask.part) { terms.main_part_months } else { terms.whole_unit_months };
    let deductions = deductions(repairs, start.map(|(_, day)| day), ask.on);
    let added: u64 = deductions.iter().map(|one| u64::try_from(one.days()).unwrap_or_default()).sum();
    let end = start.and_then(|(_, day)| last_day(day, months)).and_then(|day| day.checked_add_days(Days::new(added)));
    let repeats = repeats(rules, repairs, ask);
    let (verdict, rule, charged_reason) = verdict(terms, end, repeats.is_some(), ask);
    let covered = verdict == Verdict::InWarranty;
    let day = start.map(|(_, day)| day);
    Answer {
        verdict,
        rule,
        version: rules.version.clone(),
        regime: terms.regime.clone(),
        start,
        months,
        end,
        charged_reason,
        rights: if covered { rights(rules, terms, day, repairs, ask) } else { Vec::new() },
        burden_of_proof_ours: day
            .and_then(|day| day.checked_add_months(Months::new(rules.burden_of_proof_months)))
            .is_some_and(|until| ask.on < until),
        repeats,
        alarms: alarms(rules, repairs, ask.on),
        deductions,
    }
}

/// Installation, else purchase, else production.
fn start(rules: &Rules, unit: &Unit) -> Option<(StartEvent, NaiveDate)> {
    unit.installed
        .map(|day| (StartEvent::InstallDate, day))
        .or(unit.purchased.map(|day| (StartEvent::PurchaseDate, day)))
        .or_else(|| produced(rules, &unit.serial).map(|day| (StartEvent::ProductionDate, day)))
}

/// The first day of the month of production, when the serial number holds two digits of the year and two of the month.
fn produced(rules: &Rules, serial: &str) -> Option<NaiveDate> {
    let digits = serial.get(rules.serial_production_at..rules.serial_production_at + 4)?;
    let number: i32 = digits.parse().ok()?;
    NaiveDate::from_ymd_opt(2000 + number / 100, u32::try_from(number % 100).ok()?, 1)
}

/// The last day of a period of months that begins on `day`.
fn last_day(day: NaiveDate, months: u32) -> Option<NaiveDate> {
    day.checked_add_months(Months::new(months))?.pred_opt()
}

/// Days in repair, without counting any day twice. The period is as long as what is left of it after them.
fn deductions(repairs: &[Repair], start: Option<NaiveDate>, on: NaiveDate) -> Vec<Deduction> {
    let Some(start) = start else { return Vec::new() };
    let mut spans: Vec<_> = repairs
        .iter()
        .filter(|repair| repair.in_warranty)
        .map(|repair| Deduction {
            from: repair.from.max(start),
            until: repair.until.unwrap_or(on).min(on),
            request_id: repair.request_id.clone(),
        })
        .collect();
    spans.sort_by_key(|span| (span.from, span.until));
    let mut counted = start;
    for span in &mut spans {
        span.from = span.from.max(counted);
        counted = counted.max(span.until);
    }
    spans.retain(|span| span.from < span.until);
    spans
}

/// The latest repair of the same fault whose own warranty still holds.
fn repeats(rules: &Rules, repairs: &[Repair], ask: &Question) -> Option<String> {
    repairs
        .iter()
        .filter(|repair| !ask.fault.is_empty() && repair.fault == ask.fault)
        .filter_map(|repair| Some((repair.until?, repair)))
        .filter(|(until, _)| *until <= ask.on && (ask.on - *until).num_days() < i64::from(rules.repair_warranty_days))
        .max_by_key(|(until, _)| *until)
        .map(|(_, repair)| repair.request_id.clone())
}

fn verdict(
    terms: &Terms,
    end: Option<NaiveDate>,
    repeats: bool,
    ask: &Question,
) -> (Verdict, &'static str, &'static str) {
    match (ask.exclusion, end) {
        // What the customer broke, or somebody else worked on, is not our repair's fault either.
        (Some(exclusion @ (Exclusion::CustomerDamage | Exclusion::ThirdParty)), _) => {
            (Verdict::Charged, "exclusion", exclusion.as_str())
        }
        _ if repeats => (Verdict::InWarranty, "repair_warranty", ""),
        (Some(Exclusion::MissingProof), _) | (None, None) => {
            (Verdict::Charged, "exclusion", Exclusion::MissingProof.as_str())
        }
        (None, Some(end)) if ask.on <= end => {
            let rule = if terms.main_parts.contains(&ask.part) { "main_part_term" } else { "whole_unit_term" };
            (Verdict::InWarranty, rule, "")
        }
        (None, Some(end)) if (ask.on - end).num_days() <= i64::from(terms.goodwill_days) => {
            (Verdict::Goodwill, "goodwill_term", "expired")
        }
        (None, Some(_)) => (Verdict::Charged, "expired", "expired"),
    }
}

fn rights(rules: &Rules, terms: &Terms, start: Option<NaiveDate>, repairs: &[Repair], ask: &Question) -> Vec<Right> {
    let mut rights = Vec::new();
    let mut give = |remedy, rule, until, payer| rights.push(Right { remedy, rule, until, payer });
    let within = |days: u32| {
        start.and_then(|day| day.checked_add_days(Days::new(u64::from(days)))).filter(|last| ask.on <= *last)
    };
    if let Some(last) = within(terms.return_days) {
        give(Remedy::Return, "return_window", Some(last), Payer::Seller);
    }
    if let Some(last) = within(terms.exchange_days) {
        give(Remedy::Exchange, "exchange_window", Some(last), Payer::Seller);
    }
    // Two repairs of this unit and it still does not work.
    let counted = repairs
        .iter()
        .filter(|repair| repair.in_warranty && repair.until.is_some_and(|until| until <= ask.on))
        .filter(|repair| start.is_none_or(|start| repair.from >= start))
        .count();
    if counted >= rules.failed_repairs {
        give(Remedy::Exchange, "two_failed_repairs", None, Payer::Producer);
        give(Remedy::Return, "two_failed_repairs", None, Payer::Producer);
    }
    for repair in repairs.iter().filter(|repair| repair.in_warranty && repair.until.is_none()) {
        let (days, rule, payer) = match repair.wait {
            Wait::Parts => (rules.no_part_days, "no_part_90_days", Payer::Producer),
            Wait::Repairer => (rules.slow_repair_days, "slow_repair_30_days", Payer::ServicePoint),
        };
        if (ask.on - repair.from).num_days() > i64::from(days) {
            give(Remedy::Exchange, rule, None, payer);
        }
    }
    give(Remedy::Repair, "repair", None, Payer::Producer);
    rights
}

fn alarms(rules: &Rules, repairs: &[Repair], on: NaiveDate) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    for repair in repairs.iter().filter(|repair| repair.in_warranty && repair.until.is_none()) {
        let (days, rule) = match repair.wait {
            Wait::Parts => (&rules.no_part_alarms, "no_part_90_days"),
            Wait::Repairer => (&rules.slow_repair_alarms, "slow_repair_30_days"),
        };
        for &after_days in days {
            if let Some(day) = repair.from.checked_add_days(Days::new(u64::from(after_days))) {
                alarms.push(Alarm { rule, after_days, on: day, reached: day <= on });
            }
        }
    }
    alarms
}

/// Whether a day can be a date of this trade at all.
#[must_use]
pub fn plausible(day: NaiveDate) -> bool {
    (1980..=2200).contains(&day.year())
}

#[cfg(test)]
mod tests;
