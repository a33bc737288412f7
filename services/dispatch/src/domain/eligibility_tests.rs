//! Every rule refuses alone, and says what it is about.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use common::{convert::Money, id::Ids};
use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::domain::{
    service_point::{Address, Contract, RateLine},
    technician::{Absence, Certificate, Shift},
    travel::{Region, Roads},
};

/// Roads a third longer than the great circle, thirty kilometres an hour.
fn travel() -> Travel {
    let region = Region {
        name: "all".to_owned(),
        latitude: None,
        longitude: None,
        radius_km: 0.0,
        road_factor: 1.3,
        utc_hours: 8,
        kmh: vec![(0, 30.0)],
    };
    Travel { buffer_minutes: 30, roads: Arc::new(Roads { region: vec![region] }), known: None }
}

/// Monday 10:00 in Shanghai.
fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_416_800, 0).unwrap()
}

fn at(minutes: i64, length: i64) -> Window {
    let from = start() + Duration::minutes(minutes);
    Window { start: from, end: from + Duration::minutes(length) }
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// A world in which one technician can take one job; tests spoil one thing of it.
#[derive(Clone)]
struct World {
    technician: Technician,
    point: ServicePoint,
    skills: Vec<Skill>,
    certificates: Vec<String>,
    category: String,
    division: String,
    position: Option<Position>,
    language: String,
    windows: Vec<Window>,
    excluded: Vec<String>,
    refused: Vec<String>,
    short: Vec<String>,
    planned: Window,
    visits: Vec<Visit>,
    jobs: i32,
    point_jobs: i32,
}

fn skill(code: &str, level: i32) -> Skill {
    Skill { code: code.to_owned(), level }
}

fn world() -> World {
    let ids = Ids::seeded(1);
    let pause = Minutes { start: 12 * 60, end: 13 * 60 };
    let point = ServicePoint {
        id: ids.make(start()),
        version: 1,
        number: "SP-1".to_owned(),
        created_at: start(),
        updated_at: start(),
        org_unit_id: "ou_1".to_owned(),
        name: "Point".to_owned(),
        contact_name: String::new(),
        contact_phone: String::new(),
        address: Address {
            province: String::new(),
            city: String::new(),
            district: String::new(),
            line: String::new(),
            division_code: String::new(),
            position: None,
        },
        time_zone: "Asia/Shanghai".to_owned(),
        state: service_point::State::Active,
        contract: Some(Contract {
            number: "C-1".to_owned(),
            territories: vec!["3301".to_owned()],
            categories: vec!["lighting".to_owned()],
            capacity_per_day: 5,
            valid_from: day(2026, 1, 1),
            valid_until: day(2026, 3, 2),
            rates: vec![RateLine {
                kind: "repair".to_owned(),
                up_to_km: 0,
                fee: Money { minor_units: 8000, currency: "CNY".to_owned() },
                night_percent: 0,
                holiday_percent: 0,
                parts_percent: 0,
            }],
            documents: Vec::new(),
        }),
        steps: Vec::new(),
    };
    let technician = Technician {
        id: ids.make(start()),
        version: 1,
        number: "T-1".to_owned(),
        created_at: start(),
        updated_at: start(),
        org_unit_id: "ou_1".to_owned(),
        service_point_id: point.id.clone(),
        name: "Li".to_owned(),
        phone: String::new(),
        state: technician::State::Active,
        skills: vec![skill("lighting", 3)],
        certificates: vec![Certificate {
            code: "electrician".to_owned(),
            number: String::new(),
            valid_until: day(2026, 3, 2),
            valid_from: None,
        }],
        home: None,
        shifts: vec![Shift { weekday: 1, time: Minutes { start: 8 * 60, end: 18 * 60 }, breaks: vec![pause] }],
        absences: Vec::new(),
        languages: vec!["zh".to_owned()],
        daily_job_limit: 3,
        time_zone: "Asia/Shanghai".to_owned(),
        photo: None,
        overtime_minutes: 0,
        driving_limit_minutes: 0,
        territories: Vec::new(),
        position_consent: false,
    };
    World {
        technician,
        point,
        skills: vec![skill("lighting", 3)],
        certificates: vec!["electrician".to_owned()],
        category: "lighting.led".to_owned(),
        division: "330106".to_owned(),
        position: Some(Position { latitude: 30.25, longitude: 120.15 }),
        language: "zh-CN".to_owned(),
        windows: vec![at(0, 120)],
        excluded: Vec::new(),
        refused: Vec::new(),
        short: Vec::new(),
        planned: at(0, 90),
        visits: Vec::new(),
        jobs: 0,
        point_jobs: 0,
    }
}

impl World {
    fn job(&self) -> Job<'_> {
        Job {
            skills: &self.skills,
            certificates: &self.certificates,
            category_code: &self.category,
            division_code: &self.division,
            position: self.position,
            language: &self.language,
            windows: &self.windows,
            excluded: &self.excluded,
            preferred: &[],
            refused: &self.refused,
            short_skus: &self.short,
            planned: self.planned,
        }
    }

    fn person(&self) -> Person<'_> {
        // Shanghai has no clock changes: eight hours ahead.
        let local = |at: DateTime<Utc>| (at + Duration::hours(8)).naive_utc();
        Person {
            technician: &self.technician,
            point: &self.point,
            local_start: local(self.planned.start),
            local_end: local(self.planned.end),
            point_day: local(self.planned.start).date(),
            visits: &self.visits,
            jobs_that_day: self.jobs,
            point_jobs_that_day: self.point_jobs,
        }
    }

    fn refused(&self) -> Vec<Rule> {
        refusals(&self.job(), &self.person(), &travel()).into_iter().map(|refusal| refusal.rule).collect()
    }
}

