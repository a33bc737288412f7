//! Laws of business time, on awkward zones, and the days people know.

use chrono::TimeZone as _;
use proptest::prelude::*;

use super::*;

/// Zones whose clocks jump by an hour, by half an hour, at midnight, and never.
const ZONES: [&str; 6] =
    ["Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo", "UTC"];

fn hours(days: &[Weekday], open: &str, close: &str) -> Hours {
    Hours { days: days.to_vec(), open: open.to_owned(), close: close.to_owned() }
}

const WORKDAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

fn office(time_zone: &str, special_days: SpecialDays) -> Calendar {
    Calendar::try_from(CalendarData {
        version: "test".to_owned(),
        time_zone: time_zone.to_owned(),
        hours: vec![hours(&WORKDAYS, "09:00", "12:00"), hours(&WORKDAYS, "13:30", "18:00")],
        makeup_hours: Vec::new(),
        special_days,
    })
    .unwrap()
}

fn shanghai() -> Calendar {
    office("Asia/Shanghai", SpecialDays::china().unwrap())
}

/// An instant by the wall clock of Shanghai.
fn wall(day: &str, time: &str) -> DateTime<Utc> {
    format!("{day}T{time}:00+08:00").parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn lunch_nights_weekends_and_make_up_days() {
    let calendar = shanghai();
    let hours = Duration::hours;
    // Friday 17:00 + 2 h: an hour on Friday, an hour on Monday.
    assert_eq!(calendar.add(wall("2026-03-06", "17:00"), hours(2)), wall("2026-03-09", "10:00"));
    // Over lunch, and due exactly when the day ends rather than when the next begins.
    assert_eq!(calendar.add(wall("2026-03-06", "11:00"), hours(2)), wall("2026-03-06", "14:30"));
    assert_eq!(calendar.add(wall("2026-03-06", "17:00"), hours(1)), wall("2026-03-06", "18:00"));
    assert_eq!(calendar.next_open(wall("2026-03-06", "18:00")), wall("2026-03-09", "09:00"));
    assert!(calendar.is_open(wall("2026-03-06", "09:00")) && !calendar.is_open(wall("2026-03-06", "18:00")));
    assert!(!calendar.is_open(wall("2026-03-06", "12:30")));
    assert_eq!(calendar.between(wall("2026-03-06", "00:00"), wall("2026-03-09", "10:00")), Duration::minutes(510));
    assert_eq!(calendar.between(wall("2026-03-09", "10:00"), wall("2026-03-06", "00:00")), -Duration::minutes(510));
}

#[test]
fn chinas_year_is_known() {
    let calendar = shanghai();
    let days = SpecialDays::china().unwrap();
    assert_eq!(days.holidays.len() + days.working.len(), 182);
    for (day, open) in [
        ("2022-01-29", true),  // a Saturday worked for Spring Festival
        ("2022-01-31", false), // a Monday off
        ("2022-01-24", true),
        ("2022-01-22", false),
    ] {
        assert_eq!(calendar.is_working_day(date(day)), open, "{day}");
        assert_eq!(calendar.is_open(wall(day, "10:00")), open, "{day}");
    }
    // Seven working days from the Friday before Spring Festival 2022: two make-up days first, then a week off.
    assert_eq!(calendar.add_working_days(date("2022-01-28"), 2), date("2022-01-30"));
    assert_eq!(calendar.add_working_days(date("2022-01-28"), 3), date("2022-02-07"));
    assert_eq!(calendar.add_working_days(date("2022-02-07"), -3), date("2022-01-28"));
    assert_eq!(calendar.add_working_days(date("2022-02-02"), 0), date("2022-02-02"));
    let due = calendar.end_of(date("2022-02-07"));
    assert_eq!(due, wall("2022-02-08", "00:00"));
    assert_eq!(calendar.date_of(due - Duration::seconds(1)), date("2022-02-07"));
}

#[test]
fn calendars_that_make_no_sense_are_refused() {
    let good = CalendarData {
        version: "v".to_owned(),
        time_zone: "Asia/Shanghai".to_owned(),
        hours: vec![hours(&[Weekday::Mon], "09:00", "18:00")],
        makeup_hours: Vec::new(),
        special_days: SpecialDays::default(),
    };
    let refused = |change: &dyn Fn(&mut CalendarData)| {
        let mut data = good.clone();
        change(&mut data);
        Calendar::try_from(data).unwrap_err().fields[0].rule.clone()
    };
    assert!(Calendar::try_from(good.clone()).is_ok());
    assert_eq!(refused(&|data| data.hours.clear()), "calendar.empty");
    assert_eq!(refused(&|data| data.time_zone = "Mars/Olympus".to_owned()), "calendar.unknown_time_zone");
    assert_eq!(refused(&|data| data.hours[0].days.clear()), "calendar.no_days");
    assert_eq!(refused(&|data| data.hours[0].close = "09:00".to_owned()), "calendar.close_not_after_open");
    for text in ["24:01", "9:00", "09:60", "0900", "+1:00"] {
        assert_eq!(refused(&|data| data.hours[0].open = text.to_owned()), "calendar.time_of_day", "{text}");
    }
    assert_eq!(
        refused(&|data| data.hours.push(hours(&[Weekday::Mon], "17:59", "20:00"))),
        "calendar.overlapping_hours"
    );
    let day = date("2026-05-01");
    assert_eq!(
        refused(&|data| data.special_days = SpecialDays { holidays: vec![day], working: vec![day] }),
        "calendar.contradiction"
    );
    assert!(SpecialDays::read("date,kind,name\n2026-13-01,holiday,x").is_err());
    assert!(SpecialDays::read("date,kind,name\n2026-12-01,feast,x").is_err());
}

#[test]
fn a_calendar_is_stored_and_read_back() {
    let calendar = shanghai();
    let text = serde_json::to_string(&calendar).unwrap();
    assert_eq!(serde_json::from_str::<Calendar>(&text).unwrap(), calendar);
    assert_eq!(calendar.version(), "test");
    let empty = r#"{"version":"v","time_zone":"UTC","hours":[]}"#;
    assert!(serde_json::from_str::<Calendar>(empty).is_err());
}

#[test]
fn jumps_of_the_clock() {
    let whole_days = |zone: &str| {
        let mut calendar = Calendar::always(zone).unwrap();
        // Look at the days one by one, as a calendar with closed days does.
        calendar.always = false;
        calendar
    };
    let new_york = whole_days("America/New_York");
    let of = |calendar: &Calendar, day: &str| calendar.end_of(date(day)) - calendar.start_of(date(day));
    assert_eq!(of(&new_york, "2026-03-08"), Duration::hours(23));
    assert_eq!(of(&new_york, "2026-11-01"), Duration::hours(25));
    assert_eq!(of(&whole_days("Australia/Lord_Howe"), "2026-10-04"), Duration::minutes(1410));
    // 02:30 does not exist on that day: the clock opens when it jumps to 03:00.
    let night = Calendar::try_from(CalendarData {
        version: "night".to_owned(),
        time_zone: "America/New_York".to_owned(),
        hours: vec![hours(&[Weekday::Sun], "02:30", "04:00")],
        makeup_hours: Vec::new(),
        special_days: SpecialDays::default(),
    })
    .unwrap();
    let jump = Utc.with_ymd_and_hms(2026, 3, 8, 7, 0, 0).unwrap();
    assert_eq!(night.next_open(jump - Duration::hours(1)), jump);
    assert_eq!(night.add(jump - Duration::hours(1), Duration::minutes(60)), jump + Duration::hours(1));
}

#[test]
fn the_ends_of_time_are_no_panic() {
    let calendar = shanghai();
    let (least, most) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    assert_eq!(calendar.add(wall("2026-01-01", "00:00"), Duration::days(5_000_000)), most);
    assert_eq!(calendar.add(wall("2026-01-01", "00:00"), -Duration::days(5_000_000)), least);
    assert_eq!(calendar.add(most, Duration::hours(1)), most);
    assert_eq!(calendar.next_open(most), most);
    assert_eq!(calendar.between(most, most), Duration::zero());
    assert_eq!(calendar.add_working_days(NaiveDate::MAX, 1), NaiveDate::MAX);
    assert_eq!(Calendar::always("UTC").unwrap().add(most, Duration::hours(1)), most);
}

#[test]
fn years_are_fast() {
    let calendar = shanghai();
    let from = wall("2022-01-01", "00:00");
    let begin = std::time::Instant::now();
    for shift in 0..100 {
        let deadline = calendar.add(from + Duration::hours(shift), Duration::hours(7 * 250));
        assert!(deadline > wall("2022-12-01", "00:00"));
    }
    // A hundred deadlines a year away, in an unoptimised build on a busy machine.
    assert!(begin.elapsed() < std::time::Duration::from_secs(2), "{:?}", begin.elapsed());
}

/// Weekly hours from random minutes: several intervals a day, touching midnight at times.
fn calendars() -> impl Strategy<Value = Calendar> {
    let day = proptest::collection::vec(prop_oneof![Just(0_u16), Just(hours::DAY), 0..=hours::DAY], 0..6);
    (proptest::sample::select(ZONES.to_vec()), proptest::collection::vec(day, 7), 0_u8..7).prop_map(
        |(zone, days, always_open)| {
            let mut lines = Vec::new();
            for (index, mut minutes) in days.into_iter().enumerate() {
                let weekday = Weekday::try_from(index as u8).unwrap();
                minutes.sort_unstable();
                minutes.dedup();
                if index == usize::from(always_open) && minutes.len() < 2 {
                    minutes = vec![0, hours::DAY];
                }
                let text = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
                lines.extend(minutes.chunks_exact(2).map(|pair| hours(&[weekday], &text(pair[0]), &text(pair[1]))));
            }
            let special = SpecialDays {
                holidays: vec![date("2026-03-09"), date("2026-04-24"), date("2026-11-02")],
                working: vec![date("2026-03-07"), date("2026-09-06")],
            };
            Calendar::try_from(CalendarData {
                version: "p".to_owned(),
                time_zone: zone.to_owned(),
                hours: lines,
                makeup_hours: Vec::new(),
                special_days: special,
            })
            .unwrap()
        },
    )
}

/// Instants of 2026, more often near the days on which the zones jump.
fn instants() -> impl Strategy<Value = DateTime<Utc>> {
    let second = |text: &str| text.parse::<DateTime<Utc>>().unwrap().timestamp();
    let jumps = [
        "2026-03-08T07:00:00Z",
        "2026-04-04T15:00:00Z",
        "2026-04-23T22:00:00Z",
        "2026-09-06T04:00:00Z",
        "2026-11-01T06:00:00Z",
    ];
    let near = proptest::sample::select(jumps.map(second).to_vec());
    let year = second("2026-01-01T00:00:00Z")..second("2027-01-01T00:00:00Z");
    prop_oneof![year, (near, -200_000_i64..200_000).prop_map(|(at, off)| at + off)]
        .prop_map(|second| DateTime::from_timestamp(second, 0).unwrap())
}

/// What a day says minute by minute: slow, and obviously right where the clock does not jump.
fn counted(calendar: &Calendar, from: DateTime<Utc>, minutes: i64) -> i64 {
    (0..minutes).filter(|minute| calendar.is_open(from + Duration::minutes(*minute))).count() as i64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn adding_and_measuring_are_inverse(calendar in calendars(), at in instants(), seconds in -2_000_000_i64..2_000_000) {
        let working = Duration::seconds(seconds);
        prop_assert_eq!(calendar.between(at, calendar.add(at, working)), working);
    }

    #[test]
    fn adding_is_additive(calendar in calendars(), at in instants(), a in 0_i64..1_000_000, b in 0_i64..1_000_000) {
        let (a, b) = (Duration::seconds(a), Duration::seconds(b));
        prop_assert_eq!(calendar.add(calendar.add(at, a), b), calendar.add(at, a + b));
        prop_assert_eq!(calendar.add(calendar.add(at, -a), -b), calendar.add(at, -(a + b)));
    }

    #[test]
    fn adding_is_monotone(calendar in calendars(), at in instants(), later in instants(), a in 0_i64..1_000_000, b in 0_i64..1_000_000) {
        let (early, late) = (at.min(later), at.max(later));
        let (less, more) = (Duration::seconds(a.min(b)), Duration::seconds(a.max(b)));
        prop_assert!(calendar.add(early, less) <= calendar.add(late, less));
        prop_assert!(calendar.add(at, less) <= calendar.add(at, more));
        prop_assert!(calendar.add(at, less) >= at + less);
    }

    #[test]
    fn measuring_adds_up(calendar in calendars(), a in instants(), b in instants(), c in instants()) {
        prop_assert_eq!(calendar.between(a, b) + calendar.between(b, c), calendar.between(a, c));
        prop_assert!(calendar.between(a, b).abs() <= (b - a).abs());
    }

    #[test]
    fn opening_is_where_time_runs(calendar in calendars(), at in instants()) {
        let next = calendar.next_open(at);
        prop_assert!(next >= at && calendar.is_open(next));
        prop_assert_eq!(calendar.between(at, next), Duration::zero());
        prop_assert_eq!(calendar.is_open(at), next == at);
        prop_assert_eq!(calendar.between(at, at + Duration::seconds(1)) > Duration::zero(), calendar.is_open(at));
    }

    #[test]
    fn measuring_counts_open_minutes(calendar in calendars(), at in instants(), minutes in 0_i64..3_000) {
        let from = DateTime::from_timestamp(at.timestamp() / 60 * 60, 0).unwrap();
        let to = from + Duration::minutes(minutes);
        prop_assert_eq!(calendar.between(from, to).num_minutes(), counted(&calendar, from, minutes));
    }

    #[test]
    fn working_days_count_both_ways(calendar in calendars(), at in instants(), count in 1_i32..60) {
        let day = calendar.date_of(at);
        let later = calendar.add_working_days(day, count);
        prop_assert!(calendar.is_working_day(later));
        let mut counted = 0;
        let mut each = day;
        while each < later {
            each = each.succ_opt().unwrap();
            counted += i32::from(calendar.is_working_day(each));
        }
        prop_assert_eq!(counted, count);
        if calendar.is_working_day(day) {
            prop_assert_eq!(calendar.add_working_days(later, -count), day);
        }
        prop_assert!(calendar.start_of(day) <= at && at < calendar.end_of(day) || calendar.date_of(at) == day);
    }
}
