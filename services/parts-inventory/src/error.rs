//! The reasons of this service. Their texts stand in `messages/`.

use common::error::{Kind, Reason};

/// A SKU that the catalogue does not know.
pub const UNKNOWN_PART: Reason = Reason::new("UNKNOWN_PART", Kind::InvalidArgument);
/// The catalogue has this SKU already.
pub const SKU_TAKEN: Reason = Reason::new("SKU_TAKEN", Kind::AlreadyExists);
/// Another location has this code.
pub const LOCATION_CODE_TAKEN: Reason = Reason::new("LOCATION_CODE_TAKEN", Kind::AlreadyExists);
/// The technician has a van already.
pub const VAN_TAKEN: Reason = Reason::new("VAN_TAKEN", Kind::AlreadyExists);
/// The location may not stand there in the tree.
pub const WRONG_PLACE_IN_TREE: Reason = Reason::new("WRONG_PLACE_IN_TREE", Kind::InvalidArgument);
/// Only an empty location can be closed.
pub const LOCATION_NOT_EMPTY: Reason = Reason::new("LOCATION_NOT_EMPTY", Kind::FailedPrecondition);
/// The location takes and gives nothing: it is closed, or virtual.
pub const LOCATION_NOT_USABLE: Reason = Reason::new("LOCATION_NOT_USABLE", Kind::FailedPrecondition);
/// There is not so much free stock.
pub const INSUFFICIENT_STOCK: Reason = Reason::new("INSUFFICIENT_STOCK", Kind::FailedPrecondition);
/// The part's tracking and the batch or serial number given do not fit.
pub const TRACKING_MISMATCH: Reason = Reason::new("TRACKING_MISMATCH", Kind::InvalidArgument);
/// The quantity has more decimals than the part's unit allows.
pub const QUANTITY_DECIMALS: Reason = Reason::new("QUANTITY_DECIMALS", Kind::InvalidArgument);
/// A piece with this serial number lies somewhere already.
pub const SERIAL_ON_HAND: Reason = Reason::new("SERIAL_ON_HAND", Kind::AlreadyExists);
/// The work order has a live reservation of other lines.
pub const RESERVATION_DIFFERS: Reason = Reason::new("RESERVATION_DIFFERS", Kind::AlreadyExists);
/// An extension must end later.
pub const EXPIRY_NOT_LATER: Reason = Reason::new("EXPIRY_NOT_LATER", Kind::InvalidArgument);
/// What arrived is not what was sent.
pub const RECEIPT_DIFFERS: Reason = Reason::new("RECEIPT_DIFFERS", Kind::InvalidArgument);
/// The amount is above what the role may approve.
pub const APPROVAL_LIMIT: Reason = Reason::new("APPROVAL_LIMIT", Kind::PermissionDenied);
/// Who asked cannot approve.
pub const OWN_REQUEST: Reason = Reason::new("OWN_REQUEST", Kind::PermissionDenied);
/// The lines have prices in several currencies.
pub const MIXED_CURRENCIES: Reason = Reason::new("MIXED_CURRENCIES", Kind::FailedPrecondition);
/// The window for returns or exchanges has passed.
pub const OUTSIDE_WINDOW: Reason = Reason::new("OUTSIDE_WINDOW", Kind::FailedPrecondition);
/// The serial number is not the one on record.
pub const SERIAL_DIFFERS: Reason = Reason::new("SERIAL_DIFFERS", Kind::FailedPrecondition);
/// The technician owes too many old parts.
pub const OLD_PARTS_OWED: Reason = Reason::new("OLD_PARTS_OWED", Kind::FailedPrecondition);

/// All of them, for the error table.
pub const ALL: &[Reason] = &[
    UNKNOWN_PART,
    SKU_TAKEN,
    LOCATION_CODE_TAKEN,
    VAN_TAKEN,
    WRONG_PLACE_IN_TREE,
    LOCATION_NOT_EMPTY,
    LOCATION_NOT_USABLE,
    INSUFFICIENT_STOCK,
    TRACKING_MISMATCH,
    QUANTITY_DECIMALS,
    SERIAL_ON_HAND,
    RESERVATION_DIFFERS,
    EXPIRY_NOT_LATER,
    RECEIPT_DIFFERS,
    APPROVAL_LIMIT,
    OWN_REQUEST,
    MIXED_CURRENCIES,
    OUTSIDE_WINDOW,
    SERIAL_DIFFERS,
    OLD_PARTS_OWED,
];
