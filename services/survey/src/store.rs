//! Rows and records.

use sea_orm_migration::{MigrationTrait, MigratorTrait};

pub(crate) mod agent;
pub(crate) mod answers;
pub(crate) mod asking;
pub(crate) mod callback;
pub(crate) mod customer;
pub(crate) mod follow_up;
pub(crate) mod invitation;
mod m20261121_000001_survey_questionnaire;
mod m20261121_000002_survey_invitation;
mod m20261121_000003_survey_callback;
mod m20261121_000004_survey_response;
mod m20261121_000005_survey_follow_up;
mod m20261121_000006_survey_customer;
pub(crate) mod questionnaire;
pub(crate) mod response;
pub(crate) mod score;
pub(crate) mod turn;
pub(crate) mod visit;

/// The service's migrations, the plumbing's first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        let mut all = common::migration::plumbing();
        all.extend::<Vec<Box<dyn MigrationTrait>>>(vec![
            Box::new(m20261121_000001_survey_questionnaire::Migration),
            Box::new(m20261121_000002_survey_invitation::Migration),
            Box::new(m20261121_000003_survey_callback::Migration),
            Box::new(m20261121_000004_survey_response::Migration),
            Box::new(m20261121_000005_survey_follow_up::Migration),
            Box::new(m20261121_000006_survey_customer::Migration),
        ]);
        all
    }
}
