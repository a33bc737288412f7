//! Rows and records.

use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// The gateway's migrations, the plumbing's first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        common::migration::plumbing()
    }
}
