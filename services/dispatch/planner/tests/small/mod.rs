//! Small random problems with every rule in them.

use planner::{
    model::{Break, Job, Lock, Need, Pickup, Present, Problem, Shift, Skill, Technician, Weights, Window},
    random::Random,
    travel::{Geodesic, Region},
};

const HOUR: i32 = 3600;
const DAY: i32 = 86_400;

/// A small problem with every rule in it, now and then with contradictions.
pub fn small(seed: u64) -> (Problem, Geodesic) {
    let mut random = Random::new(seed);
    let mut travel = Geodesic::new(&[Region::default(), Region { road_factor: 1.2, speed: [60.0; 24] }], 0);
    let mut problem = Problem { weights: Weights::default(), ..Problem::default() };
    let places = 3 + random.below(12);
    for _ in 0..places {
        let region = random.below(2) as u16;
        travel.add(31.0 + random.unit() * 0.3, 121.3 + random.unit() * 0.3, region);
    }
    if random.below(4) == 0 {
        problem.weights.outside_territory = None;
    }
    let days = 1 + random.below(3) as i32;
    for who in 0..1 + random.below(5) {
        let skills = (0..3)
            .filter_map(|skill| {
                let level = 1 + random.below(5) as u8;
                let certificate = (random.below(2) == 0).then(|| (0, random.below(3) as i32));
                (random.below(3) > 0).then_some(Skill { skill, level, certificate })
            })
            .collect();
        let territories = if random.below(2) == 0 { vec![random.below(3) as u16] } else { Vec::new() };
        let paces =
            if random.below(2) == 0 { vec![(random.below(2) as u16, 700 + random.below(700))] } else { Vec::new() };
        problem.technicians.push(Technician { skills, territories, paces });
        for day in 0..days {
            shift(&mut random, &mut problem, who, day, places);
        }
    }
    for _ in 0..1 + random.below(22) {
        job(&mut random, &mut problem, places, days);
    }
    (problem, travel)
}

fn shift(random: &mut Random, problem: &mut Problem, who: u32, day: i32, places: u32) {
    let start = day * DAY + (6 + random.below(4) as i32) * HOUR;
    let mut shift = Shift::new(who, day, start, start + (4 + random.below(7) as i32) * HOUR, random.below(places));
    if random.below(3) == 0 {
        shift.to = None;
    }
    shift.overtime_seconds = random.below(3) as i32 * HOUR / 2;
    shift.work_seconds = (random.below(4) == 0).then_some(8 * HOUR);
    shift.max_jobs = (random.below(3) == 0).then(|| 1 + random.below(6));
    shift.drive_seconds = (random.below(3) == 0).then(|| HOUR / 2 + random.below(7200) as i32);
    shift.capacity = (random.below(3) == 0).then(|| random.below(12) as i32);
    shift.closed = random.below(12) == 0;
    shift.cost = i64::from(random.below(5000));
    for pause in 0..random.below(3) as i32 {
        let from = day * DAY + (10 + 3 * pause) * HOUR + random.below(3600) as i32;
        let window = Window { from, until: from + random.below(5400) as i32 };
        shift.breaks.push(Break { window, seconds: (15 + random.below(40) as i32) * 60 });
    }
    problem.shifts.push(shift);
}

fn job(random: &mut Random, problem: &mut Problem, places: u32, days: i32) {
    let mut job = Job::new(random.below(places), (5 + random.below(110) as i32) * 60);
    job.kind = random.below(3) as u16;
    job.priority = random.below(4) as u8;
    job.load = random.below(4) as i32;
    for _ in 0..random.below(4) {
        let from = random.below(days as u32) as i32 * DAY + (6 + random.below(10) as i32) * HOUR;
        job.windows.push(Window { from, until: from + random.below(4 * 3600) as i32 });
    }
    job.release = (random.below(5) == 0).then(|| random.below(days as u32 * 86_400) as i32);
    job.due = (random.below(3) == 0).then(|| random.below(days as u32 * 86_400) as i32);
    if random.below(3) == 0 {
        job.needs.push(Need {
            skill: random.below(3) as u16,
            level: 1 + random.below(4) as u8,
            certificate: random.below(2) == 0,
        });
    }
    job.territory = (random.below(3) == 0).then(|| random.below(3) as u16);
    if random.below(6) == 0 {
        job.crew = 2 + random.below(2) as u8;
    }
    if random.below(5) == 0 {
        let windows = if random.below(3) == 0 { vec![Window { from: 8 * HOUR, until: 12 * HOUR }] } else { Vec::new() };
        let on_van_of = if random.below(2) == 0 { vec![0] } else { Vec::new() };
        job.pickup = Some(Pickup { place: random.below(places), seconds: 300, windows, on_van_of });
    }
    let technicians = u32::try_from(problem.technicians.len()).unwrap_or(1);
    if random.below(6) == 0 {
        job.forbidden.push((random.below(technicians), 7));
    }
    if random.below(5) == 0 {
        job.preferred.push(random.below(technicians));
    }
    let shift = random.below(u32::try_from(problem.shifts.len()).unwrap_or(1));
    let begin = problem.shifts[shift as usize].start + random.below(4 * 3600) as i32;
    if random.below(8) == 0 && job.crew == 1 {
        job.lock = Lock::Pinned { shifts: vec![shift], start: begin };
    } else if random.below(5) == 0 && job.crew == 1 {
        job.present = Some(Present {
            shifts: vec![shift],
            start: begin,
            promised: (random.below(3) > 0).then_some(Window { from: begin - HOUR, until: begin + HOUR }),
            confirmed: random.below(2) == 0,
            consent: random.below(4) == 0,
        });
    }
    problem.jobs.push(job);
}
