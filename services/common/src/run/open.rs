//! Opening a service: its configuration, its database, and what its parts share.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use crate::{
    auth::Identity,
    catalog::Catalog,
    clock::Clock,
    config::{Loaded, Settings, Sources},
    db::Db,
    id::Ids,
    migration::{self, Schema},
    number::Numbers,
    peers::Peers,
    service::{Core, Definition},
};

/// A service whose configuration was read and whose database is open.
#[derive(Clone, Debug)]
pub struct Opened<C> {
    /// What every service shares.
    pub settings: Settings,
    /// Its own configuration.
    pub config: C,
    /// What its parts share.
    pub core: Core,
}

/// Opens a service with the machine's clock.
///
/// # Errors
///
/// When the configuration is wrong or the database cannot be opened.
pub async fn open<D: Definition>(sources: &Sources) -> anyhow::Result<Opened<D::Config>> {
    open_with::<D>(sources, Clock::system(), Ids::random()).await
}

pub(super) async fn open_with<D: Definition>(
    sources: &Sources,
    clock: Clock,
    ids: Ids,
) -> anyhow::Result<Opened<D::Config>> {
    let Loaded { settings, service: config } = sources.load::<D::Config>(D::NAME, D::DEFAULTS)?;
    make_folder(&settings.database.url)?;
    let db = Db::connect(&settings.database).await.with_context(|| format!("the database of {} is closed", D::NAME))?;
    let core = Core {
        service: D::NAME,
        numbers: Numbers::new(db.clone()),
        db,
        clock,
        ids,
        catalog: Arc::new(Catalog::load(D::MESSAGES.0, D::MESSAGES.1)?),
        peers: Peers::default(),
        identity: Identity::of(&settings.identity)?,
        stopping: CancellationToken::new(),
    };
    Ok(Opened { settings, config, core })
}

impl<C> Opened<C> {
    /// Refuses a database that is older or newer than this program.
    ///
    /// # Errors
    ///
    /// Says which migrations are missing, and what to do.
    pub async fn must_be_current<D: Definition>(&self) -> anyhow::Result<()> {
        let name = D::NAME;
        match migration::schema::<D::Migrator>(&self.core.db).await? {
            Schema::Current => Ok(()),
            Schema::Pending(names) => {
                bail!(
                    "the database of {name} lacks {} migrations ({}): run `migrate` first",
                    names.len(),
                    names.join(", ")
                )
            }
            Schema::Newer(names) => bail!(
                "the database of {name} is newer than this program, which does not know {}: start the newer release",
                names.join(", ")
            ),
        }
    }

    /// Runs what is pending and names it.
    ///
    /// # Errors
    ///
    /// When a migration fails, or when the database is newer than this program.
    pub async fn migrate<D: Definition>(&self) -> anyhow::Result<Vec<String>> {
        match migration::schema::<D::Migrator>(&self.core.db).await? {
            Schema::Current => Ok(Vec::new()),
            Schema::Pending(names) => {
                migration::migrate::<D::Migrator>(&self.core.db).await?;
                Ok(names)
            }
            Schema::Newer(_) => self.must_be_current::<D>().await.map(|()| Vec::new()),
        }
    }
}

/// Opens a service's database, runs what is pending and names it.
///
/// # Errors
///
/// As [`open`] and [`Opened::migrate`].
pub async fn migrate<D: Definition>(sources: &Sources) -> anyhow::Result<Vec<String>> {
    let opened = open::<D>(sources).await?;
    let names = opened.migrate::<D>().await?;
    opened.core.db.close().await;
    Ok(names)
}

/// SQLite makes its file, not the folder for it.
fn make_folder(url: &str) -> anyhow::Result<()> {
    let Some(rest) = url.strip_prefix("sqlite:") else { return Ok(()) };
    let path = rest.trim_start_matches("//").split('?').next().unwrap_or_default();
    match Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder)
            .with_context(|| format!("the folder {} for the database cannot be made", folder.display())),
        Some(_) | None => Ok(()),
    }
}
