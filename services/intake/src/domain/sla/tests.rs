//! Deadlines out of the log: replay, commuting pauses, reopening, levels, and the policies themselves.

use common::calendar::{CalendarData, SpecialDays};
use proptest::prelude::*;

use super::*;

pub(crate) fn policies() -> Policies {
    toml::from_str(crate::SLA_POLICIES).unwrap()
}

pub(crate) fn hours() -> Hours {
    let week = |open: &str, close: &str| common::calendar::Hours {
        days: vec![
            chrono::Weekday::Mon,
            chrono::Weekday::Tue,
            chrono::Weekday::Wed,
            chrono::Weekday::Thu,
            chrono::Weekday::Fri,
        ],
        open: open.to_owned(),
        close: close.to_owned(),
    };
    let usual = Calendar::try_from(CalendarData {
        version: "test".to_owned(),
        time_zone: "Asia/Shanghai".to_owned(),
        hours: vec![week("09:00", "12:00"), week("13:00", "18:00")],
        makeup_hours: vec![],
        special_days: SpecialDays::china().unwrap(),
    })
    .unwrap();
    Hours { units: Default::default(), usual, always: Calendar::always("Asia/Shanghai").unwrap() }
}

fn facts(kind: Kind, urgency: Urgency) -> Facts {
    Facts {
        kind,
        urgency,
        tier: Tier::C,
        contract: String::new(),
        category: "fridge".to_owned(),
        org_unit: "east".to_owned(),
    }
}

/// Monday 2 March 2026, 10:00 in Shanghai, and minutes after it.
fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_416_800, 0).unwrap() + Duration::minutes(minutes)
}

fn entry(minutes: i64, fact: Fact) -> Entry {
    Entry { at: at(minutes), fact }
}

fn asked(urgency: Urgency) -> Vec<Entry> {
    vec![entry(0, Fact::Requested(facts(Kind::Repair, urgency)))]
}

fn one(log: &[Entry], target: Target, now: i64) -> Deadline {
    deadlines(log, &policies(), &hours(), at(now)).into_iter().find(|one| one.target == target).unwrap()
}

#[test]
fn the_embedded_policies_are_whole() {
    assert_eq!(policies().fault(), None);
    let mut broken = policies();
    broken.shares.pop();
    assert!(broken.fault().is_some());
}

#[test]
fn the_most_specific_policy_wins() {
    let target = |kind, urgency, tier, target| {
        let facts = Facts { tier, ..facts(kind, urgency) };
        policies().target(&facts, target).map(|(allowed, id)| (allowed.num_minutes(), id.to_owned()))
    };
    let id = |minutes: i64, id: &str| Some((minutes, id.to_owned()));
    assert_eq!(target(Kind::Repair, Urgency::Normal, Tier::C, Target::Resolution), id(48 * 60, "repair"));
    assert_eq!(target(Kind::Cleaning, Urgency::Normal, Tier::C, Target::Resolution), id(72 * 60, "general"));
    assert_eq!(target(Kind::Repair, Urgency::Normal, Tier::A, Target::Response), id(12 * 60, "member"));
    assert_eq!(target(Kind::Repair, Urgency::Urgent, Tier::A, Target::Response), id(4 * 60, "urgent"));
    assert_eq!(target(Kind::Repair, Urgency::Emergency, Tier::A, Target::Callback), id(5, "emergency"));
    assert_eq!(target(Kind::Consultation, Urgency::Normal, Tier::C, Target::OnSite), None);
    assert_eq!(target(Kind::Repair, Urgency::Normal, Tier::C, Target::Contact), id(5, "general"));
}

#[test]
fn clocks_run_on_working_hours_and_day_and_night_in_an_emergency() {
    // 10:00 + 2 h to noon, 13:00 on: 30 minutes are over at 10:30.
    assert_eq!(one(&asked(Urgency::Normal), Target::Callback, 0).due_at, Some(at(30)));
    // 4 h: 2 h before lunch, 2 h after it.
    assert_eq!(one(&asked(Urgency::Urgent), Target::Response, 0).due_at, Some(at(300)));
    assert_eq!(one(&asked(Urgency::Emergency), Target::OnSite, 0).due_at, Some(at(240)));
    let callback = one(&asked(Urgency::Emergency), Target::Callback, 4);
    assert_eq!((callback.warn_at, callback.standing), (Some(at(0) + Duration::seconds(225)), Standing::Running));
    assert_eq!(one(&asked(Urgency::Emergency), Target::Callback, 5).standing, Standing::Breached);
}

