//! Where the parts of a job are taken from. Candidates in, allocations out: the technician's own van first, then by
//! distance in the tree of locations, then by distance on the map, then what came in first.

use chrono::{DateTime, Utc};
use common::convert::Position;

use super::{Quantity, location::LocationKind, reservation::Allocation};

/// Free good stock of one balance.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The balance.
    pub balance_id: String,
    /// The part.
    pub part_id: String,
    /// Its SKU.
    pub sku: String,
    /// Batch or serial number.
    pub tracking: String,
    /// Whether `tracking` names one piece.
    pub serial: bool,
    /// Free to promise.
    pub available: i64,
    /// When it came in.
    pub since: DateTime<Utc>,
    /// The place.
    pub location_id: String,
    /// What the place is.
    pub kind: LocationKind,
    /// From the root to the place.
    pub path: Vec<String>,
    /// Where the place is.
    pub position: Option<Position>,
}

/// What the parts are to be near to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Near {
    /// The technician's van.
    pub own_van: Option<String>,
    /// From the root to the location to start from; empty when there is none.
    pub path: Vec<String>,
    /// Where the job, or that location, is.
    pub position: Option<Position>,
}

impl Near {
    /// Steps through the tree from the start to a location. Without a start the lower levels are nearer.
    #[must_use]
    pub fn steps(&self, path: &[String]) -> usize {
        if self.path.is_empty() {
            return 4_usize.saturating_sub(path.len());
        }
        let shared = self.path.iter().zip(path).take_while(|(ours, theirs)| ours == theirs).count();
        self.path.len() + path.len() - 2 * shared
    }

    /// Metres to a location; infinite when unknown, so that known places come first.
    #[must_use]
    pub fn metres(&self, position: Option<&Position>) -> f64 {
        match (&self.position, position) {
            (Some(here), Some(there)) => here.metres_to(there),
            (None, _) | (_, None) => f64::INFINITY,
        }
    }

    /// Whether a job may be served from there: not from the van of somebody else.
    #[must_use]
    pub fn may_serve(&self, candidate: &Candidate) -> bool {
        candidate.kind != LocationKind::Van || self.own_van.as_deref() == Some(candidate.location_id.as_str())
    }
}

/// Takes each line from one location, nearest first; all lines, or none.
///
/// # Errors
///
/// The lines that no single location can serve.
pub fn plan(lines: &[Quantity], candidates: &[Candidate], near: &Near) -> Result<Vec<Allocation>, Vec<Quantity>> {
    let mut order: Vec<&Candidate> =
        candidates.iter().filter(|candidate| candidate.available > 0 && near.may_serve(candidate)).collect();
    order.sort_by(|a, b| {
        let own = |candidate: &Candidate| near.own_van.as_deref() != Some(candidate.location_id.as_str());
        (own(a), near.steps(&a.path))
            .cmp(&(own(b), near.steps(&b.path)))
            .then(near.metres(a.position.as_ref()).total_cmp(&near.metres(b.position.as_ref())))
            .then_with(|| a.location_id.cmp(&b.location_id))
            .then(a.since.cmp(&b.since))
            .then_with(|| a.balance_id.cmp(&b.balance_id))
    });
    let mut allocations = Vec::new();
    let mut short = Vec::new();
    for line in Quantity::merged(lines) {
        match take(&line, &order) {
            Some(taken) => allocations.extend(taken),
            None => short.push(line),
        }
    }
    if short.is_empty() { Ok(allocations) } else { Err(short) }
}

