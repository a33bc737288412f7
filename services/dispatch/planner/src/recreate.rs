//! What was taken out goes back, one job after the other, each where it is cheapest, now and then overlooking a place ("blinks").

use crate::{
    insert::Spot,
    model::{JobIx, ShiftIx},
    search::Search,
    tables::NONE,
    travel::Travel,
};

/// One in so many places is overlooked.
const BLINK: u32 = 100;
/// How many neighbours show who works near.
const NEAR: usize = 40;
/// The same where all technicians are near: so few routes are all looked at, ...
const FEW: u32 = 24;
/// ... of more only those of so many neighbours, ...
const AROUND: usize = 60;
/// ... and all of them one time in so many: where windows are tight the best gap may lie far off.
const ALL: u32 = 16;
/// How many jobs that were open before are tried again in a step.
const RETRIED: usize = 8;

/// The best gap of a job in a route, as long as the route is what it was. Most routes are, from step to step.
pub(crate) struct Cache {
    entries: Vec<Entry>,
    mask: usize,
    shifts: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    key: u32,
    version: u32,
    cost: i32,
    after: u16,
    pickup: u16,
}

/// Enough for 1,000 jobs in 500 shifts, and 8 MB at most.
const MOST: usize = 1 << 19;

impl Cache {
    pub fn new(jobs: usize, shifts: usize) -> Self {
        let size = (jobs * shifts).next_power_of_two().clamp(64, MOST);
        Self {
            entries: vec![Entry { key: u32::MAX, version: 0, cost: 0, after: 0, pickup: 0 }; size],
            mask: size - 1,
            shifts: u32::try_from(shifts).unwrap_or(u32::MAX),
        }
    }
}

const NO_PLACE: i32 = i32::MAX;

impl<T: Travel> Search<T> {
    pub(crate) fn recreate(&mut self) {
        self.sort();
        let order = std::mem::take(&mut self.order);
        for (_, job) in &order {
            if self.state.tables().jobs[*job as usize].crew > 1 {
                let mut shifts = std::mem::take(&mut self.team);
                shifts.clear();
                self.best_place(*job, |cost, shift| shifts.push((cost.into(), shift)));
                if let Some(team) = self.state.team_of(*job, &mut shifts) {
                    self.state.place_crew(*job, &team.members, team.start);
                }
                self.team = shifts;
            } else if let Some((shift, spot)) = self.best_place(*job, |_, _| {}) {
                self.state.place(*job, shift, &spot);
            }
        }
        self.order = order;
    }

    /// Brings the jobs to be placed into one of several orders.
    fn sort(&mut self) {
        let Self { state, random, order, gone, remoteness, loaded, .. } = self;
        let t = state.tables();
        order.clear();
        order.extend(gone.iter().map(|job| (0, *job)));
        let open = state.unassigned().len();
        let earlier = open.saturating_sub(gone.len());
        if earlier > 0 && self.mask.is_empty() {
            // The pool's front holds what was open before this step.
            let from = if earlier > RETRIED { random.below(u32::try_from(earlier).unwrap_or(1)) as usize } else { 0 };
            for at in 0..earlier.min(RETRIED) {
                order.push((0, state.unassigned()[(from + at) % earlier]));
            }
        }
        random.shuffle(order);
        let visit = |job: u32| &t.jobs[job as usize];
        let choice = random.below(if *loaded { 17 } else { 13 });
        for entry in order.iter_mut() {
            let job = visit(entry.1);
            entry.0 = match choice {
                0..4 => continue,
                4..6 => -i64::from(remoteness[entry.1 as usize]),
                6 => i64::from(remoteness[entry.1 as usize]),
                7..9 => i64::from(job.until.saturating_sub(job.ready)),
                9..11 => i64::from(job.ready),
                11..13 => -i64::from(job.until),
                _ => -i64::from(job.load),
            };
        }
        if choice >= 4 {
            order.sort_by_key(|(key, _)| *key);
        }
        if t.rich {
            // Crews and parts are harder to place; urgent work must not be what is left over.
            order.sort_by_key(|(_, job)| {
                let job = visit(*job);
                (-i32::from(job.crew), -i32::from(job.priority))
            });
        }
    }

