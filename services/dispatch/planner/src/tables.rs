//! The problem as flat arrays: what the search reads millions of times a second.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use crate::{
    days::{Day, days, homes, is_rich},
    model::{Cost, Job, JobIx, Lock, Need, Place, Problem, Seconds, Shift, Window},
    rules,
    travel::{Leg, Travel},
};

/// Before everything.
pub(crate) const EVER: Seconds = i32::MIN / 4;
/// After everything.
pub(crate) const NEVER: Seconds = i32::MAX / 4;
/// No index.
pub(crate) const NONE: u32 = u32::MAX;
/// The end of a shift that ends anywhere.
pub(crate) const NOWHERE: Place = u32::MAX;
/// How many technicians are near.
const NEAREST: usize = 24;

/// How many neighbours of a job the search knows.
const NEIGHBOURS: usize = 120;

/// A job, or a collection of parts, as the search sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub place: Place,
    pub seconds: Seconds,
    /// Begin of the first and end of the last window.
    pub ready: Seconds,
    pub until: Seconds,
    /// Its windows, in `Tables::windows`.
    pub windows: (u32, u32),
    pub load: i32,
    pub kind: u16,
    pub crew: u8,
    pub priority: u8,
    pub pinned: bool,
    /// The soft due time, or `NEVER`.
    pub due: Seconds,
    /// The announced window that may be left at a price, or (`EVER`, `NEVER`).
    pub promise: (Seconds, Seconds),
    /// Index of the pickup, or `NONE`.
    pub pickup: u32,
    /// Whether the present plan has it: moving it then costs.
    pub stands: bool,
}

/// The problem, made flat once and shared by all snapshots.
#[derive(Clone, Debug)]
pub struct Tables<T> {
    pub(crate) problem: Problem,
    pub(crate) travel: T,
    /// Whether anything is in use beyond one window, capacity and a fixed end: otherwise the short form of the search does.
    pub(crate) rich: bool,
    pub(crate) jobs: Vec<Visit>,
    pub(crate) pickups: Vec<Visit>,
    pub(crate) windows: Vec<(Seconds, Seconds)>,
    pub(crate) days: Vec<Day>,
    pub(crate) words: usize,
    /// Job by shift: who may.
    may: Vec<u64>,
    /// Job by shift: who may and lives near, or nothing where everybody does.
    near: Vec<u64>,
    /// Technician: where their first shift begins, and the bits of their shifts.
    homes: Vec<(Place, Vec<(u32, u64)>)>,
    /// Job by technician: what it costs to send them.
    wishes: Vec<i32>,
    /// Technician by kind: learned pace per mille; empty when all are 1,000.
    paces: Vec<u32>,
    kinds: usize,
    pub(crate) classes: Vec<Vec<u32>>,
    neighbours: OnceLock<Arc<Vec<u32>>>,
    skills: HashMap<Vec<Need>, Arc<Vec<u64>>>,
}

#[expect(clippy::cast_possible_truncation, reason = "indices are counted in thousands")]
impl<T: Travel> Tables<T> {
    /// Flattens a problem. Indices out of range are the caller's mistake and panic here, not in the middle of a run.
    #[must_use]
    pub fn new(problem: Problem, travel: T) -> Self {
        let words = problem.shifts.len().div_ceil(64).max(1);
        let kinds = problem.jobs.iter().map(|job| job.kind).max().map_or(1, |most| most as usize + 1);
        let paced = problem.technicians.iter().any(|who| who.paces.iter().any(|(_, pace)| *pace != 1000));
        let mut paces = Vec::new();
        if paced {
            paces = vec![1000; kinds * problem.technicians.len()];
            for (at, who) in problem.technicians.iter().enumerate() {
                for (kind, pace) in who.paces.iter().filter(|(kind, _)| (*kind as usize) < kinds) {
                    paces[at * kinds + *kind as usize] = *pace;
                }
            }
        }
        let (days, classes) = days(&problem);
        let w = &problem.weights;
        let rich = T::TIMED || paced || w.busy_hour_squared != 0 || problem.shifts.iter().any(is_rich);
        let mut tables = Self {
            travel,
            rich,
            jobs: Vec::with_capacity(problem.jobs.len()),
            pickups: Vec::new(),
            windows: Vec::new(),
            days,
            words,
            may: Vec::with_capacity(problem.jobs.len() * words),
            near: Vec::new(),
            homes: homes(&problem),
            wishes: Vec::with_capacity(problem.jobs.len() * problem.technicians.len()),
            paces,
            kinds,
            classes,
            neighbours: OnceLock::new(),
            skills: HashMap::new(),
            problem: Problem { jobs: Vec::new(), ..problem.clone() },
        };
        for job in problem.jobs {
            tables.add(job);
        }
        tables
    }

