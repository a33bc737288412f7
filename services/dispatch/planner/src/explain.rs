//! Why: the parts of an assignment's cost and the next best; for an open job, the rule that refuses each technician.

use std::collections::BTreeMap;

use crate::{
    insert::best_gap,
    model::{Cost, JobIx, Seconds, ShiftIx, TechnicianIx},
    plan::{CostParts, parts},
    route::Route,
    rules::{self, Rule},
    slots::Offer,
    state::PlanState,
    travel::Travel,
};

/// Why a job is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// In which shifts.
    pub shifts: Vec<ShiftIx>,
    /// When it starts.
    pub start: Seconds,
    /// What the plan would save without the job, by cause.
    pub parts: CostParts,
    /// The cheapest place with another technician as the rest of the plan stands, if there is one.
    pub runner_up: Option<Offer>,
    /// What the runner-up would cost more; negative when it would be cheaper and the search has not found it (or the job is pinned).
    pub difference: Option<Cost>,
}

/// Why a job is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyNot {
    /// For each technician with a shift, the rule that stands nearest to success over all the shifts; none when a place is free.
    pub technicians: Vec<(TechnicianIx, Option<Rule>)>,
    /// How many technicians each rule refuses, the most frequent first.
    pub counts: Vec<(Rule, usize)>,
    /// The cheapest free place, if there is one.
    pub possible: Option<Offer>,
}

impl<T: Travel> PlanState<T> {
    /// Why a planned job is where it is. `None` when it is not planned.
    #[must_use]
    pub fn why(&self, job: JobIx) -> Option<Why> {
        let shifts = self.shifts_of(job).to_vec();
        let first = *shifts.first()?;
        let t = self.tables();
        let start = self
            .shift(first)
            .visits
            .iter()
            .find(|visit| visit.job == job && visit.purpose == crate::plan::Purpose::Job)?
            .start;
        let mut saved = CostParts::default();
        let mut without = self.clone();
        without.settle();
        without.remove(&[job]);
        for shift in &shifts {
            let (with, less) = (
                parts(t, *shift, &self.routes()[*shift as usize]),
                parts(t, *shift, &without.routes()[*shift as usize]),
            );
            saved.add(&CostParts {
                road: with.road - less.road,
                shifts: with.shifts - less.shifts,
                overtime: with.overtime - less.overtime,
                timing: with.timing - less.timing,
                wishes: with.wishes - less.wishes,
                fairness: with.fairness - less.fairness,
                unassigned: 0,
            });
        }
        let own: Vec<u32> = shifts.iter().map(|shift| t.days[*shift as usize].technician).collect();
        let runner_up = if t.jobs[job as usize].crew > 1 {
            None
        } else {
            without
                .places(job)
                .into_iter()
                .find(|offer| offer.shifts.iter().all(|shift| !own.contains(&t.days[*shift as usize].technician)))
        };
        let difference = runner_up.as_ref().map(|offer| offer.cost - saved.total());
        Some(Why { shifts, start, parts: saved, runner_up, difference })
    }

    /// Why a job is open: for every technician the refusing rule.
    #[must_use]
    pub fn why_not(&self, job: JobIx) -> WhyNot {
        let t = self.tables();
        let mut rules: BTreeMap<TechnicianIx, Option<Rule>> = BTreeMap::new();
        for shift in 0..u32::try_from(t.days.len()).unwrap_or(0) {
            let rule = self.refusal(job, shift);
            let who = t.days[shift as usize].technician;
            rules
                .entry(who)
                .and_modify(|known| {
                    if nearness(rule) > nearness(*known) {
                        *known = rule;
                    }
                })
                .or_insert(rule);
        }
        let mut possible = None;
        if t.jobs[job as usize].crew > 1 {
            possible = self.place_for(job);
            if possible.is_none() {
                for rule in rules.values_mut().filter(|rule| rule.is_none()) {
                    *rule = Some(Rule::CrewIncomplete);
                }
            }
        } else if rules.values().any(Option::is_none) {
            // A place is free; whoever asks may take it.
            possible = self.place_for(job);
        }
        let mut counts: BTreeMap<Rule, usize> = BTreeMap::new();
        for rule in rules.values().flatten() {
            *counts.entry(*rule).or_default() += 1;
        }
        let mut counts: Vec<(Rule, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(rule, count)| (std::cmp::Reverse(*count), *rule));
        WhyNot { technicians: rules.into_iter().collect(), counts, possible }
    }

    /// The rule that keeps a job out of a shift as the plan stands; none when it fits.
    #[must_use]
    pub fn refusal(&self, job: JobIx, shift: ShiftIx) -> Option<Rule> {
        let t = self.tables();
        if !t.may_in(job, shift) {
            return rules::refusal(&t.problem, job, shift).or(Some(Rule::OutsideShift));
        }
        let (visit, day, route) = (&t.jobs[job as usize], &t.days[shift as usize], &self.routes()[shift as usize]);
        if route.broken {
            return Some(Rule::Contradiction);
        }
        if route.jobs >= day.max_jobs {
            return Some(Rule::DailyLimit);
        }
        if route.load + visit.load > day.capacity {
            return Some(Rule::Capacity);
        }
        if self.fits(job, shift, route, false) {
            return None;
        }
        if day.max_drive < i32::MAX && self.fits(job, shift, route, true) {
            return Some(Rule::DrivingLimit);
        }
        Some(Rule::NoGap)
    }

    fn fits(&self, job: JobIx, shift: ShiftIx, route: &Route, any_drive: bool) -> bool {
        let (t, wanted) = (self.tables(), self.wanted(job, shift));
        if !any_drive {
            return self.gap(job, shift, &wanted).is_some();
        }
        let mut day = t.days[shift as usize];
        day.max_drive = Seconds::MAX;
        best_gap(t, &day, route, &wanted).is_some()
    }
}

/// How near a rule is to success: what was asked last stands nearest.
const fn nearness(rule: Option<Rule>) -> u8 {
    match rule {
        None => 20,
        Some(Rule::CrewIncomplete) => 19,
        Some(Rule::NoGap) => 18,
        Some(Rule::DrivingLimit) => 17,
        Some(Rule::Capacity) => 16,
        Some(Rule::DailyLimit) => 15,
        Some(Rule::Contradiction) => 14,
        Some(Rule::OutsideShift) => 12,
        Some(Rule::NoWindow) => 11,
        Some(Rule::Territory) => 10,
        Some(Rule::CertificateNotValid(_)) => 9,
        Some(Rule::CertificateMissing(_)) => 8,
        Some(Rule::LevelTooLow(_)) => 7,
        Some(Rule::SkillMissing(_)) => 6,
        Some(Rule::Forbidden(_)) => 5,
        Some(Rule::Closed) => 1,
    }
}
