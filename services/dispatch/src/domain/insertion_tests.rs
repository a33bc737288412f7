//! The scan against a day that can be drawn on paper, and against brute force.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::travel::{Region, Roads};

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_409_600 + minute * 60, 0).unwrap()
}

fn window(from: i64, until: i64) -> Window {
    Window { start: at(from), end: at(until) }
}

fn travel(buffer_minutes: i64) -> Travel {
    let region = Region {
        name: "all".to_owned(),
        latitude: None,
        longitude: None,
        radius_km: 0.0,
        road_factor: 1.0,
        utc_hours: 0,
        kmh: vec![(0, 60.0)],
    };
    Travel { buffer_minutes, roads: Arc::new(Roads { region: vec![region] }), known: None }
}

/// Kilometres north; at 60 km an hour a kilometre is a minute.
fn km(north: f64) -> Option<Position> {
    Some(Position { latitude: north / 111.195, longitude: 0.0 })
}

fn busy(from: i64, until: i64, place: f64) -> Busy {
    Busy { planned: window(from, until), position: km(place), number: format!("{from}") }
}

/// From 0 to 600 minutes with a break from 240 to 270.
fn day() -> WorkDay {
    WorkDay { date: at(0).date_naive(), spans: vec![Span { work: window(0, 600), breaks: vec![window(240, 270)] }] }
}

fn scan(visits: &[Busy], absent: &[Window], place: f64, minutes: i64, windows: &[Window]) -> Vec<Opening> {
    let ask = Ask { position: km(place), duration: Duration::minutes(minutes), windows, not_before: at(0) };
    let visits: Vec<&Busy> = visits.iter().collect();
    openings(&day(), &visits, absent, km(0.0), &ask, &travel(0))
}

#[test]
fn the_first_visit_waits_for_the_way_from_home() {
    let found = scan(&[], &[], 30.1, 60, &[window(0, 120)]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].planned.start, at(35), "thirty minutes and a moment, told as whole five minutes");
}

#[test]
fn a_visit_fits_between_two_others_only_with_the_ways() {
    let visits = [busy(60, 120, 10.0), busy(200, 230, 10.0)];
    // Forty minutes of work, ten minutes away: 120 + 11, told as 135, + 40 + 11 is before 200; sixty-one are not.
    assert_eq!(scan(&visits, &[], 21.0, 40, &[window(120, 180)]).len(), 1);
    assert_eq!(scan(&visits, &[], 21.0, 61, &[window(120, 180)]).len(), 0);
}

#[test]
fn breaks_and_absences_push_it_behind_them() {
    let found = scan(&[], &[window(270, 300)], 0.0, 60, &[window(200, 320)]);
    assert_eq!(found[0].planned.start, at(300));
    assert!(scan(&[], &[window(270, 400)], 0.0, 60, &[window(200, 320)]).is_empty());
}

#[test]
fn every_window_has_its_best_place_and_the_detour_counts() {
    let visits = [busy(60, 120, 50.0), busy(300, 360, 0.0)];
    let found = scan(&visits, &[], 50.0, 30, &[window(100, 200), window(360, 500)]);
    assert_eq!(found.iter().map(|opening| opening.window).collect::<Vec<_>>(), [0, 1]);
    assert!(found[0].extra_seconds < found[1].extra_seconds, "{found:?}");
}

proptest! {
    /// Whatever is offered is free: inside the shift and the window, off breaks, absences, visits and ways.
    #[test]
    fn what_is_offered_is_free(
        starts in proptest::collection::vec((0_i64..10, 10_i64..50, 0.0..20.0_f64), 0..6),
        absent in (0_i64..600, 0_i64..100),
        place in 0.0..20.0_f64,
        minutes in 5_i64..120,
        buffer in 0_i64..40,
    ) {
        let mut visits: Vec<Busy> = Vec::new();
        for (slot, length, place) in starts {
            let new = busy(slot * 60, slot * 60 + length, place);
            if !visits.iter().any(|visit| visit.planned.overlaps(&new.planned)) {
                visits.push(new);
            }
        }
        visits.sort_by_key(|visit| visit.planned.start);
        let absent = [window(absent.0, absent.0 + absent.1 + 1)];
        let windows: Vec<Window> = (0..5).map(|index| window(index * 120, index * 120 + 120)).collect();
        let ask = Ask { position: km(place), duration: Duration::minutes(minutes), windows: &windows, not_before: at(15) };
        let travel = travel(buffer);
        let refs: Vec<&Busy> = visits.iter().collect();
        for opening in openings(&day(), &refs, &absent, km(0.0), &ask, &travel) {
            let work = opening.planned;
            prop_assert!(work.start >= at(15) && work.start >= windows[opening.window].start);
            prop_assert!(work.start < windows[opening.window].end && work.end <= at(600));
            prop_assert_eq!(work.end - work.start, Duration::minutes(minutes));
            prop_assert!(!work.overlaps(&window(240, 270)) && !work.overlaps(&absent[0]));
            for visit in &visits {
                let before = visit.planned.end + travel.between(visit.position, km(place), visit.planned.end);
                let after = work.end + travel.between(km(place), visit.position, work.end);
                prop_assert!(before <= work.start || after <= visit.planned.start, "{visit:?} {work:?}");
            }
        }
    }
}
