//! The shifts as the search sees them.

use std::collections::HashMap;

use crate::{
    model::{Break, Cost, Place, Problem, Seconds, Shift},
    tables::NOWHERE,
};

/// A shift as the search sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Day {
    pub technician: u32,
    pub start: Seconds,
    pub end: Seconds,
    pub latest: Seconds,
    pub from: Place,
    pub to: Place,
    pub breaks: [(Seconds, Seconds, Seconds); 2],
    pub break_count: u8,
    pub max_jobs: u32,
    pub max_drive: Seconds,
    pub capacity: i32,
    pub cost: Cost,
    /// Shifts of one class are interchangeable while they are empty.
    pub class: u32,
}

pub(crate) fn is_rich(shift: &Shift) -> bool {
    shift.to.is_none() || shift.overtime_seconds != 0 || shift.drive_seconds.is_some() || breaks(shift).next().is_some()
}

/// The breaks that can fall into a shift at all.
pub(crate) fn breaks(shift: &Shift) -> impl Iterator<Item = &Break> {
    let latest = shift.latest_end();
    shift
        .breaks
        .iter()
        .filter(move |pause| {
            pause.window.until >= shift.start && pause.window.from.max(shift.start) + pause.seconds <= latest
        })
        .take(2)
}

#[expect(clippy::cast_possible_truncation, reason = "shifts are counted in thousands")]
pub(crate) fn homes(problem: &Problem) -> Vec<(Place, Vec<(u32, u64)>)> {
    let mut homes: Vec<(Place, Vec<(u32, u64)>)> = vec![(0, Vec::new()); problem.technicians.len()];
    for (at, shift) in problem.shifts.iter().enumerate() {
        let (home, bits) = &mut homes[shift.technician as usize];
        let (word, bit) = (at as u32 / 64, 1u64 << (at % 64));
        match bits.last_mut() {
            Some((last, bits)) if *last == word => *bits |= bit,
            Some(_) => bits.push((word, bit)),
            None => {
                *home = shift.from;
                bits.push((word, bit));
            }
        }
    }
    homes
}

#[expect(clippy::cast_possible_truncation, reason = "shifts are counted in thousands")]
pub(crate) fn days(problem: &Problem) -> (Vec<Day>, Vec<Vec<u32>>) {
    let mut classes: Vec<Vec<u32>> = Vec::new();
    let mut known: HashMap<Shift, u32> = HashMap::new();
    let days = problem
        .shifts
        .iter()
        .enumerate()
        .map(|(at, shift)| {
            assert!(
                (shift.technician as usize) < problem.technicians.len(),
                "a shift names a technician that does not exist"
            );
            let latest = shift.latest_end();
            let mut pauses = [(0, 0, 0); 2];
            let mut break_count = 0;
            for pause in breaks(shift) {
                pauses[break_count] = (pause.window.from, pause.window.until, pause.seconds);
                break_count += 1;
            }
            let class = *known.entry(shift.clone()).or_insert_with(|| {
                classes.push(Vec::new());
                classes.len() as u32 - 1
            });
            classes[class as usize].push(at as u32);
            Day {
                technician: shift.technician,
                start: shift.start,
                end: shift.end,
                latest,
                from: shift.from,
                to: shift.to.unwrap_or(NOWHERE),
                breaks: pauses,
                break_count: break_count as u8,
                max_jobs: shift.max_jobs.unwrap_or(u32::MAX),
                max_drive: shift.drive_seconds.unwrap_or(Seconds::MAX),
                capacity: shift.capacity.unwrap_or(i32::MAX),
                cost: shift.cost,
                class,
            }
        })
        .collect();
    (days, classes)
}
