//! What is taken out of the plan in one step: strings of neighbouring visits from neighbouring routes
//! (slack induction by string removals; Christiaens and Vanden Berghe, Transportation Science 2020).

use crate::{search::Search, tables::NONE, travel::Travel};

/// Mean number of visits taken out.
const MEAN: f64 = 6.0;
/// Longest string.
const LONGEST: f64 = 10.0;
/// How often a string keeps some visits in its middle.
const SPLIT: f64 = 0.5;
/// How often one more of these is kept.
const KEEP_MORE: f64 = 0.01;

impl<T: Travel> Search<T> {
    /// Chooses what goes and takes it out. False when the routes left behind are not feasible (ways round can be shorter than ways through).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "small counts"
    )]
    pub(crate) fn ruin(&mut self) -> bool {
        self.gone.clear();
        self.ruined.clear();
        self.stamp += 1;
        let jobs = self.jobs as f64;
        let mean_route = (jobs - self.state.unassigned().len() as f64) / f64::from(self.used_routes.max(1));
        let longest = LONGEST.min(mean_route).max(1.0);
        let most = 4.0 * MEAN / (1.0 + longest) - 1.0;
        let strings = (self.random.unit() * most + 1.0) as usize;
        let seed = self.seed_job();
        let (list, width) = (std::sync::Arc::clone(&self.neighbours.0), self.neighbours.1);
        for &job in &list[seed as usize * width..(seed as usize + 1) * width] {
            if self.ruined.len() >= strings {
                break;
            }
            if self.marks[job as usize] == self.stamp {
                continue;
            }
            for member in 0..3 {
                let Some(shift) = self.state.shifts_of(job).get(member).copied() else { break };
                if self.ruined.contains(&shift) || !self.may_touch(shift) {
                    continue;
                }
                let node = job << 2 | if member == 0 { 0 } else { member as u32 + 1 };
                self.take_string(shift, node, longest);
                self.ruined.push(shift);
                break;
            }
        }
        let gone = std::mem::take(&mut self.gone);
        let feasible = self.state.remove(&gone);
        self.gone = gone;
        feasible
    }

    /// The job around which things are taken out: any, or one of those in focus.
    pub(crate) fn seed_job(&mut self) -> u32 {
        if self.focus.is_empty() {
            return self.random.below(self.jobs);
        }
        self.focus[self.random.below(u32::try_from(self.focus.len()).unwrap_or(1)) as usize]
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "small counts"
    )]
    fn take_string(&mut self, shift: u32, node: u32, longest: f64) {
        let Self { state, random, marks, stamp, gone, mask, .. } = self;
        let mine = |job: u32| {
            mask.is_empty()
                || state.shifts_of(job).iter().all(|shift| mask[*shift as usize / 64] >> (shift % 64) & 1 == 1)
        };
        let route = &state.routes()[shift as usize];
        let visits = route.stops.len() - 2;
        let Some(at) = state.find(shift, node) else { return };
        let at = at - 1;
        let length = (random.unit() * longest.min(visits as f64) + 1.0) as usize;
        let length = length.min(visits);
        // A split string is longer and keeps some visits in its middle.
        let mut kept = 0;
        if length > 1 && length < visits && random.unit() < SPLIT {
            kept = 1;
            while length + kept < visits && random.unit() < KEEP_MORE {
                kept += 1;
            }
        }
        let whole = length + kept;
        let first = at.saturating_sub(whole - 1);
        let last = at.min(visits - whole);
        let begin = first + random.below((last - first + 1) as u32) as usize;
        let keep_from = begin + if kept > 0 { random.below(length as u32 + 1) as usize } else { whole };
        for position in begin..begin + whole {
            if position >= keep_from && position < keep_from + kept {
                continue;
            }
            let node = route.stops[position + 1].node;
            let job = node >> 2;
            let visit = &state.tables().jobs[job as usize];
            if node != NONE && !visit.pinned && marks[job as usize] != *stamp && mine(job) {
                marks[job as usize] = *stamp;
                gone.push(job);
            }
        }
    }
}
