//! What a plan does to one visit, compared with what is.

use chrono::{DateTime, Utc};
use common::convert::Window;
use serde::{Deserialize, Serialize};

/// What a plan does to a work order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Loses its technician.
    Unassigned,
    /// Stays without one.
    Open,
    /// Another window; the customer had confirmed none.
    Moved,
    /// Another technician, in the same window.
    Reassigned,
    /// Another time in the same window.
    Retimed,
    /// Gets a technician.
    Assigned,
    /// Stays as it is.
    Kept,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Unassigned, Self::Open, Self::Moved, Self::Reassigned, Self::Retimed, Self::Assigned, Self::Kept];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unassigned => "unassigned",
            Self::Open => "open",
            Self::Moved => "moved",
            Self::Reassigned => "reassigned",
            Self::Retimed => "retimed",
            Self::Assigned => "assigned",
            Self::Kept => "kept",
        }
    }

    /// Whether applying the plan writes something.
    #[must_use]
    pub fn writes(self) -> bool {
        match self {
            Self::Unassigned | Self::Moved | Self::Reassigned | Self::Retimed | Self::Assigned => true,
            Self::Open | Self::Kept => false,
        }
    }

    /// Whether the customer notices: another person, another window, or nobody.
    #[must_use]
    pub fn moves_customer(self) -> bool {
        match self {
            Self::Unassigned | Self::Moved | Self::Reassigned => true,
            Self::Open | Self::Retimed | Self::Assigned | Self::Kept => false,
        }
    }
}

/// Who goes, when, in which window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The leading technician first.
    pub technicians: Vec<String>,
    /// Service point of the leading technician.
    pub service_point_id: String,
    /// The planned work.
    pub planned: Window,
    /// The window told, or to be told.
    pub window: Window,
}

/// One visit in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanVisit {
    /// The work order.
    pub work_order_id: String,
    /// Its number.
    pub number: String,
    /// The customer.
    pub customer_id: String,
    /// Its version when the plan was computed.
    pub version: i64,
    /// What the plan does.
    pub kind: ChangeKind,
    /// As it was.
    pub before: Option<Seat>,
    /// As planned.
    pub after: Option<Seat>,
    /// Seconds of travel to it.
    pub travel_seconds: i32,
    /// Rules that leave it without a technician, with the number of technicians.
    pub refusals: Vec<(String, i32)>,
    /// Whether the customer must agree to another window first.
    pub consent_needed: bool,
    /// Windows that could be offered then.
    pub alternatives: Vec<Window>,
}

/// What it is, when this was so and that is planned.
#[must_use]
pub fn kind(before: Option<&Seat>, after: Option<&Seat>) -> ChangeKind {
    match (before, after) {
        (None, None) => ChangeKind::Open,
        (None, Some(_)) => ChangeKind::Assigned,
        (Some(_), None) => ChangeKind::Unassigned,
        (Some(was), Some(is)) if was.window != is.window => ChangeKind::Moved,
        (Some(was), Some(is)) if was.technicians != is.technicians => ChangeKind::Reassigned,
        (Some(was), Some(is)) if was.planned != is.planned => ChangeKind::Retimed,
        (Some(_), Some(_)) => ChangeKind::Kept,
    }
}

/// The window of a grid in which a start falls: what is told to a customer who named none.
#[must_use]
pub fn window_of(start: DateTime<Utc>, day_start: DateTime<Utc>, length: chrono::Duration) -> Window {
    let steps = (start - day_start).num_seconds().div_euclid(length.num_seconds().max(1));
    let from = day_start + length * i32::try_from(steps).unwrap_or_default();
    Window { start: from, end: from + length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_416_800 + hour * 3600, 0).unwrap()
    }

    fn seat(who: &str, from: i64, window: i64) -> Seat {
        Seat {
            technicians: vec![who.to_owned()],
            service_point_id: "sp_1".to_owned(),
            planned: Window { start: at(from), end: at(from + 1) },
            window: Window { start: at(window), end: at(window + 2) },
        }
    }

    #[test]
    fn a_change_is_named_by_what_the_customer_notices_most() {
        let was = seat("a", 1, 0);
        for (after, wanted) in [
            (Some(seat("b", 3, 2)), ChangeKind::Moved),
            (Some(seat("b", 1, 0)), ChangeKind::Reassigned),
            (Some(seat("a", 0, 0)), ChangeKind::Retimed),
            (Some(seat("a", 1, 0)), ChangeKind::Kept),
            (None, ChangeKind::Unassigned),
        ] {
            assert_eq!(kind(Some(&was), after.as_ref()), wanted);
        }
        assert_eq!(kind(None, Some(&was)), ChangeKind::Assigned);
        assert_eq!(kind(None, None), ChangeKind::Open);
    }

    #[test]
    fn a_start_falls_into_one_window_of_the_grid() {
        let window = window_of(at(5), at(0), chrono::Duration::hours(2));
        assert_eq!(window, Window { start: at(4), end: at(6) });
        assert_eq!(window_of(at(4), at(0), chrono::Duration::hours(2)).start, at(4));
    }
}
