//! Every edge of a technician's states, and the checks of a file.

use chrono::{DateTime, Duration};
use common::{error::reason, id::Ids};
use rstest::rstest;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_416_800, 0).unwrap()
}

fn shift(weekday: u32, start: u32, end: u32, breaks: &[(u32, u32)]) -> Shift {
    Shift {
        weekday,
        time: Minutes { start: start * 60, end: end * 60 },
        breaks: breaks.iter().map(|(start, end)| Minutes { start: start * 60, end: end * 60 }).collect(),
    }
}

pub(crate) fn technician(state: State) -> Technician {
    let ids = Ids::seeded(3);
    Technician {
        id: ids.make(now()),
        version: 1,
        number: "T-2026-000001".to_owned(),
        created_at: now(),
        updated_at: now(),
        org_unit_id: "ou_1".to_owned(),
        service_point_id: ids.make(now()),
        name: "Li Wei".to_owned(),
        phone: String::new(),
        state,
        skills: vec![Skill { code: "lighting".to_owned(), level: 3 }],
        certificates: vec![Certificate {
            code: "electrician".to_owned(),
            number: "E-1".to_owned(),
            valid_until: NaiveDate::from_ymd_opt(2026, 3, 31).unwrap(),
            valid_from: None,
        }],
        home: None,
        shifts: (1..=5).map(|day| shift(day, 8, 18, &[(12, 13)])).collect(),
        absences: Vec::new(),
        languages: vec!["zh-CN".to_owned()],
        daily_job_limit: 3,
        time_zone: "Asia/Shanghai".to_owned(),
        photo: None,
        overtime_minutes: 0,
        driving_limit_minutes: 0,
        territories: Vec::new(),
        position_consent: false,
    }
}

fn absence(from: i64, hours: i64) -> Absence {
    let start = now() + Duration::hours(from);
    Absence {
        id: Ids::seeded(u64::try_from(from + 10_000).unwrap()).make(now()),
        window: Window { start, end: start + Duration::hours(hours) },
        reason: "sick".to_owned(),
    }
}

#[test]
fn only_the_edges_of_the_table_are_taken() {
    let there = absence(0, 8);
    for state in State::ALL {
        for (action, to) in [
            ("update", Some(state)),
            ("add_absence", Some(state)),
            ("remove_absence", Some(state)),
            ("suspend", (state == State::Active).then_some(State::Suspended)),
            ("activate", (state == State::Suspended).then_some(State::Active)),
            ("dismiss", Some(State::Left)),
        ] {
            let mut person = technician(state);
            person.absences.push(there.clone());
            let result = match action {
                "update" => person.update(Patch::default(), now()),
                "add_absence" => person.add_absence(absence(1, 1), now()),
                "remove_absence" => person.remove_absence(&there.id, now()),
                "suspend" => person.suspend(String::new(), now()),
                "activate" => person.activate(String::new(), now()),
                _ => person.dismiss(String::new(), now()),
            };
            match (result, to.filter(|_| state != State::Left)) {
                (Ok(changed), Some(to)) => assert_eq!((changed.record.state, changed.action), (to, action)),
                (Err(error), None) => {
                    assert_eq!(error.reason, reason::ILLEGAL_TRANSITION);
                    assert_eq!(error.facts["allowed"], state.allowed().join(", "));
                }
                (result, to) => panic!("{state:?} {action}: {result:?} instead of {to:?}"),
            }
        }
    }
}

#[rstest]
#[case("name", |t: &mut Technician| t.name.clear())]
#[case("skills[1].code", |t: &mut Technician| t.skills.push(Skill { code: "lighting".to_owned(), level: 1 }))]
#[case("certificates[1].code", |t: &mut Technician| t.certificates.push(t.certificates[0].clone()))]
#[case("shifts[0].end", |t: &mut Technician| t.shifts[0] = shift(1, 18, 8, &[]))]
#[case("shifts[0].breaks", |t: &mut Technician| t.shifts[0] = shift(1, 8, 12, &[(11, 13)]))]
#[case("shifts[5]", |t: &mut Technician| t.shifts.push(shift(5, 17, 20, &[])))]
fn a_file_that_contradicts_itself_is_refused(#[case] field: &str, #[case] spoil: fn(&mut Technician)) {
    let mut person = technician(State::Active);
    spoil(&mut person);
    assert_eq!(person.checked().unwrap_err().fields[0].field, field);
}

#[test]
fn absences_long_past_are_dropped_and_unknown_ones_not_found() {
    let mut person = technician(State::Active);
    person.absences = vec![absence(-24 * 100, 8), absence(-24 * 10, 8)];
    let person = person.add_absence(absence(5, 8), now()).unwrap().record;
    assert_eq!(person.absences.len(), 2);
    assert_eq!(person.remove_absence(&absence(99, 1).id, now()).unwrap_err().reason, reason::NOT_FOUND);
}
