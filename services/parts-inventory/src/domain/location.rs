//! Where stock is kept.

use chrono::{DateTime, Utc};
use common::{
    convert::Position,
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::LocationId;
use crate::error;

named! {
    /// What a location is.
    LocationKind {
        /// Central warehouse.
        Central = "central",
        /// Warehouse of a regional office.
        Regional = "regional",
        /// Store of a service point.
        ServicePoint = "service_point",
        /// Van of one technician.
        Van = "van",
        /// Virtual: where receipts come from.
        Supplier = "supplier",
        /// Virtual: where used parts go.
        Customer = "customer",
        /// Virtual: what is on the way.
        InTransit = "in_transit",
        /// Virtual: where scrap goes.
        Scrap = "scrap",
        /// Virtual: the other side of corrections.
        Adjustment = "adjustment",
    }
}

/// Id of the supplier's side of every receipt.
pub const SUPPLIER: &str = "loc_00000000000000000000000001";
/// Id of the customers' side of every use and return.
pub const CUSTOMER: &str = "loc_00000000000000000000000002";
/// Id of what is on the way.
pub const IN_TRANSIT: &str = "loc_00000000000000000000000003";
/// Id of the scrap heap.
pub const SCRAP: &str = "loc_00000000000000000000000004";
/// Id of the other side of corrections.
pub const ADJUSTMENT: &str = "loc_00000000000000000000000005";

/// The virtual locations with their kinds: every movement has two sides, and these are the far ones.
pub const VIRTUAL: [(&str, LocationKind); 5] = [
    (SUPPLIER, LocationKind::Supplier),
    (CUSTOMER, LocationKind::Customer),
    (IN_TRANSIT, LocationKind::InTransit),
    (SCRAP, LocationKind::Scrap),
    (ADJUSTMENT, LocationKind::Adjustment),
];

impl LocationKind {
    /// Whether people walk into it.
    #[must_use]
    pub fn is_real(self) -> bool {
        match self {
            Self::Central | Self::Regional | Self::ServicePoint | Self::Van => true,
            Self::Supplier | Self::Customer | Self::InTransit | Self::Scrap | Self::Adjustment => false,
        }
    }

    /// The kind a location of this kind stands below.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        match self {
            Self::Regional => Some(Self::Central),
            Self::ServicePoint => Some(Self::Regional),
            Self::Van => Some(Self::ServicePoint),
            Self::Central | Self::Supplier | Self::Customer | Self::InTransit | Self::Scrap | Self::Adjustment => None,
        }
    }
}

/// Whether a stored balance is kept for that location. The far sides have none: they would be one hot row for
/// everybody, and nothing may ever be taken from them on the strength of a balance.
#[must_use]
pub fn keeps_balance(location_id: &str) -> bool {
    ![SUPPLIER, CUSTOMER, SCRAP, ADJUSTMENT].contains(&location_id)
}

/// A place that holds stock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Id.
    pub id: LocationId,
    /// Changes seen.
    pub version: i64,
    /// Owner.
    pub org_unit_id: String,
    /// Made.
    pub created_at: DateTime<Utc>,
    /// Last changed.
    pub updated_at: DateTime<Utc>,
    /// Short unique code.
    pub code: String,
    /// Name.
    pub name: String,
    /// What it is.
    pub kind: LocationKind,
    /// From the root down to and with this one; the last but one is the parent.
    pub path: Vec<String>,
    /// The technician of a van.
    pub technician_id: String,
    /// The service point in dispatch.
    pub service_point_id: String,
    /// Where it is.
    pub position: Option<Position>,
    /// Takes and gives nothing.
    pub closed: bool,
}

impl Record for Location {
    const KIND: &'static str = "location";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn number(&self) -> &str {
        &self.code
    }
}

impl Location {
    /// The location above.
    #[must_use]
    pub fn parent_id(&self) -> &str {
        self.path.len().checked_sub(2).and_then(|above| self.path.get(above)).map_or("", String::as_str)
    }