#[test]
fn a_wait_for_the_customer_stops_the_clock_and_a_wait_for_us_does_not() {
    let held = [asked(Urgency::Urgent), vec![entry(30, Fact::Held)]].concat();
    let waiting = one(&held, Target::Response, 90);
    assert_eq!((waiting.standing, waiting.due_at, waiting.used), (Standing::Paused, None, Duration::minutes(30)));
    let resumed = [held, vec![entry(90, Fact::Resumed)]].concat();
    assert_eq!(one(&resumed, Target::Response, 90).due_at, Some(at(360)));
    let delayed = [asked(Urgency::Urgent), vec![entry(30, Fact::Delayed), entry(90, Fact::Resumed)]].concat();
    assert_eq!(one(&delayed, Target::Response, 90).due_at, Some(at(300)));
}

#[test]
fn met_missed_and_stopped() {
    let agreed = |minutes| [asked(Urgency::Urgent), vec![entry(minutes, Fact::VisitAgreed)]].concat();
    assert_eq!(one(&agreed(300), Target::Response, 9999).standing, Standing::Met);
    let missed = one(&agreed(301), Target::Response, 9999);
    assert_eq!((missed.standing, missed.due_at, missed.met_at), (Standing::Missed, Some(at(300)), Some(at(301))));
    let ended = [asked(Urgency::Urgent), vec![entry(10, Fact::Ended)]].concat();
    assert_eq!(one(&ended, Target::Response, 9999).standing, Standing::Stopped);
}

#[test]
fn a_reopened_case_goes_on_with_its_old_clock_and_the_solved_time_does_not_count() {
    let log = [asked(Urgency::Emergency), vec![entry(60, Fact::Resolved)]].concat();
    let solved = one(&log, Target::Resolution, 6000);
    assert_eq!((solved.standing, solved.used), (Standing::Met, Duration::minutes(60)));
    let again = [log, vec![entry(6000, Fact::Reopened)]].concat();
    let running = one(&again, Target::Resolution, 6030);
    assert_eq!((running.standing, running.used), (Standing::Running, Duration::minutes(90)));
    assert_eq!(running.due_at, Some(at(6000 + 24 * 60 - 60)));
    // Nothing was agreed before the solution, so the visit is owed again.
    assert_eq!(one(&again, Target::Response, 6030).standing, Standing::Breached);
}

#[test]
fn the_technicians_clock_starts_when_the_job_is_taken_each_time_anew() {
    assert!(
        deadlines(&asked(Urgency::Emergency), &policies(), &hours(), at(10))
            .iter()
            .all(|one| one.target != Target::Contact)
    );
    let taken = [asked(Urgency::Emergency), vec![entry(10, Fact::HandedOver)]].concat();
    assert_eq!(one(&taken, Target::Contact, 10).due_at, Some(at(15)));
    let spoken = [taken, vec![entry(12, Fact::TechnicianContacted)]].concat();
    assert_eq!(one(&spoken, Target::Contact, 90).standing, Standing::Met);
    let other = [spoken, vec![entry(100, Fact::HandedOver)]].concat();
    assert_eq!(one(&other, Target::Contact, 101).due_at, Some(at(105)));
}

#[test]
fn every_level_has_its_own_share() {
    let log = [
        asked(Urgency::Emergency),
        vec![
            entry(60, Fact::With(Level::ServicePoint)),
            entry(100, Fact::With(Level::Technician)),
            entry(400, Fact::Resolved),
        ],
    ]
    .concat();
    let clocks = level_clocks(&log, &policies(), &hours(), at(9000));
    let used: Vec<_> =
        clocks.iter().map(|one| (one.level, one.allowed.num_minutes(), one.used.num_minutes())).collect();
    let day = 24 * 60;
    assert_eq!(
        used,
        [
            (Level::Office, day * 15 / 100, 60),
            (Level::HeadOffice, day * 15 / 100, 0),
            (Level::ServicePoint, day * 40 / 100, 40),
            (Level::Technician, day * 30 / 100, 300),
        ]
    );
    assert_eq!(clocks.iter().map(|one| one.used).sum::<Duration>(), one(&log, Target::Resolution, 9000).used);
}