    /// One more job, behind the others. Microseconds: a request that has just come in.
    pub fn add(&mut self, job: Job) -> JobIx {
        let at = self.jobs.len() as JobIx;
        self.set_job(at, job);
        at
    }

    /// Replaces a job: another window was agreed, it was pinned, its parts have arrived. One behind the last is added.
    pub(crate) fn set_job(&mut self, at: JobIx, job: Job) {
        let places = self.travel.places() as u32;
        assert!(job.place < places, "the place of a job is not known to the travel times");
        let windows = rules::windows(&job);
        let pickup = job.pickup.as_ref().map_or(NONE, |parts| {
            assert!(parts.place < places, "the place of a pickup is not known to the travel times");
            self.add_pickup(parts, job.priority)
        });
        let from = self.windows.len() as u32;
        self.windows.extend(windows.iter().map(|window| (window.from, window.until)));
        let pinned = job.is_pinned();
        let promised = job.present.as_ref().and_then(|present| present.promised).filter(|_| job.confirmed().is_none());
        let visit = Visit {
            place: job.place,
            seconds: job.seconds,
            ready: windows.first().map_or(NEVER, |window| window.from),
            until: windows.last().map_or(EVER, |window| window.until),
            windows: (from, self.windows.len() as u32),
            load: job.load,
            kind: job.kind,
            crew: job.crew.clamp(1, 3),
            priority: job.priority.min(3),
            pinned,
            due: job.due.unwrap_or(NEVER),
            promise: promised.map_or((EVER, NEVER), |window| (window.from, window.until)),
            pickup,
            stands: job.present.is_some(),
        };
        self.rich |=
            windows.len() > 1 || visit.crew > 1 || pinned || pickup != NONE || job.due.is_some() || promised.is_some();
        let able = self.able(&job.needs);
        let may: Vec<u64> = (0..self.words).map(|word| self.may_word(&job, &windows, &able, word)).collect();
        let near = self.near_of(&job, &may);
        let crowd = self.problem.technicians.len();
        let wishes: Vec<i32> = (0..crowd)
            .map(|who| rules::wish(&self.problem, &job, who as u32).min(i64::from(i32::MAX)) as i32)
            .collect();
        let at = at as usize;
        if at == self.jobs.len() {
            self.neighbours = OnceLock::new();
            self.jobs.push(visit);
            self.may.extend(may);
            self.near.extend(near);
            self.wishes.extend(wishes);
            self.problem.jobs.push(job);
        } else {
            if self.jobs[at].place != visit.place {
                self.neighbours = OnceLock::new();
            }
            self.jobs[at] = visit;
            self.may[at * self.words..(at + 1) * self.words].copy_from_slice(&may);
            if !near.is_empty() {
                self.near[at * self.words..(at + 1) * self.words].copy_from_slice(&near);
            }
            self.wishes[at * crowd..(at + 1) * crowd].copy_from_slice(&wishes);
            self.problem.jobs[at] = job;
        }
    }

    /// Notes where a job stands in the present plan.
    pub(crate) fn set_present(&mut self, job: JobIx, present: crate::model::Present) {
        self.jobs[job as usize].stands = true;
        self.problem.jobs[job as usize].present = Some(present);
    }

    /// Locks jobs where they are, or lets go of them again.
    pub(crate) fn set_lock(&mut self, job: JobIx, lock: Lock) {
        self.jobs[job as usize].pinned = matches!(lock, Lock::Pinned { .. });
        self.rich |= self.jobs[job as usize].pinned;
        self.problem.jobs[job as usize].lock = lock;
    }

    fn add_pickup(&mut self, parts: &crate::model::Pickup, priority: u8) -> u32 {
        let mut stated: Vec<(Seconds, Seconds)> =
            parts.windows.iter().map(|window| (window.from, window.until)).collect();
        if stated.is_empty() {
            stated.push((EVER, NEVER));
        }
        stated.sort_unstable();
        let from = self.windows.len() as u32;
        self.windows.extend(&stated);
        self.pickups.push(Visit {
            place: parts.place,
            seconds: parts.seconds,
            ready: stated[0].0,
            until: stated.last().map_or(NEVER, |window| window.1),
            windows: (from, self.windows.len() as u32),
            load: 0,
            kind: 0,
            crew: 1,
            priority: priority.min(3),
            pinned: false,
            due: NEVER,
            promise: (EVER, NEVER),
            pickup: NONE,
            stands: false,
        });
        self.pickups.len() as u32 - 1
    }