    /// Where there are many technicians: those who live near, and those who work near.
    fn choose(&mut self, job: JobIx) {
        let Self { state, chosen, neighbours, .. } = self;
        let t = state.tables();
        if !t.is_wide() {
            return self.choose_near(job);
        }
        chosen.copy_from_slice(t.near(job));
        let may = t.may(job);
        let from = job as usize * neighbours.1;
        for other in &neighbours.0[from..from + neighbours.1.min(NEAR)] {
            for shift in state.shifts_of(*other) {
                let word = *shift as usize / 64;
                chosen[word] |= may[word] & 1 << (shift % 64);
            }
        }
    }

    /// The shifts of the nearest visits, those without work, and now and then all.
    fn choose_near(&mut self, job: JobIx) {
        let Self { state, chosen, neighbours, random, used_routes, .. } = self;
        let may = state.tables().may(job);
        if *used_routes <= FEW || random.below(ALL) == 0 {
            chosen.copy_from_slice(may);
            return;
        }
        for ((word, may), idle) in chosen.iter_mut().zip(may).zip(state.idle()) {
            *word = may & idle;
        }
        let from = job as usize * neighbours.1;
        for other in &neighbours.0[from..from + neighbours.1.min(AROUND)] {
            for shift in state.at[*other as usize] {
                if shift != NONE {
                    let word = shift as usize / 64;
                    chosen[word] |= may[word] & 1 << (shift % 64);
                }
            }
        }
    }

    /// The cheapest place among the shifts that may be changed; every other one is noted.
    #[inline]
    pub(crate) fn best_place(&mut self, job: JobIx, mut note: impl FnMut(i32, ShiftIx)) -> Option<(ShiftIx, Spot)> {
        self.choose(job);
        let Self { state, cache, mask, blink, random, chosen, .. } = self;
        let wanted = &chosen[..];
        let mut best = i32::MAX;
        let mut found: Option<(ShiftIx, u16, u16)> = None;
        let base = job.wrapping_mul(cache.shifts);
        for (word, (may, active)) in wanted.iter().zip(state.active()).enumerate() {
            let mut bits = may & active;
            if let Some(mask) = mask.get(word) {
                bits &= mask;
            }
            while bits != 0 {
                let shift = u32::try_from(word).unwrap_or(0) * 64 + bits.trailing_zeros();
                bits &= bits - 1;
                let version = state.routes()[shift as usize].version;
                let key = base.wrapping_add(shift);
                let entry = &mut cache.entries[key as usize & cache.mask];
                let mut seen = *entry;
                if seen.key != key || seen.version != version {
                    seen = compress(key, version, state.spot_in(job, shift, u32::MAX));
                    // Most steps are taken back: what is known of the route as it was stays worth more.
                    if !state.is_changed(shift) {
                        *entry = seen;
                    }
                }
                *blink -= 1;
                if *blink == 0 {
                    *blink = random.below(2 * BLINK - 1) + 1;
                    if seen.cost != NO_PLACE {
                        seen = compress(key, version, state.spot_in(job, shift, u32::from(seen.after)));
                    }
                }
                if seen.cost != NO_PLACE {
                    note(seen.cost, shift);
                }
                if seen.cost < best {
                    best = seen.cost;
                    found = Some((shift, seen.after, seen.pickup));
                }
            }
        }
        found.map(|(shift, after, pickup)| {
            let pickup = if pickup == u16::MAX { crate::insert::NO_PICKUP } else { u32::from(pickup) };
            (shift, Spot { cost: best.into(), after: u32::from(after), pickup, start: 0, drive: 0 })
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "no shift has 65,000 stops")]
fn compress(key: u32, version: u32, spot: Option<Spot>) -> Entry {
    spot.map_or(Entry { key, version, cost: NO_PLACE, after: 0, pickup: u16::MAX }, |spot| Entry {
        key,
        version,
        cost: spot.cost.clamp(i64::from(i32::MIN), i64::from(NO_PLACE - 1)) as i32,
        after: spot.after as u16,
        pickup: spot.pickup.min(u32::from(u16::MAX)) as u16,
    })
}