fn visit(minutes: i64, length: i64) -> Visit {
    Visit { number: "WO-7".to_owned(), planned: at(minutes, length), position: None }
}

#[test]
fn the_world_is_in_order() {
    assert_eq!(world().refused(), []);
}

#[rstest]
#[case(Rule::TechnicianInactive, |w: &mut World| w.technician.state = technician::State::Suspended)]
#[case(Rule::SkillMissing, |w: &mut World| w.technician.skills.clear())]
#[case(Rule::LevelTooLow, |w: &mut World| w.technician.skills[0].level = 2)]
#[case(Rule::CertificateMissing, |w: &mut World| w.technician.certificates.clear())]
#[case(Rule::CertificateExpired, |w: &mut World| w.technician.certificates[0].valid_until = day(2026, 3, 1))]
#[case(Rule::Absent, |w: &mut World| w.technician.absences.push(Absence { id: Ids::seeded(9).make(start()), window: at(80, 60), reason: String::new() }))]
#[case(Rule::OutsideShift, |w: &mut World| w.technician.shifts[0].weekday = 2)]
#[case(Rule::OutsideShift, |w: &mut World| w.technician.shifts[0].time.end = 11 * 60)]
#[case(Rule::OutsideShift, |w: &mut World| w.technician.shifts.clear())]
#[case(Rule::BreakOverlap, |w: &mut World| w.technician.shifts[0].breaks[0] = Minutes { start: 11 * 60, end: 12 * 60 })]
#[case(Rule::VisitOverlap, |w: &mut World| w.visits.push(visit(30, 30)))]
#[case(Rule::VisitOverlap, |w: &mut World| w.visits.push(visit(119, 30)))]
#[case(Rule::VisitOverlap, |w: &mut World| w.visits.push(visit(-59, 30)))]
#[case(Rule::DailyLimit, |w: &mut World| w.jobs = 3)]
#[case(Rule::Territory, |w: &mut World| w.division = "310101".to_owned())]
#[case(Rule::CategoryNotServed, |w: &mut World| w.category = "curtain".to_owned())]
#[case(Rule::ServicePointInactive, |w: &mut World| w.point.state = service_point::State::Suspended)]
#[case(Rule::ContractNotValid, |w: &mut World| w.point.contract.as_mut().unwrap().valid_until = day(2026, 3, 1))]
#[case(Rule::ContractNotValid, |w: &mut World| w.point.contract = None)]
#[case(Rule::Capacity, |w: &mut World| w.point_jobs = 5)]
#[case(Rule::Excluded, |w: &mut World| w.excluded.push(w.technician.id.to_string()))]
#[case(Rule::RefusedBefore, |w: &mut World| w.refused.push(w.technician.id.to_string()))]
#[case(Rule::PartsUnavailable, |w: &mut World| w.short.push("DRV-1".to_owned()))]
#[case(Rule::Language, |w: &mut World| w.language = "en".to_owned())]
#[case(Rule::WindowNotAccepted, |w: &mut World| w.windows = vec![at(240, 120)])]
fn each_rule_refuses_alone(#[case] rule: Rule, #[case] spoil: fn(&mut World)) {
    let mut world = world();
    spoil(&mut world);
    assert_eq!(world.refused(), [rule]);
}

