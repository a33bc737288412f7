//! All of Aftercare in one process: the five services behind the gateway, embedded SQLite, an in-process bus.

pub mod demo;

use std::path::Path;

use common::{
    catalog::Catalog,
    clock::Clock,
    config::Sources,
    id::Ids,
    run::{Host, SchemaPolicy},
    service::Definition,
};
use complaint::Complaint;
use dispatch::Dispatch;
use gateway::Gateway;
use intake::Intake;
use parts_inventory::PartsInventory;
use survey::Survey;

/// The name of the process in logs and configuration.
pub const NAME: &str = "aftercare";
/// What one process changes in the shared defaults.
pub const DEFAULTS: &str = include_str!("../config/default.toml");
/// The services in it.
pub const SERVICES: [&str; 6] =
    [Intake::NAME, Dispatch::NAME, PartsInventory::NAME, Complaint::NAME, Survey::NAME, gateway::NAME];

/// Keeps databases and files in this folder, which is made if it is not there.
///
/// # Errors
///
/// When the folder cannot be made.
pub fn data_folder(sources: Sources, folder: &Path) -> anyhow::Result<Sources> {
    std::fs::create_dir_all(folder)?;
    let url = format!("sqlite://{}/{{service}}.db", folder.display());
    let files = folder.join("files").display().to_string();
    sources.text("the data folder", &format!("[database]\nurl = {url:?}\n[gateway.files]\nfolder = {files:?}\n"))
}

/// All services in one process, migrated. The public port is opened by [`door`].
///
/// # Errors
///
/// When a configuration is wrong or a database cannot be opened.
pub async fn services(sources: Sources, clock: Clock, ids: Ids) -> anyhow::Result<Host> {
    let mut host = Host::new(NAME, DEFAULTS, sources)?.with(clock, ids);
    host.add::<Intake>(SchemaPolicy::MigrateFirst).await?;
    host.add::<Dispatch>(SchemaPolicy::MigrateFirst).await?;
    host.add::<PartsInventory>(SchemaPolicy::MigrateFirst).await?;
    host.add::<Complaint>(SchemaPolicy::MigrateFirst).await?;
    host.add::<Survey>(SchemaPolicy::MigrateFirst).await?;
    host.add::<Gateway>(SchemaPolicy::MigrateFirst).await?;
    Ok(host)
}

/// Puts the gateway before the services and says where it listens.
///
/// # Errors
///
/// When its address is taken.
pub async fn door(host: &mut Host) -> anyhow::Result<std::net::SocketAddr> {
    gateway::add(host, reasons()?).await
}

/// The reasons of all services with their texts, for the table of errors.
///
/// # Errors
///
/// When a catalogue is not TOML.
pub fn reasons() -> anyhow::Result<Vec<gateway::Reasons>> {
    fn of<D: Definition>() -> anyhow::Result<gateway::Reasons> {
        Ok((D::NAME, D::REASONS, Catalog::load(D::MESSAGES.0, D::MESSAGES.1)?))
    }
    Ok(vec![of::<Intake>()?, of::<Dispatch>()?, of::<PartsInventory>()?, of::<Complaint>()?, of::<Survey>()?])
}
