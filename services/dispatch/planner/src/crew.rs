//! Jobs of two or three technicians: who can start together, and when.

use crate::{
    insert::{Spot, Wanted, best_gap},
    model::{Cost, JobIx, Seconds, ShiftIx},
    state::PlanState,
    tables::Visit,
    travel::Travel,
};

/// A crew and the start it agrees on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Team {
    pub cost: i64,
    pub start: Seconds,
    pub members: Vec<(ShiftIx, Spot)>,
}

/// How many shifts are tried together.
const TRIED: usize = 14;

impl<T: Travel> PlanState<T> {
    /// The cheapest team for a job of several technicians. `thorough` looks at every shift, not only at the cheapest ones.
    pub(crate) fn best_team(&self, job: JobIx, thorough: bool) -> Option<Team> {
        let t = self.tables();
        self.best_team_in(job, t.windows_of(&t.jobs[job as usize]), thorough)
    }

    /// The same, starting in these windows.
    pub(crate) fn best_team_in(&self, job: JobIx, windows: &[(Seconds, Seconds)], thorough: bool) -> Option<Team> {
        let t = self.tables();
        let visit = &t.jobs[job as usize];
        // Who could do it alone, and when: that gives the shifts and the times worth trying.
        let mut alone: Vec<(Cost, ShiftIx, Seconds)> = Vec::new();
        for shift in self.candidates(job) {
            if let Some(spot) = self.alone_in(visit, windows, shift) {
                alone.push((spot.cost + t.wish(job, shift), shift, spot.start));
            }
        }
        alone.sort_unstable();
        let mut best = self.team_among(job, windows, &alone[..alone.len().min(TRIED)]);
        if thorough && best.is_none() && alone.len() > TRIED {
            // Day by day, so that the crews of one day meet.
            let mut days: Vec<i32> = alone.iter().map(|(_, shift, _)| t.problem.shifts[*shift as usize].day).collect();
            days.sort_unstable();
            days.dedup();
            for day in days {
                let mut of_day = alone.clone();
                of_day.retain(|(_, shift, _)| t.problem.shifts[*shift as usize].day == day);
                let team = self.team_among(job, windows, &of_day);
                if team.as_ref().is_some_and(|team| best.as_ref().is_none_or(|best| team.cost < best.cost)) {
                    best = team;
                }
            }
        }
        best
    }

    /// The cheapest team among some shifts that are known to be good ones.
    pub(crate) fn team_of(&self, job: JobIx, shifts: &mut Vec<(Cost, ShiftIx)>) -> Option<Team> {
        let t = self.tables();
        let visit = &t.jobs[job as usize];
        shifts.sort_unstable();
        shifts.truncate(TRIED);
        let timed = |(cost, shift): &(Cost, ShiftIx)| {
            self.alone_in(visit, t.windows_of(visit), *shift).map(|spot| (*cost, *shift, spot.start))
        };
        let alone: Vec<(Cost, ShiftIx, Seconds)> = shifts.iter().filter_map(timed).collect();
        self.team_among(job, t.windows_of(visit), &alone)
    }

    fn alone_in(&self, visit: &Visit, windows: &[(Seconds, Seconds)], shift: ShiftIx) -> Option<Spot> {
        let t = self.tables();
        let wanted = Wanted {
            visit,
            windows,
            seconds: t.seconds(visit, shift),
            parts: None,
            counts: true,
            not_after: u32::MAX,
            at_most: Cost::MAX,
        };
        best_gap(t, &t.days[shift as usize], &self.routes()[shift as usize], &wanted)
    }

    fn team_among(
        &self,
        job: JobIx,
        windows: &[(Seconds, Seconds)],
        shifts: &[(i64, ShiftIx, Seconds)],
    ) -> Option<Team> {
        let t = self.tables();
        let visit = &t.jobs[job as usize];
        let crew = usize::from(visit.crew);
        if shifts.len() < crew {
            return None;
        }
        let mut times: Vec<Seconds> = shifts.iter().map(|(_, _, start)| *start).collect();
        for (from, _) in windows {
            times.push(*from);
        }
        times.sort_unstable();
        times.dedup();
        let mut best: Option<Team> = None;
        let mut spots: Vec<(i64, ShiftIx, Spot)> = Vec::new();
        for start in times {
            if crate::route::next_start(windows, start) != start {
                continue;
            }
            spots.clear();
            let mut leaders: Vec<(i64, ShiftIx, Spot)> = Vec::new();
            for (_, shift, _) in shifts {
                let stamp = [(start, start)];
                let mut wanted = Wanted {
                    visit,
                    windows: &stamp,
                    seconds: t.seconds(visit, *shift),
                    parts: None,
                    counts: false,
                    not_after: u32::MAX,
                    at_most: Cost::MAX,
                };
                let route = &self.routes()[*shift as usize];
                let wish = t.wish(job, *shift);
                if let Some(spot) = best_gap(t, &t.days[*shift as usize], route, &wanted) {
                    spots.push((spot.cost + wish, *shift, spot));
                }
                // One of them brings the parts; lateness is counted once.
                wanted.parts = t.collects(job, *shift);
                wanted.counts = true;
                if let Some(spot) = best_gap(t, &t.days[*shift as usize], route, &wanted) {
                    leaders.push((spot.cost + wish, *shift, spot));
                }
            }
            spots.sort_unstable_by_key(|(cost, shift, _)| (*cost, *shift));
            for (cost, shift, spot) in leaders {
                let mut team = Team { cost, start, members: vec![(shift, spot)] };
                for (cost, shift, spot) in &spots {
                    if team.members.len() == crew {
                        break;
                    }
                    let who = t.days[*shift as usize].technician;
                    if team.members.iter().all(|(other, _)| t.days[*other as usize].technician != who) {
                        team.cost += cost;
                        team.members.push((*shift, *spot));
                    }
                }
                if team.members.len() == crew && best.as_ref().is_none_or(|best| team.cost < best.cost) {
                    best = Some(team);
                }
            }
        }
        best
    }

    /// Puts a job where it is cheapest, whatever its crew. False when it fits nowhere.
    pub(crate) fn insert_best(&mut self, job: JobIx) -> bool {
        if self.tables().jobs[job as usize].crew > 1 {
            return self.best_team(job, true).is_some_and(|team| self.place_crew(job, &team.members, team.start));
        }
        self.best_spot(job).is_some_and(|(shift, spot)| self.place(job, shift, &spot))
    }
}
