//! The tree of locations, with the virtual ones in it.

use common::{id::Id as _, record::Record as _, store::Table as _};
use sea_orm::EntityTrait as _;
use sea_orm_migration::{prelude::*, schema::*};

use crate::domain::{
    LocationId,
    location::{Location, VIRTUAL},
};

/// Adds the table `location`.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                super::aggregate("location")
                    .col(text("org_unit_id"))
                    .col(text("code"))
                    .col(text("name"))
                    .col(text("kind"))
                    .col(text("parent_id"))
                    .col(text("technician_id"))
                    .to_owned(),
            )
            .await?;
        let unique = Index::create().name("location_code").table("location").col("code").unique().to_owned();
        manager.create_index(unique).await?;
        let one_van = Index::create()
            .name("location_technician")
            .table("location")
            .col("technician_id")
            .unique()
            .and_where(Expr::col("technician_id").ne(""))
            .to_owned();
        manager.create_index(one_van).await?;
        for column in ["name", "kind", "parent_id", "created_at"] {
            manager.create_index(super::index("location", column)).await?;
        }
        for (id, kind) in VIRTUAL {
            let mut location = Location {
                id: LocationId::wrap(id.to_owned()),
                version: 0,
                org_unit_id: String::new(),
                created_at: chrono::DateTime::UNIX_EPOCH,
                updated_at: chrono::DateTime::UNIX_EPOCH,
                code: kind.as_str().to_owned(),
                name: kind.as_str().to_owned(),
                kind,
                path: vec![id.to_owned()],
                technician_id: String::new(),
                service_point_id: String::new(),
                position: None,
                closed: false,
            };
            location.set_version(1);
            let row = super::location::Entity::row(&location).map_err(|error| DbErr::Custom(error.to_string()))?;
            super::location::Entity::insert(row).exec_without_returning(manager.get_connection()).await?;
        }
        Ok(())
    }
}
