//! Which jobs are near which: by place alone, and by place and time.

use std::sync::Arc;

use super::{Tables, Visit};
use crate::{model::JobIx, travel::Travel};

/// How many neighbours of a job the search knows.
const NEIGHBOURS: usize = 120;
/// Among so many times as many, those whose times suit are looked for.
const WIDER: usize = 3;

/// Every job's neighbours, itself first, in one list.
#[derive(Clone, Debug)]
pub(crate) struct Neighbours {
    /// How many each job has.
    width: usize,
    near: Vec<JobIx>,
    timed: Vec<JobIx>,
}

impl Neighbours {
    /// The nearest ones, so many at the most.
    #[inline]
    pub fn near(&self, job: JobIx, most: usize) -> &[JobIx] {
        let from = job as usize * self.width;
        &self.near[from..from + self.width.min(most)]
    }

    /// Those that one technician could visit before or after it with the least way, waiting and lateness, all of them.
    #[inline]
    pub fn timed(&self, job: JobIx) -> &[JobIx] {
        let from = job as usize * self.width;
        &self.timed[from..from + self.width]
    }
}

#[expect(clippy::cast_possible_truncation, reason = "indices are counted in thousands")]
impl<T: Travel> Tables<T> {
    /// The neighbours of all jobs, made when they are first asked for.
    pub(crate) fn neighbours(&self) -> Arc<Neighbours> {
        Arc::clone(self.neighbours.get_or_init(|| Arc::new(self.make_neighbours())))
    }

    fn make_neighbours(&self) -> Neighbours {
        let width = self.jobs.len().min(NEIGHBOURS);
        let wide = self.jobs.len().min(NEIGHBOURS * WIDER);
        let mut found = Neighbours {
            width,
            near: Vec::with_capacity(self.jobs.len() * width),
            timed: Vec::with_capacity(self.jobs.len() * width),
        };
        let mut row: Vec<(u32, u32)> = Vec::with_capacity(self.jobs.len());
        let mut timed: Vec<(i64, u32)> = Vec::with_capacity(wide);
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
            if wide < row.len() {
                row.select_nth_unstable(wide - 1);
            }
            row[..wide].sort_unstable();
            found.near.extend(row[..width].iter().map(|(_, other)| *other));
            timed.clear();
            timed.extend(row[..wide].iter().map(|(_, other)| {
                let visit = &self.jobs[*other as usize];
                let gap = if *other as usize == at { i64::MIN } else { self.gap_to(job, visit) };
                (gap, *other)
            }));
            timed.sort_unstable();
            found.timed.extend(timed[..width].iter().map(|(_, other)| *other));
        }
        found
    }

    /// The way between two visits with what one surely waits or is late, in the better of both orders (Vidal and others 2013).
    fn gap_to(&self, a: &Visit, b: &Visit) -> i64 {
        let one = |a: &Visit, b: &Visit| {
            let way = i64::from(self.travel.leg(a.place, b.place, 12 * 3600).seconds);
            let on = way + i64::from(a.seconds);
            let wait = (i64::from(b.ready) - on - i64::from(a.until)).max(0);
            let late = (i64::from(a.ready) + on - i64::from(b.until)).max(0);
            way + wait / 2 + late
        };
        one(a, b).min(one(b, a))
    }
}