    /// The shifts whose technician meets these needs on the day.
    fn able(&mut self, needs: &[Need]) -> Arc<Vec<u64>> {
        if let Some(known) = self.skills.get(needs) {
            return Arc::clone(known);
        }
        let mut bits = vec![0u64; self.words];
        for (at, shift) in self.problem.shifts.iter().enumerate() {
            let who = &self.problem.technicians[shift.technician as usize];
            if !shift.closed && rules::unmet(who, needs, shift.day).is_none() {
                bits[at / 64] |= 1 << (at % 64);
            }
        }
        let bits = Arc::new(bits);
        self.skills.insert(needs.to_vec(), Arc::clone(&bits));
        bits
    }

    /// Who may do the job, for 64 shifts.
    fn may_word(&self, job: &Job, windows: &[Window], able: &[u64], word: usize) -> u64 {
        let problem = &self.problem;
        let hard = problem.weights.outside_territory.is_none();
        let mut bits = able[word];
        let mut left = bits;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            let shift = &problem.shifts[word * 64 + at];
            if !rules::meets(windows, shift)
                || job.forbidden.iter().any(|(who, _)| *who == shift.technician)
                || (hard && rules::is_outside(job, &problem.technicians[shift.technician as usize]))
            {
                bits &= !(1 << at);
            }
        }
        bits
    }

    /// Of those who may, the shifts of the nearest technicians. Nothing where there are few technicians.
    fn near_of(&self, job: &Job, may: &[u64]) -> Vec<u64> {
        if self.homes.len() <= NEAREST {
            return Vec::new();
        }
        let mut ways: Vec<(u32, u32)> = Vec::with_capacity(self.homes.len());
        for (at, (home, bits)) in self.homes.iter().enumerate() {
            if bits.iter().any(|(word, bits)| may[*word as usize] & bits != 0) {
                ways.push((self.travel.apart(*home, job.place).max(0.0).to_bits(), at as u32));
            }
        }
        if ways.len() > NEAREST {
            ways.select_nth_unstable(NEAREST);
            ways.truncate(NEAREST);
        }
        let mut near = vec![0; self.words];
        for (_, who) in ways {
            for (word, bits) in &self.homes[who as usize].1 {
                near[*word as usize] |= bits & may[*word as usize];
            }
        }
        near
    }

    /// The shifts that are looked at first for a job: all that may, or those of technicians who live near.
    #[inline]
    pub(crate) fn near(&self, job: u32) -> &[u64] {
        if self.near.is_empty() {
            self.may(job)
        } else {
            &self.near[job as usize * self.words..(job as usize + 1) * self.words]
        }
    }

    /// Whether `near` leaves anybody out.
    pub(crate) const fn is_wide(&self) -> bool {
        !self.near.is_empty()
    }

    /// Replaces a shift: somebody fell ill, comes later, stays longer.
    pub(crate) fn set_shift(&mut self, at: u32, shift: Shift) {
        self.problem.shifts[at as usize] = shift;
        self.skills.clear();
        let (days, classes) = days(&self.problem);
        (self.days, self.classes) = (days, classes);
        self.rich |= is_rich(&self.problem.shifts[at as usize]);
        for job in 0..self.jobs.len() {
            let may = rules::refusal(&self.problem, job as u32, at).is_none();
            let word = &mut self.may[job * self.words + at as usize / 64];
            *word = *word & !(1 << (at % 64)) | u64::from(may) << (at % 64);
            if let Some(near) = self.near.get_mut(job * self.words + at as usize / 64) {
                *near &= *word;
            }
        }
    }

    /// The problem behind the tables.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The travel times.
    #[must_use]
    pub const fn travel(&self) -> &T {
        &self.travel
    }

    /// The travel times, to add a place.
    pub const fn travel_mut(&mut self) -> &mut T {
        &mut self.travel
    }

    #[inline]
    pub(crate) fn may(&self, job: u32) -> &[u64] {
        &self.may[job as usize * self.words..(job as usize + 1) * self.words]
    }

    #[inline]
    pub(crate) fn may_in(&self, job: u32, shift: u32) -> bool {
        self.may(job)[shift as usize / 64] >> (shift % 64) & 1 == 1
    }

    /// What it costs to do the job in that shift, before road and time.
    #[inline]
    pub(crate) fn wish(&self, job: u32, shift: u32) -> Cost {
        let who = self.days[shift as usize].technician as usize;
        let wish = Cost::from(self.wishes[job as usize * self.problem.technicians.len() + who]);
        if !self.jobs[job as usize].stands {
            return wish;
        }
        match &self.problem.jobs[job as usize].present {
            Some(present) if !present.shifts.contains(&shift) => wish + self.problem.weights.moved,
            _ => wish,
        }
    }

    /// How long the job takes in that shift.
    #[inline]
    pub(crate) fn seconds(&self, visit: &Visit, shift: u32) -> Seconds {
        if self.paces.is_empty() {
            return visit.seconds;
        }
        let who = self.days[shift as usize].technician as usize;
        let pace =
            if (visit.kind as usize) < self.kinds { self.paces[who * self.kinds + visit.kind as usize] } else { 1000 };
        (i64::from(visit.seconds) * i64::from(pace) / 1000) as Seconds
    }

    /// Whether the parts must be collected when that shift does the job.
    #[inline]
    pub(crate) fn collects(&self, job: u32, shift: u32) -> Option<&Visit> {
        let pickup = self.jobs[job as usize].pickup;
        if pickup == NONE {
            return None;
        }
        let who = self.days[shift as usize].technician;
        let carried =
            self.problem.jobs[job as usize].pickup.as_ref().is_some_and(|parts| parts.on_van_of.contains(&who));
        (!carried).then(|| &self.pickups[pickup as usize])
    }

    #[inline]
    pub(crate) fn leg(&self, a: Place, b: Place, depart: Seconds) -> Leg {
        if a == NOWHERE || b == NOWHERE { Leg::default() } else { self.travel.leg(a, b, depart) }
    }

    #[inline]
    pub(crate) fn latest_departure(&self, a: Place, b: Place, arrive: Seconds) -> Seconds {
        if a == NOWHERE || b == NOWHERE { arrive } else { self.travel.latest_departure(a, b, arrive) }
    }

    #[inline]
    pub(crate) fn road(&self, leg: Leg) -> Cost {
        Cost::from(leg.seconds) * self.problem.weights.travel_second
            + Cost::from(leg.metres) * self.problem.weights.metre
    }

    /// What a start at that time costs: lateness, and an announced window left.
    #[inline]
    pub(crate) fn timing(&self, visit: &Visit, start: Seconds) -> Cost {
        let mut cost = 0;
        if start > visit.due {
            cost +=
                self.problem.weights.late_minute[visit.priority as usize] * Cost::from((start - visit.due + 59) / 60);
        }
        if start < visit.promise.0 || start > visit.promise.1 {
            cost += self.problem.weights.promise;
        }
        cost
    }

    #[inline]
    pub(crate) fn unassigned(&self, job: u32) -> Cost {
        self.problem.weights.unassigned[self.jobs[job as usize].priority as usize]
    }

    #[inline]
    pub(crate) fn windows_of(&self, visit: &Visit) -> &[(Seconds, Seconds)] {
        &self.windows[visit.windows.0 as usize..visit.windows.1 as usize]
    }

    /// Which shifts the lock names.
    pub(crate) fn pinned_to(&self, job: u32) -> Option<(&[u32], Seconds)> {
        match &self.problem.jobs[job as usize].lock {
            Lock::Pinned { shifts, start } => Some((shifts, *start)),
            Lock::Free => None,
        }
    }

    /// The jobs near a job, itself first.
    pub(crate) fn neighbours(&self) -> (Arc<Vec<u32>>, usize) {
        let count = self.jobs.len().min(NEIGHBOURS);
        let list = self.neighbours.get_or_init(|| {
            let mut list = Vec::with_capacity(self.jobs.len() * count);
            let mut row: Vec<(u32, u32)> = Vec::with_capacity(self.jobs.len());
            for (at, job) in self.jobs.iter().enumerate() {
                row.clear();
                row.extend(self.jobs.iter().enumerate().map(|(other, visit)| {
                    // The bits of positive floats are in the order of their values; the job itself comes first.
                    let apart = if other == at {
                        0
                    } else {
                        (self.travel.apart(job.place, visit.place).max(0.0) + 1e-30).to_bits()
                    };
                    (apart, other as u32)
                }));
                if count < row.len() {
                    row.select_nth_unstable(count - 1);
                }
                row[..count].sort_unstable();
                list.extend(row[..count].iter().map(|(_, other)| *other));
            }
            Arc::new(list)
        });
        (Arc::clone(list), count)
    }
}