/// A log of pauses and changes of urgency, in the order of time, no two at one instant.
fn logs() -> impl Strategy<Value = Vec<Entry>> {
    proptest::collection::vec((1_i64..600, 0..7_usize), 0..12).prop_map(|steps| {
        let mut minutes = 0;
        let mut log = asked(Urgency::Normal);
        for (pause, what) in steps {
            minutes += pause;
            log.push(entry(
                minutes,
                match what {
                    0 => Fact::Held,
                    1 => Fact::Resumed,
                    2 => Fact::Retargeted(facts(Kind::Repair, Urgency::Urgent)),
                    3 => Fact::Retargeted(facts(Kind::Repair, Urgency::Emergency)),
                    4 => Fact::Resolved,
                    5 => Fact::Reopened,
                    _ => Fact::VisitAgreed,
                },
            ));
        }
        log
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Replay gives the same answer, in whatever order the entries were written down.
    #[test]
    fn the_order_of_writing_does_not_matter(log in logs(), seed in any::<u64>()) {
        let mut shuffled = log.clone();
        let len = shuffled.len();
        for place in (1..len).rev() {
            shuffled.swap(place, usize::try_from(seed.rotate_left(u32::try_from(place).unwrap()) % (place as u64 + 1)).unwrap());
        }
        prop_assert_eq!(deadlines(&log, &policies(), &hours(), at(8000)), deadlines(&shuffled, &policies(), &hours(), at(8000)));
    }

    /// A pause and a change of urgency give the same answer whichever came first.
    #[test]
    fn pause_and_change_of_urgency_commute(from in 1_i64..2000, length in 1_i64..2000, change in 1_i64..5000, now in 5000_i64..20000) {
        let urgent = Fact::Retargeted(facts(Kind::Repair, Urgency::Urgent));
        let with = |when: i64| {
            let log = [asked(Urgency::Normal), vec![entry(from, Fact::Held), entry(from + length, Fact::Resumed), entry(when, urgent.clone())]].concat();
            deadlines(&log, &policies(), &hours(), at(now))
        };
        prop_assert_eq!(with(change), with(from + length + 1));
        prop_assert_eq!(with(change), with(0));
    }

    /// Waiting never brings a deadline forward, and time used never runs backwards or past the time that passed.
    #[test]
    fn pauses_only_put_off_and_use_only_grows(log in logs(), from in 0_i64..3000, length in 1_i64..3000) {
        let last = log.last().unwrap().at;
        let earlier = deadlines(&log, &policies(), &hours(), last);
        let later = deadlines(&log, &policies(), &hours(), last + Duration::minutes(from + length));
        for (earlier, later) in earlier.iter().zip(&later) {
            prop_assert!(earlier.used <= later.used);
            prop_assert!(later.used <= last + Duration::minutes(from + length) - at(0));
        }
        let plain = one(&asked(Urgency::Normal), Target::Resolution, 0).due_at.unwrap();
        let paused = [asked(Urgency::Normal), vec![entry(from, Fact::Held), entry(from + length, Fact::Resumed)]].concat();
        prop_assert!(one(&paused, Target::Resolution, from + length).due_at.unwrap() >= plain);
    }

    /// A running clock is due exactly when the time allowed is used.
    #[test]
    fn due_is_when_the_time_is_used(log in logs()) {
        let last = log.last().unwrap().at;
        for deadline in deadlines(&log, &policies(), &hours(), last).iter().filter(|one| one.standing == Standing::Running) {
            let due_at = deadline.due_at.unwrap();
            let then = one(&log, deadline.target, (due_at - at(0)).num_minutes());
            prop_assert_eq!(then.standing, Standing::Breached);
            prop_assert!(then.used >= then.allowed);
            prop_assert!(deadline.warn_at.unwrap() <= due_at);
        }
    }
}
