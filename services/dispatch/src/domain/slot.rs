//! Capacity kept for one customer: held for some minutes, booked, given back or run out.

use chrono::{DateTime, Utc};
use common::{
    convert::{Position, Window},
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{ServicePointId, SlotHoldId, TechnicianId};

/// Where a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The capacity is kept for a short while.
    Held,
    /// The customer took it; it waits for the work order.
    Booked,
    /// The work order has it.
    Used,
    /// It was given back.
    Released,
    /// Nobody booked it in time.
    Expired,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Held, Self::Booked, Self::Used, Self::Released, Self::Expired];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Booked => "booked",
            Self::Used => "used",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    /// What may be done in it.
    #[must_use]
    pub fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Held => &["book", "release"],
            Self::Booked => &["use", "release"],
            Self::Used | Self::Released | Self::Expired => &[],
        }
    }
}

/// Time of technicians that nobody else can have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlotHold {
    /// Id.
    pub id: SlotHoldId,
    /// Version.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// Organisation unit that owns it.
    pub org_unit_id: String,
    /// The leading technician, then the others of the crew.
    pub technicians: Vec<TechnicianId>,
    /// Service point of the leading technician.
    pub service_point_id: ServicePointId,
    /// The window told to the customer.
    pub window: Window,
    /// The planned work in it.
    pub planned: Window,
    /// Where it is.
    pub position: Option<Position>,
    /// When the capacity is free again by itself.
    pub expires_at: DateTime<Utc>,
    /// The work order, once there is one.
    pub work_order_id: Option<String>,
    /// The service request, where the caller named one.
    pub service_request_id: Option<String>,
    /// State.
    pub state: State,
}

impl Record for SlotHold {
    const KIND: &'static str = "slot_hold";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn state(&self) -> &'static str {
        self.state.name()
    }

    fn case_id(&self) -> Option<&str> {
        self.service_request_id.as_deref()
    }
}

impl SlotHold {
    /// Whether it keeps others out at that instant.
    #[must_use]
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        match self.state {
            State::Held | State::Booked => now < self.expires_at,
            State::Used | State::Released | State::Expired => false,
        }
    }

    fn moved(
        mut self,
        action: &'static str,
        to: State,
        why: impl Into<String>,
        now: DateTime<Utc>,
    ) -> Result<Changed<Self>> {
        let from = self.state;
        if !from.allowed().contains(&action) {
            return Err(Error::illegal(Self::KIND, action, from.name(), from.allowed()));
        }
        self.state = to;
        self.updated_at = now;
        Ok(Changed::new(self, action, from.name(), why))
    }

    /// Refuses what ran out already, whatever its timer did.
    ///
    /// # Errors
    ///
    /// `SLOT_EXPIRED`; `ILLEGAL_TRANSITION`.
    pub fn ensure_open(&self, action: &str, now: DateTime<Utc>) -> Result<()> {
        if self.state == State::Expired || (self.state == State::Held && now >= self.expires_at) {
            let at = self.expires_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            return Err(Error::new(crate::error::reason::SLOT_EXPIRED).with("expired_at", at));
        }
        if self.state.allowed().contains(&action) {
            Ok(())
        } else {
            Err(Error::illegal(Self::KIND, action, self.state.name(), self.state.allowed()))
        }
    }

    /// The customer took it, and there is no work order yet: it is kept until `until`.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `SLOT_EXPIRED`.
    pub fn book(mut self, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.ensure_open("book", now)?;
        self.expires_at = until;
        self.moved("book", State::Booked, "", now)
    }

    /// The work order has it.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`; `SLOT_EXPIRED`.
    pub fn used_by(mut self, work_order_id: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let action = if self.state == State::Held { "book" } else { "use" };
        self.ensure_open(action, now)?;
        self.work_order_id = Some(work_order_id.to_owned());
        self.moved(action, State::Used, "", now)
    }

    /// Given back.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION`.
    pub fn release(self, why: String, now: DateTime<Utc>) -> Result<Changed<Self>> {
        self.moved("release", State::Released, why, now)
    }

    /// Its time is over. `None` when it is not: a timer may come late or twice.
    #[must_use]
    pub fn expire(mut self, now: DateTime<Utc>) -> Option<Changed<Self>> {
        let open = matches!(self.state, State::Held | State::Booked);
        if !open || now < self.expires_at {
            return None;
        }
        let from = self.state.name();
        self.state = State::Expired;
        self.updated_at = now;
        Some(Changed::new(self, "expire", from, "not_booked_in_time"))
    }
}

/// The windows of one day: one after the other from `from` to `until`, each `length` long, those that are over left out.
#[must_use]
pub fn grid(
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    length: chrono::Duration,
    not_before: DateTime<Utc>,
) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut start = from;
    while length > chrono::Duration::zero() && start + length <= until {
        if start >= not_before {
            windows.push(Window { start, end: start + length });
        }
        start += length;
    }
    windows
}

#[cfg(test)]
mod tests {
    use common::id::Id as _;

    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_416_800 + hour * 3600, 0).unwrap()
    }

    fn hold() -> SlotHold {
        SlotHold {
            id: SlotHoldId::wrap("sh_1".to_owned()),
            version: 1,
            created_at: at(0),
            updated_at: at(0),
            org_unit_id: "ou_1".to_owned(),
            technicians: vec![TechnicianId::wrap("te_1".to_owned())],
            service_point_id: ServicePointId::wrap("sp_1".to_owned()),
            window: Window { start: at(4), end: at(6) },
            planned: Window { start: at(4), end: at(5) },
            position: None,
            expires_at: at(1),
            work_order_id: None,
            service_request_id: Some("sr_1".to_owned()),
            state: State::Held,
        }
    }

    #[test]
    fn a_hold_keeps_others_out_until_it_runs_out() {
        assert!(hold().holds(at(0)));
        assert!(!hold().holds(at(1)));
        assert!(hold().expire(at(0)).is_none());
        assert_eq!(hold().expire(at(1)).unwrap().record.state, State::Expired);
    }

    #[test]
    fn what_ran_out_is_not_booked_even_when_its_timer_is_late() {
        let late = hold().used_by("wo_1", at(2)).unwrap_err();
        assert_eq!(late.reason.name, "SLOT_EXPIRED");
        let used = hold().used_by("wo_1", at(0)).unwrap().record;
        assert_eq!((used.state, used.holds(at(0))), (State::Used, false));
        assert_eq!(used.release(String::new(), at(0)).unwrap_err().reason.name, "ILLEGAL_TRANSITION");
    }

    #[test]
    fn a_booked_hold_waits_longer_for_its_work_order() {
        let booked = hold().book(at(24), at(0)).unwrap().record;
        assert!(booked.holds(at(20)));
        assert_eq!(booked.used_by("wo_1", at(20)).unwrap().record.work_order_id.as_deref(), Some("wo_1"));
    }

    #[test]
    fn a_day_is_cut_into_windows_and_the_past_is_left_out() {
        let two = chrono::Duration::hours(2);
        assert_eq!(grid(at(0), at(9), two, at(0)).len(), 4);
        assert_eq!(grid(at(0), at(9), two, at(3))[0].start, at(4));
        assert!(grid(at(0), at(9), chrono::Duration::zero(), at(0)).is_empty());
    }
}
