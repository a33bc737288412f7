//! Rows and records: the tables of the aggregates, and the stock that moves under contention.

use common::{
    db::Tx,
    error::Result,
    record::{Changed, Record},
    service::Call,
    store::Table,
};
use prost::{Message, Name};
use sea_orm::{EntityTrait, IntoActiveModel, PrimaryKeyTrait};

pub mod balance;
pub mod booking;
pub mod catalogue;
pub mod check;
pub mod debts;
pub mod ledger;
pub mod migration;
pub mod owned;
pub mod picking;
pub mod reserving;

mod m20261121_001001_part;
mod m20261121_001002_location;
mod m20261121_001003_stock;
mod m20261121_001004_documents;
mod m20261121_001005_reservation;
mod m20261121_001006_supplementary_order;
mod m20261121_001007_goods_return;
mod m20261121_001008_old_part_debt;
mod m20261122_001009_document_technician;

/// Declares the table of one aggregate: whose its rows are, and the projected columns beside id, version, times and body.
macro_rules! table {
    ($module:ident, $table:tt, $record:ty, $within:path, |$r:ident| ($created:expr, $updated:expr) {
        $($column:ident: $type:ident = $value:expr,)*
    }) => {
        #[doc = concat!("Rows of the table `", $table, "`.")]
        pub mod $module {
            use common::{error::Result, record::Record as _, store::{self, set}};
            use sea_orm::entity::prelude::*;

            /// One record: columns that lists filter and sort by, and the record itself.
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                /// Id.
                #[sea_orm(primary_key, auto_increment = false)]
                pub id: String,
                /// Guards every write.
                pub version: i64,
                $(
                    /// Projected from the body.
                    pub $column: $type,
                )*
                /// Made.
                pub created_at: DateTimeUtc,
                /// Last changed.
                pub updated_at: DateTimeUtc,
                /// The record.
                pub body: Json,
            }

            /// None.
            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}

            impl common::reach::Owned for Entity {
                fn within(reach: &common::reach::Reach) -> sea_orm::Condition {
                    $within(reach)
                }
            }

            impl store::Table for Entity {
                type Record = $record;
                const ID: Column = Column::Id;
                const VERSION: Column = Column::Version;

                fn row($r: &Self::Record) -> Result<ActiveModel> {
                    Ok(ActiveModel {
                        id: set($r.id().to_owned()),
                        version: set($r.version()),
                        $($column: set($value),)*
                        created_at: set($created),
                        updated_at: set($updated),
                        body: set(store::body($r)?),
                    })
                }

                fn record(row: Model) -> Result<Self::Record> {
                    store::from_body(row.body)
                }
            }
        }
    };
}

table!(part, "part", crate::domain::part::Part, crate::store::owned::part, |r| (r.created_at, r.updated_at) {
    org_unit_id: String = r.org_unit_id.clone(),
    sku: String = r.sku.clone(),
    name: String = r.card.name.clone(),
    kind: String = r.kind.as_str().to_owned(),
    models: String = super::tags(r.card.models.iter()),
    barcode: String = r.card.barcode.clone(),
});

table!(location, "location", crate::domain::location::Location, crate::store::owned::location, |r| (r.created_at, r.updated_at) {
    org_unit_id: String = r.org_unit_id.clone(),
    code: String = r.code.clone(),
    name: String = r.name.clone(),
    kind: String = r.kind.as_str().to_owned(),
    parent_id: String = r.parent_id().to_owned(),
    technician_id: String = r.technician_id.clone(),
});

table!(stock_document, "stock_document", crate::domain::stock::StockDocument, crate::store::owned::stock_document, |r| (r.created_at, r.created_at) {
    org_unit_id: String = r.org_unit_id.clone(),
    kind: String = r.kind.as_str().to_owned(),
    location_id: String = r.location_id.clone(),
    technician_id: String = r.technician_id.clone(),
});

table!(transfer, "transfer", crate::domain::transfer::Transfer, crate::store::owned::transfer, |r| (r.created_at, r.updated_at) {
    org_unit_id: String = r.org_unit_id.clone(),
    number: String = r.number.clone(),
    state: String = r.state().to_owned(),
    from_location_id: String = r.from_location_id.clone(),
    to_location_id: String = r.to_location_id.clone(),
});

table!(reservation, "reservation", crate::domain::reservation::Reservation, crate::store::owned::reservation, |r| (r.created_at, r.updated_at) {
    org_unit_id: String = r.need.org_unit_id.clone(),
    state: String = r.state().to_owned(),
    work_order_id: String = r.need.work_order_id.clone(),
    service_request_id: String = r.need.service_request_id.clone(),
    short_skus: String = super::tags(r.short_skus()),
    uncovered: bool = super::has_uncovered(r),
    expires_at: DateTimeUtc = r.expires_at().unwrap_or(super::NEVER),
});

