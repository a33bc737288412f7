//! The warranty rules, one by one.

use super::*;

fn rules() -> Rules {
    toml::from_str(crate::WARRANTY_RULES).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn unit(installed: &str) -> Unit {
    Unit { category: "fridge".to_owned(), installed: Some(day(installed)), ..Unit::default() }
}

fn ask(on: &str) -> Question {
    Question { on: day(on), fault: "no_cooling".to_owned(), part: String::new(), exclusion: None }
}

fn repair(from: &str, until: Option<&str>) -> Repair {
    Repair {
        request_id: format!("sr-{from}"),
        fault: "noise".to_owned(),
        from: day(from),
        until: until.map(day),
        wait: Wait::Parts,
        in_warranty: true,
    }
}

fn remedies(answer: &Answer) -> Vec<(Remedy, &'static str, Payer)> {
    answer.rights.iter().map(|right| (right.remedy, right.rule, right.payer)).collect()
}

#[test]
fn the_embedded_rules_are_no_worse_than_the_law() {
    assert_eq!(rules().fault(), None);
    let mut worse = rules();
    worse.category[0].terms.whole_unit_months = 6;
    assert!(worse.fault().is_some());
}

#[test]
fn twelve_months_from_the_installation_to_the_day() {
    let unit = unit("2025-03-01");
    let inside = resolve(&rules(), &unit, &[], &ask("2026-02-28"));
    assert_eq!(
        (inside.verdict, inside.rule, inside.end),
        (Verdict::InWarranty, "whole_unit_term", Some(day("2026-02-28")))
    );
    assert_eq!(inside.start, Some((StartEvent::InstallDate, day("2025-03-01"))));
    let after = resolve(&rules(), &unit, &[], &ask("2026-03-01"));
    assert_eq!((after.verdict, after.charged_reason), (Verdict::Goodwill, "expired"));
    let long_after = resolve(&rules(), &unit, &[], &ask("2026-03-31"));
    assert_eq!((long_after.verdict, long_after.rule), (Verdict::Charged, "expired"));
}

#[test]
fn main_parts_last_three_years() {
    let question = Question { part: "compressor".to_owned(), ..ask("2027-06-01") };
    let answer = resolve(&rules(), &unit("2025-03-01"), &[], &question);
    assert_eq!((answer.verdict, answer.rule, answer.months), (Verdict::InWarranty, "main_part_term", 36));
    let other = Question { part: "door".to_owned(), ..question };
    assert_eq!(resolve(&rules(), &unit("2025-03-01"), &[], &other).verdict, Verdict::Charged);
}

#[test]
fn purchase_then_production_stand_in_for_the_installation() {
    let bought = Unit {
        purchased: Some(day("2025-05-01")),
        serial: "LX2401A77".to_owned(),
        category: "fridge".to_owned(),
        installed: None,
    };
    assert_eq!(
        resolve(&rules(), &bought, &[], &ask("2025-06-01")).start,
        Some((StartEvent::PurchaseDate, day("2025-05-01")))
    );
    let made = Unit { purchased: None, ..bought };
    assert_eq!(
        resolve(&rules(), &made, &[], &ask("2024-06-01")).start,
        Some((StartEvent::ProductionDate, day("2024-01-01")))
    );
    let unknown = Unit { serial: "??".to_owned(), ..made };
    let answer = resolve(&rules(), &unknown, &[], &ask("2024-06-01"));
    assert_eq!((answer.verdict, answer.charged_reason, answer.end), (Verdict::Charged, "missing_proof", None));
}

#[test]
fn exclusions_are_charged_with_their_reason() {
    for exclusion in Exclusion::ALL {
        let question = Question { exclusion: Some(*exclusion), ..ask("2025-06-01") };
        let answer = resolve(&rules(), &unit("2025-03-01"), &[], &question);
        assert_eq!((answer.verdict, answer.charged_reason), (Verdict::Charged, exclusion.as_str()));
        assert!(answer.rights.is_empty());
    }
}

#[test]
fn days_in_repair_lengthen_the_period_and_overlaps_count_once() {
    let repairs = [
        repair("2025-06-01", Some("2025-06-11")),
        repair("2025-06-06", Some("2025-06-16")),
        repair("2025-01-01", Some("2025-03-02")),
    ];
    let answer = resolve(&rules(), &unit("2025-03-01"), &repairs, &ask("2026-03-10"));
    assert_eq!(answer.deductions.iter().map(Deduction::days).sum::<i64>(), 16);
    assert_eq!(answer.end, Some(day("2026-03-16")));
    assert_eq!(answer.verdict, Verdict::InWarranty);
    let charged = repairs.map(|one| Repair { in_warranty: false, ..one });
    assert_eq!(resolve(&rules(), &unit("2025-03-01"), &charged, &ask("2026-03-10")).end, Some(day("2026-02-28")));
}

#[test]
fn return_and_exchange_windows() {
    let rights = |on| {
        remedies(&resolve(&rules(), &unit("2025-03-01"), &[], &ask(on)))
            .into_iter()
            .map(|(remedy, rule, _)| (remedy, rule))
            .collect::<Vec<_>>()
    };
    let both = [(Remedy::Return, "return_window"), (Remedy::Exchange, "exchange_window"), (Remedy::Repair, "repair")];
    assert_eq!(rights("2025-03-08"), both);
    assert_eq!(rights("2025-03-09"), both[1..]);
    assert_eq!(rights("2025-03-16"), both[1..]);
    assert_eq!(rights("2025-03-17"), both[2..]);
}

#[test]
fn two_failed_repairs_give_the_right_to_exchange() {
    let one = vec![repair("2025-04-01", Some("2025-04-03"))];
    let answer = resolve(&rules(), &unit("2025-03-01"), &one, &ask("2025-08-01"));
    assert!(!remedies(&answer).iter().any(|(remedy, _, _)| *remedy == Remedy::Exchange));
    let two = [one, vec![repair("2025-05-01", Some("2025-05-03"))]].concat();
    let answer = resolve(&rules(), &unit("2025-03-01"), &two, &ask("2025-08-01"));
    assert!(remedies(&answer).contains(&(Remedy::Exchange, "two_failed_repairs", Payer::Producer)));
}

#[test]
fn an_exchanged_unit_starts_anew() {
    // The replacement has dates of its own and none of the old unit's repairs.
    let answer = resolve(&rules(), &unit("2026-01-10"), &[], &ask("2026-12-31"));
    assert_eq!((answer.verdict, answer.end), (Verdict::InWarranty, Some(day("2027-01-09"))));
}

#[test]
fn no_part_for_ninety_days_or_a_slow_repairer_exchange_with_the_payer_named() {
    let waiting = [repair("2025-04-01", None)];
    let at = |on: &str, repairs: &[Repair]| resolve(&rules(), &unit("2025-03-01"), repairs, &ask(on));
    assert!(!remedies(&at("2025-06-30", &waiting)).iter().any(|(_, rule, _)| *rule == "no_part_90_days"));
    assert!(remedies(&at("2025-07-01", &waiting)).contains(&(Remedy::Exchange, "no_part_90_days", Payer::Producer)));
    let alarms: Vec<_> =
        at("2025-06-15", &waiting).alarms.iter().map(|alarm| (alarm.after_days, alarm.reached)).collect();
    assert_eq!(alarms, [(60, true), (75, true), (90, false)]);
    let slow = waiting.map(|one| Repair { wait: Wait::Repairer, ..one });
    assert!(remedies(&at("2025-05-02", &slow)).contains(&(
        Remedy::Exchange,
        "slow_repair_30_days",
        Payer::ServicePoint
    )));
    assert!(!remedies(&at("2025-05-01", &slow)).iter().any(|(_, rule, _)| *rule == "slow_repair_30_days"));
}

#[test]
fn the_burden_of_proof_is_ours_for_six_months() {
    assert!(resolve(&rules(), &unit("2025-03-01"), &[], &ask("2025-08-31")).burden_of_proof_ours);
    assert!(!resolve(&rules(), &unit("2025-03-01"), &[], &ask("2025-09-01")).burden_of_proof_ours);
}

#[test]
fn the_same_fault_within_ninety_days_of_a_repair_is_free_even_after_the_period() {
    let charged =
        Repair { fault: "no_cooling".to_owned(), in_warranty: false, ..repair("2027-01-01", Some("2027-01-02")) };
    let answer = |on: &str, fault: &str| {
        resolve(
            &rules(),
            &unit("2025-03-01"),
            std::slice::from_ref(&charged),
            &Question { fault: fault.to_owned(), ..ask(on) },
        )
    };
    let free = answer("2027-04-01", "no_cooling");
    assert_eq!(
        (free.verdict, free.rule, free.repeats.as_deref()),
        (Verdict::InWarranty, "repair_warranty", Some("sr-2027-01-01"))
    );
    assert_eq!(answer("2027-04-02", "no_cooling").repeats, None);
    assert_eq!(answer("2027-02-01", "noise").verdict, Verdict::Charged);
    let damaged = Question { exclusion: Some(Exclusion::CustomerDamage), ..ask("2027-02-01") };
    assert_eq!(
        resolve(&rules(), &unit("2025-03-01"), std::slice::from_ref(&charged), &damaged).verdict,
        Verdict::Charged
    );
}

#[test]
fn the_brand_may_only_be_better() {
    let lamp = Unit { category: "lighting.ceiling".to_owned(), ..unit("2025-03-01") };
    let answer = resolve(&rules(), &lamp, &[], &ask("2026-12-01"));
    assert_eq!((answer.verdict, answer.regime.as_str(), answer.months), (Verdict::InWarranty, "brand", 24));
}
