//! The schema of this service, one intent per migration.

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

/// All migrations, the plumbing's first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = common::migration::plumbing();
        all.extend::<Vec<Box<dyn MigrationTrait>>>(vec![
            Box::new(super::m20261121_001001_part::Migration),
            Box::new(super::m20261121_001002_location::Migration),
            Box::new(super::m20261121_001003_stock::Migration),
            Box::new(super::m20261121_001004_documents::Migration),
            Box::new(super::m20261121_001005_reservation::Migration),
            Box::new(super::m20261121_001006_supplementary_order::Migration),
            Box::new(super::m20261121_001007_goods_return::Migration),
            Box::new(super::m20261121_001008_old_part_debt::Migration),
            Box::new(super::m20261122_001009_document_technician::Migration),
        ]);
        all
    }
}