table!(
    supplementary_order,
    "supplementary_order",
    crate::domain::supplementary_order::SupplementaryOrder,
    crate::store::owned::supplementary_order,
    |r| (r.created_at, r.updated_at) {
        org_unit_id: String = r.org_unit_id.clone(),
        number: String = r.number.clone(),
        state: String = r.state().to_owned(),
        work_order_id: String = r.work_order_id.clone(),
        service_request_id: String = r.service_request_id.clone(),
        location_id: String = r.location_id.clone(),
        skus: String = super::tags(r.lines.iter().map(|line| line.sku.as_str())),
        expected_at: DateTimeUtc = r.expected_at.unwrap_or(super::NEVER),
    }
);

table!(goods_return, "goods_return", crate::domain::rma::Return, crate::store::owned::goods_return, |r| (r.created_at, r.updated_at) {
    org_unit_id: String = r.org_unit_id.clone(),
    number: String = r.number.clone(),
    state: String = r.state().to_owned(),
    service_request_id: String = r.service_request_id.clone(),
    customer_id: String = r.customer_id.clone(),
    disposition: String = r.disposition.map_or("", |disposition| disposition.as_str()).to_owned(),
    serial: String = r.serial.clone(),
});

table!(old_part_debt, "old_part_debt", crate::domain::old_part::OldPartDebt, crate::store::owned::old_part_debt, |r| (r.created_at, r.updated_at) {
    org_unit_id: String = r.org_unit_id.clone(),
    state: String = r.state().to_owned(),
    technician_id: String = r.technician_id.clone(),
    work_order_id: String = r.work_order_id.clone(),
    due_at: DateTimeUtc = r.due_at,
});

/// Stands in ordering columns for "no time": the year 2200, after every real one.
const NEVER: chrono::DateTime<chrono::Utc> = match chrono::DateTime::from_timestamp(7_258_118_400, 0) {
    Some(at) => at,
    None => chrono::DateTime::UNIX_EPOCH,
};

/// Several values in one column, each between commas, so that one can be looked for.
fn tags<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> String {
    let mut text = String::from(",");
    for value in values {
        text.push_str(value.as_ref());
        text.push(',');
    }
    text
}

/// The pattern that finds one value of `tags`.
#[must_use]
pub fn tag_pattern(value: &str) -> String {
    format!("%,{value},%")
}

fn has_uncovered(reservation: &crate::domain::reservation::Reservation) -> bool {
    use crate::domain::reservation::ReservationState as State;
    match &reservation.state {
        State::Consumed { uncovered, .. } => !uncovered.is_empty(),
        State::Short { .. } | State::Reserved { .. } | State::Released { .. } | State::Expired => false,
    }
}

/// A record that knows what event tells of its change.
pub trait Told: Record {
    /// The message.
    type Event: Message + Name;

    /// The event of the change that `action` made; `self` is the record after it.
    fn event(&self, action: &'static str) -> Self::Event;
}

/// Adds a record with its history and its event.
///
/// # Errors
///
/// As [`common::store::insert`].
pub async fn insert<T>(tx: &Tx, call: &Call, record: T::Record, action: &'static str, why: &str) -> Result<T::Record>
where
    T: Table,
    <T::PrimaryKey as PrimaryKeyTrait>::ValueType: From<String>,
    T::Model: IntoActiveModel<T::ActiveModel>,
    T::Record: Told,
    <T as EntityTrait>::Model: Send,
{
    let event = record.event(action);
    common::store::insert::<T, _>(tx, call, record, action, why, &event).await
}

/// Saves a changed record with its history and its event.
///
/// # Errors
///
/// As [`common::store::save`].
pub async fn save<T>(tx: &Tx, call: &Call, changed: Changed<T::Record>) -> Result<T::Record>
where
    T: Table,
    <T::PrimaryKey as PrimaryKeyTrait>::ValueType: From<String>,
    T::Record: Told,
{
    let event = changed.record.event(changed.action);
    common::store::save::<T, _>(tx, call, changed, &event).await
}

/// A table of aggregates in a migration: id, version, times and body; the projections follow.
fn aggregate(table_name: &'static str) -> sea_orm_migration::prelude::TableCreateStatement {
    use sea_orm_migration::{prelude::Table, schema::*};
    Table::create()
        .table(table_name)
        .col(text("id").primary_key())
        .col(big_integer("version"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(json_binary("body"))
        .to_owned()
}

/// An index for a list's filter or order, with the id that breaks ties.
fn index(table: &'static str, column: &'static str) -> sea_orm_migration::prelude::IndexCreateStatement {
    sea_orm_migration::prelude::Index::create()
        .name(format!("{table}_{column}"))
        .table(table)
        .col(column)
        .col("id")
        .to_owned()
}