/// A line out of the first location that holds enough of it.
fn take(line: &Quantity, order: &[&Candidate]) -> Option<Vec<Allocation>> {
    let of_part: Vec<_> = order.iter().filter(|candidate| candidate.sku == line.sku).collect();
    let enough = |location: &str| {
        of_part.iter().filter(|there| there.location_id == location).map(|there| there.available).sum::<i64>()
            >= line.milli
    };
    let location = &of_part.iter().find(|candidate| enough(&candidate.location_id))?.location_id;
    let mut missing = line.milli;
    let mut taken = Vec::new();
    for candidate in of_part.iter().filter(|candidate| &candidate.location_id == location) {
        if missing == 0 {
            break;
        }
        let milli = candidate.available.min(missing);
        missing -= milli;
        taken.push(Allocation {
            part_id: candidate.part_id.clone(),
            sku: candidate.sku.clone(),
            balance_id: candidate.balance_id.clone(),
            location_id: candidate.location_id.clone(),
            tracking: candidate.tracking.clone(),
            serial: candidate.serial,
            milli,
        });
    }
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').map(str::to_owned).collect()
    }

    fn candidate(sku: &str, place: &str, pieces: i64) -> Candidate {
        let path = path(place);
        let kind = [LocationKind::Central, LocationKind::Regional, LocationKind::ServicePoint, LocationKind::Van];
        Candidate {
            balance_id: format!("{sku}|{place}"),
            part_id: sku.to_owned(),
            sku: sku.to_owned(),
            tracking: String::new(),
            serial: false,
            available: pieces * 1000,
            since: DateTime::UNIX_EPOCH,
            location_id: path.last().unwrap().clone(),
            kind: kind[path.len() - 1],
            path,
            position: None,
        }
    }

    fn near(van: &str) -> Near {
        let path = path(van);
        Near { own_van: path.last().cloned(), path, position: None }
    }

    fn from(plan: Result<Vec<Allocation>, Vec<Quantity>>) -> Vec<String> {
        plan.unwrap().into_iter().map(|allocation| allocation.location_id).collect()
    }

    #[test]
    fn the_van_then_the_service_point_then_the_region_then_the_centre() {
        let mut stock: Vec<_> = ["c", "c/r", "c/r/s", "c/r/s/v", "c/r/s/other", "c/r/s2"]
            .into_iter()
            .map(|place| candidate("A", place, 1))
            .collect();
        for expected in ["v", "s", "r"] {
            let place = from(plan(&[Quantity::new("A", 1000)], &stock, &near("c/r/s/v")));
            assert_eq!(place, [expected]);
            stock.retain(|candidate| candidate.location_id != expected);
        }
        // The centre and the neighbouring service point are equally far in the tree; the map decides.
        let here = Position { latitude: 31.2, longitude: 121.5 };
        let mut job = near("c/r/s/v");
        job.position = Some(here);
        stock.iter_mut().find(|place| place.location_id == "s2").unwrap().position = Some(here);
        assert_eq!(from(plan(&[Quantity::new("A", 1000)], &stock, &job)), ["s2"]);
    }

    #[test]
    fn another_van_is_never_emptied() {
        let stock = [candidate("A", "c/r/s/other", 5)];
        assert_eq!(plan(&[Quantity::new("A", 1000)], &stock, &near("c/r/s/v")), Err(vec![Quantity::new("A", 1000)]));
    }

    #[test]
    fn a_line_comes_from_one_place_and_all_lines_or_none() {
        let stock = [candidate("A", "c", 3), candidate("A", "c/r", 3), candidate("B", "c", 1)];
        let wanted = |a: i64, b: i64| [Quantity::new("A", a * 1000), Quantity::new("B", b * 1000)];
        assert_eq!(from(plan(&wanted(3, 1), &stock, &near("c/r/s/v"))), ["r", "c"]);
        let short = plan(&wanted(4, 2), &stock, &near("c/r/s/v")).unwrap_err();
        assert_eq!(short, wanted(4, 2));
    }

    #[test]
    fn pieces_with_numbers_are_taken_oldest_first() {
        let mut old = candidate("A", "c", 1);
        old.tracking = "S1".into();
        let mut new = old.clone();
        new.tracking = "S2".into();
        new.balance_id = "0".into();
        new.since += chrono::Duration::days(1);
        let taken = plan(&[Quantity::new("A", 1000)], &[new, old], &Near::default()).unwrap();
        assert_eq!(taken[0].tracking, "S1");
    }

    proptest! {
        #[test]
        fn a_plan_takes_exactly_what_is_wanted_and_never_more_than_there_is(
            stock in proptest::collection::vec((0..3_usize, 0..4_usize, 0..5_i64), 0..24),
            wanted in proptest::collection::vec((0..3_usize, 1..5_i64), 1..6),
        ) {
            let places = ["c", "c/r", "c/r/s", "c/r/s/v"];
            let skus = ["A", "B", "C"];
            let stock: Vec<_> = stock.iter().enumerate().map(|(row, &(sku, place, pieces))| {
                let mut candidate = candidate(skus[sku], places[place], pieces);
                candidate.balance_id = format!("{row:02}");
                candidate
            }).collect();
            let wanted: Vec<_> = wanted.iter().map(|&(sku, n)| Quantity::new(skus[sku], n * 1000)).collect();
            if let Ok(taken) = plan(&wanted, &stock, &near("c/r/s/v")) {
                for row in &stock {
                    let from_row: i64 = taken.iter().filter(|t| t.balance_id == row.balance_id).map(|t| t.milli).sum();
                    prop_assert!(from_row <= row.available);
                }
                for line in Quantity::merged(&wanted) {
                    let got: Vec<_> = taken.iter().filter(|t| t.sku == line.sku).collect();
                    prop_assert_eq!(got.iter().map(|t| t.milli).sum::<i64>(), line.milli);
                    prop_assert!(got.windows(2).all(|pair| pair[0].location_id == pair[1].location_id));
                }
            }
        }
    }
}