    /// Puts a new location into the tree.
    ///
    /// # Errors
    ///
    /// `WRONG_PLACE_IN_TREE`: only real kinds, each below its own parent kind, a van with its technician.
    pub fn place(mut self, parent: Option<&Self>) -> Result<Self> {
        let technician_fits = (self.kind == LocationKind::Van) != self.technician_id.is_empty();
        let parent_fits = parent.map(|parent| parent.kind) == self.kind.parent() && parent.is_none_or(|up| !up.closed);
        if !self.kind.is_real() || !technician_fits || !parent_fits {
            return Err(Error::new(error::WRONG_PLACE_IN_TREE)
                .with("kind", self.kind.as_str())
                .with("parent_kind", self.kind.parent().map_or("", LocationKind::as_str)));
        }
        self.path = parent.map(|parent| parent.path.clone()).unwrap_or_default();
        self.path.push(self.id.to_string());
        Ok(self)
    }

    /// Refuses a location that stock cannot be booked on by hand.
    ///
    /// # Errors
    ///
    /// `LOCATION_NOT_USABLE`.
    pub fn usable(&self) -> Result<()> {
        if self.kind.is_real() && !self.closed {
            return Ok(());
        }
        Err(Error::new(error::LOCATION_NOT_USABLE).with("location_id", &self.id).with("code", &self.code))
    }

    /// Saves changed fields. Virtual locations never change.
    ///
    /// # Errors
    ///
    /// `LOCATION_NOT_USABLE` for a virtual one, `WRONG_PLACE_IN_TREE` for a van without technician.
    pub fn update(self, to: Self, now: DateTime<Utc>) -> Result<Changed<Self>> {
        if !self.kind.is_real() {
            self.usable()?;
        }
        if (to.kind == LocationKind::Van) == to.technician_id.is_empty() {
            return Err(Error::new(error::WRONG_PLACE_IN_TREE).with("kind", to.kind.as_str()).with("parent_kind", ""));
        }
        Ok(Changed::new(Self { updated_at: now, ..to }, "update", "", ""))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use common::id::Id as _;

    pub(crate) fn location(id: &str, kind: LocationKind, technician: &str) -> Location {
        Location {
            id: LocationId::wrap(id.to_owned()),
            version: 1,
            org_unit_id: String::new(),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            code: id.to_owned(),
            name: id.to_owned(),
            kind,
            path: Vec::new(),
            technician_id: technician.to_owned(),
            service_point_id: String::new(),
            position: None,
            closed: false,
        }
    }

    #[test]
    fn the_tree_is_central_regional_service_point_van() {
        let real = [LocationKind::Central, LocationKind::Regional, LocationKind::ServicePoint, LocationKind::Van];
        let technician = |kind| if kind == LocationKind::Van { "te_1" } else { "" };
        for &kind in LocationKind::ALL {
            for parent in [None].into_iter().chain(real.into_iter().map(Some)) {
                let above = parent.map(|parent| location("up", parent, technician(parent)));
                let placed = location("me", kind, technician(kind)).place(above.as_ref());
                let legal = kind.is_real() && kind.parent() == parent;
                assert_eq!(placed.is_ok(), legal, "{kind:?} below {parent:?}");
            }
        }
    }

    #[test]
    fn a_van_has_a_technician_and_nothing_else_has_one() {
        let point = location("sp", LocationKind::ServicePoint, "");
        assert!(location("v", LocationKind::Van, "").place(Some(&point)).is_err());
        let region = location("r", LocationKind::Regional, "");
        assert!(location("sp", LocationKind::ServicePoint, "te_1").place(Some(&region)).is_err());
    }

    #[test]
    fn only_the_far_sides_keep_no_balance() {
        assert!(keeps_balance(IN_TRANSIT) && keeps_balance("loc_any"));
        for id in [SUPPLIER, CUSTOMER, SCRAP, ADJUSTMENT] {
            assert!(!keeps_balance(id));
        }
    }
}
