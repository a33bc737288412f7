//! Rows and records of intake, and its migrations.

use chrono::{DateTime, TimeZone as _, Utc};
use proto::aftercare::common::v1::RecordEvent;
use sea_orm::sea_query::{Index, LikeExpr};
use sea_orm_migration::{DbErr, MigrationTrait, MigratorTrait, SchemaManager};

pub(crate) mod article;
pub(crate) mod contact;
pub(crate) mod customer;
pub(crate) mod customer_change;
pub(crate) mod customer_phone;
pub(crate) mod product;
pub(crate) mod service_request;

mod m20261121_000201_customer;
mod m20261121_000202_customer_phone;
mod m20261121_000203_customer_change;
mod m20261121_000204_product;
mod m20261121_000205_service_request;
mod m20261121_000206_contact;
mod m20261121_000207_article;
mod m20261122_000208_whose;

/// The migrations: the plumbing's, then ours.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = common::migration::plumbing();
        let own: Vec<Box<dyn MigrationTrait>> = vec![
            Box::new(m20261121_000201_customer::Migration),
            Box::new(m20261121_000202_customer_phone::Migration),
            Box::new(m20261121_000203_customer_change::Migration),
            Box::new(m20261121_000204_product::Migration),
            Box::new(m20261121_000205_service_request::Migration),
            Box::new(m20261121_000206_contact::Migration),
            Box::new(m20261121_000207_article::Migration),
            Box::new(m20261122_000208_whose::Migration),
        ];
        all.extend(own);
        all
    }
}

/// Whether an index holds every value once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// No.
    Plain,
    /// Yes; rows without a value do not count.
    Unique,
}

/// Makes the indices of a table.
async fn indices(
    manager: &SchemaManager<'_>,
    table: &'static str,
    indices: &[(&str, &[&'static str], Kind)],
) -> Result<(), DbErr> {
    for (name, columns, kind) in indices {
        let mut index = Index::create();
        index.name(format!("{table}_by_{name}")).table(table);
        for column in *columns {
            index.col(*column);
        }
        if *kind == Kind::Unique {
            index.unique();
        }
        manager.create_index(index).await?;
    }
    Ok(())
}

/// Stands in an ordering column for "no such instant": columns that order lists are never null.
fn never() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2200, 1, 1, 0, 0, 0).single().unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The fact of a record that has no event message of its own.
fn fact(id: &str, action: &str, state: &str) -> RecordEvent {
    RecordEvent { record_id: id.to_owned(), action: action.to_owned(), state: state.to_owned() }
}

/// A pattern that finds `text` anywhere, whatever signs it holds; compared with columns in lower case.
pub(crate) fn contains(text: &str) -> LikeExpr {
    let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    LikeExpr::new(format!("%{escaped}%")).escape('\\')
}
