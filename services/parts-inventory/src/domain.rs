//! The rules of parts and stock: pure, without database, clock or network.

use common::typed_id;

/// Declares an enum whose values have a stable name in rows, histories and events.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its stable name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

pub mod location;
pub mod old_part;
pub mod part;
pub mod picking;
pub mod reservation;
pub mod rma;
pub mod stock;
pub mod supplementary_order;
pub mod transfer;

typed_id! {
    /// A part of the catalogue.
    PartId = "pt";
    /// A place that holds stock.
    LocationId = "loc";
    /// A booking of stock that stands for itself.
    StockDocumentId = "sd";
    /// One movement of the ledger.
    MovementId = "mov";
    /// Stock on its way.
    TransferId = "tr";
    /// Parts promised to a work order.
    ReservationId = "rsv";
    /// Parts ordered because they are nowhere.
    SupplementaryOrderId = "so";
    /// Goods that a customer returns.
    ReturnId = "rma";
    /// An old part that a technician owes.
    OldPartDebtId = "opd";
}

/// A quantity of one part, in thousandths of its unit.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Quantity {
    /// The part's SKU.
    pub sku: String,
    /// Thousandths of the part's unit.
    pub milli: i64,
}

impl Quantity {
    /// So much of that part.
    #[must_use]
    pub fn new(sku: impl Into<String>, milli: i64) -> Self {
        Self { sku: sku.into(), milli }
    }

    /// The same quantities with one line per part, ordered by SKU.
    #[must_use]
    pub fn merged(lines: &[Self]) -> Vec<Self> {
        let mut sums = std::collections::BTreeMap::<&str, i64>::new();
        for line in lines {
            let sum = sums.entry(&line.sku).or_default();
            *sum = sum.saturating_add(line.milli);
        }
        sums.into_iter().map(|(sku, milli)| Self::new(sku, milli)).collect()
    }
}
