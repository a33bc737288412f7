//! Where one job could go: per shift, per window. A scan over the plan in memory, no search.

use std::sync::Arc;

use crate::{
    crew::Team,
    insert::{Spot, Wanted},
    model::{Cost, JobIx, Present, Seconds, ShiftIx, Window},
    state::PlanState,
    tables::Visit,
    travel::Travel,
};

/// A place in the plan that a job can take as the plan stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What it adds to the cost of the plan (without the job's own price of being left open).
    pub cost: Cost,
    /// When the work would start.
    pub start: Seconds,
    /// Who would come, one shift per member of the crew.
    pub shifts: Vec<ShiftIx>,
    pub(crate) spots: Vec<Spot>,
}

/// The best of one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowOffer {
    /// Index into the windows asked for.
    pub window: usize,
    /// The cheapest place in it.
    pub offer: Offer,
}

impl<T: Travel> PlanState<T> {
    /// The cheapest place in every shift that can take the job, cheapest first. Not for crews.
    #[must_use]
    pub fn places(&self, job: JobIx) -> Vec<Offer> {
        let mut offers: Vec<Offer> = if self.tables().jobs[job as usize].crew > 1 {
            self.best_team(job, true).map(offer_of).into_iter().collect()
        } else {
            self.candidates(job)
                .filter_map(|shift| self.spot_in(job, shift, u32::MAX).map(|spot| single(shift, spot)))
                .collect()
        };
        offers.sort_unstable_by_key(|offer| (offer.cost, offer.start, offer.shifts.first().copied()));
        offers
    }

    /// The cheapest place in the whole plan.
    #[must_use]
    pub fn place_for(&self, job: JobIx) -> Option<Offer> {
        if self.tables().jobs[job as usize].crew > 1 {
            return self.best_team(job, true).map(offer_of).filter(|offer| self.clone().accept(job, offer));
        }
        self.best_spot(job).map(|(shift, spot)| single(shift, spot))
    }

    /// For every window that somebody can really serve, the cheapest way; in the order of the windows asked for.
    ///
    /// The windows must lie in ascending order. A window means: the work starts in it.
    #[must_use]
    pub fn offers(&self, job: JobIx, windows: &[Window]) -> Vec<WindowOffer> {
        let t = self.tables();
        let visit = &t.jobs[job as usize];
        let own = t.windows_of(visit);
        if visit.crew > 1 {
            return windows
                .iter()
                .enumerate()
                .filter_map(|(at, window)| {
                    let team = self.best_team_in(job, &clip(own, *window), true)?;
                    Some(WindowOffer { window: at, offer: offer_of(team) })
                })
                .collect();
        }
        let clipped: Vec<Vec<(Seconds, Seconds)>> = windows.iter().map(|window| clip(own, *window)).collect();
        let mut best: Vec<Option<(Cost, ShiftIx, Spot)>> = vec![None; windows.len()];
        for shift in self.candidates(job) {
            let day = &t.days[shift as usize];
            let from = windows.partition_point(|window| window.until < day.start);
            let (seconds, parts) = (t.seconds(visit, shift), t.collects(job, shift));
            let wish = t.wish(job, shift);
            for at in from..windows.len() {
                if windows[at].from > day.latest {
                    break;
                }
                let Some(((first, _), (_, last))) = clipped[at].first().zip(clipped[at].last()) else { continue };
                let at_most = best[at].map_or(Cost::MAX, |(least, _, _)| least - wish);
                // The short form reads the bounds of the visit itself.
                let narrowed = Visit { ready: *first, until: *last, ..*visit };
                let wanted = Wanted {
                    visit: &narrowed,
                    windows: &clipped[at],
                    seconds,
                    parts,
                    counts: true,
                    not_after: u32::MAX,
                    at_most,
                };
                if let Some(spot) = self.gap(job, shift, &wanted) {
                    let cost = spot.cost + wish;
                    if best[at].is_none_or(|(least, _, _)| cost < least) {
                        best[at] = Some((cost, shift, Spot { cost, ..spot }));
                    }
                }
            }
        }
        best.into_iter()
            .enumerate()
            .filter_map(|(window, best)| {
                let (_, shift, spot) = best?;
                Some(WindowOffer { window, offer: single(shift, spot) })
            })
            .collect()
    }

    /// Puts an unassigned job where an offer of this very state says. False when that is not possible (any more).
    pub fn accept(&mut self, job: JobIx, offer: &Offer) -> bool {
        let stale = offer
            .shifts
            .iter()
            .zip(&offer.spots)
            .any(|(shift, spot)| self.routes()[*shift as usize].stops.len() < spot.after as usize + 2);
        if stale || !self.unassigned().contains(&job) {
            return false;
        }
        match (offer.shifts.as_slice(), offer.spots.as_slice()) {
            ([shift], [spot]) => self.place(job, *shift, spot),
            (shifts, spots) => {
                let team: Vec<(ShiftIx, Spot)> = shifts.iter().copied().zip(spots.iter().copied()).collect();
                self.place_crew(job, &team, offer.start)
            }
        }
    }

    /// Books a window: the job takes the offer's place and the customer's window is from now on confirmed.
    /// False when that is not possible (any more); then nothing is changed.
    pub fn book(&mut self, job: JobIx, offer: &Offer, window: Window) -> bool {
        if !self.unassigned().contains(&job) {
            return false;
        }
        let before = self.tables().problem().jobs[job as usize].clone();
        let mut booked = before.clone();
        booked.present = Some(Present {
            shifts: offer.shifts.clone(),
            start: offer.start,
            promised: Some(window),
            confirmed: true,
            consent: false,
        });
        Arc::make_mut(self.shared_mut()).set_job(job, booked);
        let done = self.accept(job, offer);
        if !done {
            Arc::make_mut(self.shared_mut()).set_job(job, before);
        }
        done
    }

    /// Puts an unassigned job where it is cheapest. `None` when it fits nowhere; [`Self::why_not`] then says why.
    pub fn insert(&mut self, job: JobIx) -> Option<Offer> {
        let offer = self.place_for(job)?;
        self.accept(job, &offer).then_some(offer)
    }

    /// Takes a job out of the plan. False when it is pinned or not planned.
    pub fn take_out(&mut self, job: JobIx) -> bool {
        if self.tables().jobs[job as usize].pinned || self.shifts_of(job).is_empty() {
            return false;
        }
        self.settle();
        self.remove_surely(&[job]);
        true
    }
}

fn single(shift: ShiftIx, spot: Spot) -> Offer {
    Offer { cost: spot.cost, start: spot.start, shifts: vec![shift], spots: vec![spot] }
}

fn offer_of(team: Team) -> Offer {
    let (shifts, spots) = team.members.into_iter().unzip();
    Offer { cost: team.cost, start: team.start, shifts, spots }
}

fn clip(own: &[(Seconds, Seconds)], window: Window) -> Vec<(Seconds, Seconds)> {
    own.iter()
        .map(|(from, until)| ((*from).max(window.from), (*until).min(window.until)))
        .filter(|(from, until)| from <= until)
        .collect()
}
