//! Generated days of a city as a dispatcher knows them.

use planner::{
    model::{Break, Job, Lock, Need, Pickup, Problem, Shift, Skill, Technician, Weights, Window},
    random::Random,
    travel::{Geodesic, Region},
};

const HOUR: i32 = 3600;
const DAY: i32 = 86_400;

fn city(random: &mut Random, travel: &mut Geodesic, centres: &[(f64, f64)]) -> u32 {
    let (lat, lon) = centres[random.below(u32::try_from(centres.len()).unwrap_or(1)) as usize];
    // Two draws make the middle denser than the rim.
    let spread = |random: &mut Random| (random.unit() + random.unit() - 1.0) * 0.13;
    travel.add(lat + spread(random), lon + spread(random), 0)
}

/// A horizon of `days` days: skills with levels and certificates, shifts with lunch, windows, due times, crews, parts, pinned visits.
pub fn horizon(seed: u64, jobs: usize, technicians: usize, days: i32) -> (Problem, Geodesic) {
    let mut random = Random::new(seed);
    let mut travel = Geodesic::new(&[Region::default()], 0);
    let centres: &[(f64, f64)] =
        &[(31.23, 121.47), (30.27, 120.16), (31.30, 120.60), (32.06, 118.80)][..(technicians / 60).clamp(1, 4)];
    let depots: Vec<u32> = centres.iter().map(|(lat, lon)| travel.add(*lat, *lon, 0)).collect();
    let mut problem = Problem { weights: Weights::default(), ..Problem::default() };
    let mut cities = Vec::new();
    for who in 0..technicians {
        let city_of = who % centres.len();
        cities.push(city_of);
        let home = city(&mut random, &mut travel, &centres[city_of..=city_of]);
        let mut skills = Vec::new();
        for skill in 0..8 {
            if random.below(100) < 55 {
                let certificate = (random.below(100) < 80).then(|| (-100, days - i32::from(random.below(100) < 5)));
                skills.push(Skill { skill, level: 1 + (random.below(5) as u8), certificate });
            }
        }
        let paces = (0..6).map(|kind| (kind, 850 + random.below(300))).filter(|_| who % 3 == 0).collect();
        problem.technicians.push(Technician { skills, territories: vec![city_of as u16], paces });
        for day in 0..days {
            if random.below(100) < 4 {
                continue;
            }
            let start = day * DAY + 8 * HOUR + (random.below(3) as i32) * HOUR / 2;
            let mut shift = Shift::new(who as u32, day, start, start + 9 * HOUR, home);
            shift.overtime_seconds = HOUR;
            shift.max_jobs = Some(14);
            shift.drive_seconds = Some(5 * HOUR);
            shift.breaks = vec![Break {
                window: Window { from: day * DAY + 11 * HOUR + HOUR / 2, until: day * DAY + 13 * HOUR },
                seconds: 45 * 60,
            }];
            problem.shifts.push(shift);
        }
    }
    for _ in 0..jobs {
        let city_of = random.below(u32::try_from(centres.len()).unwrap_or(1)) as usize;
        let place = city(&mut random, &mut travel, &centres[city_of..=city_of]);
        let mut job = Job::new(place, (10 + random.below(5) as i32 * 5) * 60);
        job.kind = random.below(6) as u16;
        job.territory = Some(city_of as u16);
        job.priority = [0, 1, 1, 1, 1, 2, 2, 3][random.below(8) as usize];
        let day = random.below(days as u32) as i32;
        if random.below(100) < 60 {
            let from = day * DAY + (8 + random.below(4) as i32 * 2) * HOUR;
            job.windows.push(Window { from, until: from + 2 * HOUR });
            if days > 1 && random.below(3) == 0 {
                let other = (day + 1) % days * DAY + 9 * HOUR;
                job.windows.push(Window { from: other, until: other + 3 * HOUR });
            }
        } else {
            job.due = Some(day * DAY + 20 * HOUR);
        }
        for _ in 0..random.below(3) {
            let skill = random.below(8) as u16;
            if job.needs.iter().all(|need| need.skill != skill) {
                job.needs.push(Need { skill, level: 1 + random.below(2) as u8, certificate: random.below(100) < 20 });
            }
        }
        if random.below(100) < 3 {
            job.crew = 2;
        }
        if random.below(100) < 5 {
            job.pickup =
                Some(Pickup { place: depots[city_of], seconds: 600, windows: Vec::new(), on_van_of: Vec::new() });
        }
        problem.jobs.push(job);
    }
    pin_some(&mut problem, &mut random, technicians / 5);
    (problem, travel)
}

/// The first visit of some shifts is pinned where somebody may do it.
fn pin_some(problem: &mut Problem, random: &mut Random, count: usize) {
    let mut used = std::collections::BTreeSet::new();
    for _ in 0..count {
        let shift = random.below(u32::try_from(problem.shifts.len()).unwrap_or(1));
        let job = random.below(u32::try_from(problem.jobs.len()).unwrap_or(1)) as usize;
        let day = &problem.shifts[shift as usize];
        let strange =
            problem.jobs[job].territory != problem.technicians[day.technician as usize].territories.first().copied();
        if strange || problem.jobs[job].crew > 1 || problem.jobs[job].is_pinned() || !used.insert(shift) {
            continue;
        }
        let start = day.start + HOUR * 3 / 2;
        problem.jobs[job].pickup = None;
        problem.jobs[job].lock = Lock::Pinned { shifts: vec![shift], start };
    }
}
