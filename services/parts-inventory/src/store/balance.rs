//! What lies where, in real columns: stock moves under contention, so a balance is never read, changed and written
//! back, only changed by one conditional statement.

use sea_orm::entity::prelude::*;

/// One balance.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "stock_balance")]
pub struct Model {
    /// Part, location, condition and tracking, joined.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The part.
    pub part_id: String,
    /// Its SKU.
    pub sku: String,
    /// The place.
    pub location_id: String,
    /// The condition.
    pub condition: String,
    /// Batch or serial number; empty for plain parts.
    pub tracking: String,
    /// Whether `tracking` names one piece.
    pub serial: bool,
    /// What lies there, in thousandths of the unit.
    pub on_hand: i64,
    /// Of it promised.
    pub reserved: i64,
    /// When something first came in after it was empty.
    pub since: DateTimeUtc,
    /// When it last changed.
    pub updated_at: DateTimeUtc,
}

/// None.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Free to promise: only good pieces, and none that are on the way.
    #[must_use]
    pub fn available(&self) -> i64 {
        use crate::domain::{location::IN_TRANSIT, stock::StockCondition};
        if self.condition == StockCondition::Good.as_str() && self.location_id != IN_TRANSIT {
            self.on_hand - self.reserved
        } else {
            0
        }
    }
}