#[test]
fn every_rule_that_refuses_is_told_with_its_subject() {
    let mut world = world();
    world.technician.skills = vec![skill("curtain", 5)];
    world.point_jobs = 9;
    world.visits = vec![visit(0, 30)];
    let found = refusals(&world.job(), &world.person(), &travel());
    let told: Vec<_> = found.iter().map(|refusal| (refusal.rule, refusal.subject.as_str())).collect();
    let point = world.point.id.as_str();
    assert_eq!(told, [(Rule::SkillMissing, "lighting"), (Rule::VisitOverlap, "WO-7"), (Rule::Capacity, point)]);
    assert_eq!((found[2].needed.as_str(), found[2].found.as_str()), ("5", "9"));
}

#[rstest]
#[case(120, 30)]
#[case(-60, 30)]
fn a_visit_that_leaves_time_for_the_way_is_no_obstacle(#[case] minutes: i64, #[case] length: i64) {
    let mut world = world();
    world.visits.push(visit(minutes, length));
    assert_eq!(world.refused(), []);
}

#[test]
fn a_long_way_takes_longer_than_the_buffer() {
    let mut world = world();
    // About 44 km apart: 57 km of road, nearly two hours.
    world.visits.push(Visit { position: Some(Position { latitude: 30.65, longitude: 120.15 }), ..visit(160, 30) });
    assert_eq!(world.refused(), [Rule::VisitOverlap]);
    world.visits[0].planned = at(90 + 120, 30);
    assert_eq!(world.refused(), []);
}

#[test]
fn what_nobody_wrote_down_refuses_nobody() {
    let mut world = world();
    world.technician.languages.clear();
    (world.division, world.category) = (String::new(), String::new());
    world.windows.clear();
    (world.technician.daily_job_limit, world.jobs) = (0, 99);
    world.point.contract.as_mut().unwrap().capacity_per_day = 0;
    world.point_jobs = 99;
    assert_eq!(world.refused(), []);
}

#[test]
fn a_visit_until_midnight_fits_a_shift_until_midnight_and_none_passes_it() {
    let mut world = world();
    world.technician.shifts[0] =
        Shift { weekday: 1, time: Minutes { start: 20 * 60, end: 24 * 60 }, breaks: Vec::new() };
    world.windows.clear();
    world.planned = at(12 * 60 + 30, 90);
    assert_eq!(world.refused(), []);
    // One minute later it ends on the next day, on which the papers have run out as well.
    world.planned = at(12 * 60 + 31, 90);
    assert!(world.refused().contains(&Rule::OutsideShift));
}

#[test]
fn the_over_qualified_rank_lower_and_rare_skills_are_spared() {
    let world = world();
    let holders = BTreeMap::from([("lighting", 40), ("gas_appliance", 1), ("curtain", 40)]);
    let score = |skills: &[Skill]| {
        let mut world = world.clone();
        world.technician.skills = skills.to_vec();
        suitability(&world.job(), &world.person(), &holders)
    };
    let fitting = score(&[skill("lighting", 3)]);
    let master = score(&[skill("lighting", 5)]);
    let common = score(&[skill("lighting", 3), skill("curtain", 2)]);
    let rare = score(&[skill("lighting", 3), skill("gas_appliance", 2)]);
    assert!(fitting.score < master.score && common.score < rare.score);
    assert_eq!((fitting.over_qualification, master.over_qualification), (0, 2));
}

proptest! {
    /// Overlap does not depend on which of two visits is planned first, and a longer visit never frees anybody.
    #[test]
    fn overlap_is_symmetric_and_monotone(a in -600_i64..600, b in -600_i64..600, x in 1_i64..240, y in 1_i64..240, more in 0_i64..240) {
        let clash = |first: Window, second: Window| {
            let mut world = world();
            world.planned = first;
            world.visits.push(Visit { number: String::new(), planned: second, position: None });
            world.refused().contains(&Rule::VisitOverlap)
        };
        prop_assert_eq!(clash(at(a, x), at(b, y)), clash(at(b, y), at(a, x)));
        prop_assert!(!clash(at(a, x), at(b, y)) || clash(at(a, x + more), at(b, y)));
    }

    /// A hard rule is never hidden by another one: spoiling one more thing never removes a refusal.
    #[test]
    fn refusals_only_grow(level in 1_i32..=5, jobs in 0_i32..6, point_jobs in 0_i32..9) {
        let mut few = world();
        few.technician.skills[0].level = level;
        few.jobs = jobs;
        let mut many = few.clone();
        many.point_jobs = point_jobs;
        many.technician.state = technician::State::Left;
        let (few, many) = (few.refused(), many.refused());
        prop_assert!(few.iter().all(|rule| many.contains(rule)));
        prop_assert!(many.contains(&Rule::TechnicianInactive));
    }
}
