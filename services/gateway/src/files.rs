//! Files: photos, signatures, reports, recordings. They come in by HTTP, whole or in pieces; what they are is told by
//! their bytes; images are made anew; and they are reached through the record they belong to, by a signed link, or, as
//! long as they belong to none, by who sent them.

pub(crate) mod access;
pub(crate) mod download;
pub(crate) mod image;
pub(crate) mod ingest;
pub(crate) mod storage;
pub(crate) mod sweep;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod upload;

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use bytes::Bytes;
use common::{
    catalog::Language,
    config::duration,
    db::Tx,
    error::{Error, Result},
    record::Actor,
    service::Core,
};
use sea_orm::entity::prelude::*;
use serde::Deserialize;
use tokio::sync::Semaphore;

use self::{access::Owners, image::Bounds, storage::Storage};
use crate::{
    domain::file::{Class, Kind},
    error::FILE_TOO_LARGE,
    store::file as store,
};

/// Configuration of files; the keys are explained in `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    folder: String,
    s3: storage::BucketConfig,
    image_limit: u64,
    document_limit: u64,
    recording_limit: u64,
    video_limit: u64,
    image_pixels: u64,
    image_memory: u64,
    images_at_once: usize,
    open_uploads: u64,
    #[serde(with = "duration")]
    unattached: Duration,
    #[serde(with = "duration")]
    silence: Duration,
    #[serde(with = "duration")]
    longest_upload: Duration,
}

impl FilesConfig {
    /// Refuses what makes no sense.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(self.images_at_once > 0, "files.images_at_once must be positive");
        ensure!(self.image_memory <= 1 << 30, "files.image_memory is 1 GiB at the most");
        ensure!(self.image_limit <= self.image_memory, "files.image_limit is image_memory at the most");
        ensure!(self.longest_upload > Duration::ZERO && self.silence > Duration::ZERO, "files: times make no sense");
        Ok(())
    }

    fn limit(&self, class: Class) -> u64 {
        match class {
            Class::Image => self.image_limit,
            Class::Document => self.document_limit,
            Class::Recording => self.recording_limit,
            Class::Video => self.video_limit,
        }
    }

    fn largest(&self) -> u64 {
        [self.image_limit, self.document_limit, self.recording_limit, self.video_limit].into_iter().max().unwrap_or(0)
    }
}

/// What everything about files needs; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    pub(crate) core: Core,
    pub(crate) config: Arc<FilesConfig>,
    pub(crate) storage: Storage,
    pub(crate) owners: Arc<Owners>,
    /// Images in work: each may take `image_memory`.
    images: Arc<Semaphore>,
}

impl Files {
    /// Opens the storage.
    ///
    /// # Errors
    ///
    /// When the configuration makes no sense or the folder cannot be made.
    pub(crate) fn open(core: &Core, config: &FilesConfig) -> anyhow::Result<Self> {
        config.check()?;
        Ok(Self {
            core: core.clone(),
            storage: Storage::open(&config.folder, &config.s3)?,
            owners: Arc::new(Owners::read(proto::DESCRIPTORS)?),
            images: Arc::new(Semaphore::new(config.images_at_once)),
            config: Arc::new(config.clone()),
        })
    }

    fn bounds(&self) -> Bounds {
        Bounds { pixels: self.config.image_pixels, memory: self.config.image_memory }
    }

    /// Refuses what is larger than its kind may be.
    fn check_size(&self, kind: Option<Kind>, size: u64) -> Result<()> {
        let limit = kind.map_or_else(|| self.config.largest(), |kind| self.config.limit(kind.class()));
        if size > limit {
            return Err(Error::new(FILE_TOO_LARGE).with("limit", limit));
        }
        Ok(())
    }

    /// The small picture of a file of this record; `None` when it is not there, belongs to another record, or is no picture.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when database or storage do not answer.
    pub(crate) async fn thumbnail_of(&self, id: &str, record_kind: &str, record_id: &str) -> Result<Option<Bytes>> {
        let row = store::find(self.core.db.read(), id).await?;
        match row.filter(|row| row.thumbnail && row.record_kind == record_kind && row.record_id == record_id) {
            Some(row) => self.storage.get(&thumbnail_key(&row.id)).await.map(Some),
            None => Ok(None),
        }
    }

    /// The file, if the caller may see it: through its record, or as who sent it. Nobody learns of another's file.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND`; `UNAVAILABLE` when the record's owner does not answer.
    pub(crate) async fn visible(&self, id: &str, actor: &Actor, language: Language) -> Result<store::entity::Model> {
        let missing = || Error::not_found("file", id);
        let row = store::find(self.core.db.read(), id).await?.ok_or_else(missing)?;
        if row.attached_at.is_none() {
            let own = row.uploader_id == actor.id && row.uploader_role == actor.role.as_str();
            return if own { Ok(row) } else { Err(missing()) };
        }
        match self.owners.ask(&self.core, actor, language, &row.record_kind, &row.record_id).await? {
            Some(_) => Ok(row),
            None => Err(missing()),
        }
    }
}

/// Marks all files of a customer as deleted, in the transaction of who erases the rest. Their bytes are gone within a
/// minute ([`sweep`]). Says how many that were.
///
/// # Errors
///
/// When the database does not answer.
pub(crate) async fn erase(tx: &Tx, core: &Core, customer_id: &str) -> Result<u64> {
    store::mark_deleted(tx, store::entity::Column::CustomerId.eq(customer_id), core.clock.now()).await
}

/// How many files of a customer still have bytes.
///
/// # Errors
///
/// When the database does not answer.
#[cfg(test)]
pub(crate) async fn left(core: &Core, customer_id: &str) -> Result<u64> {
    let rows = store::entity::Entity::find().filter(store::entity::Column::CustomerId.eq(customer_id));
    Ok(rows.count(core.db.read()).await?)
}

/// Where the bytes of a file are.
fn key(id: &str) -> String {
    format!("files/{id}")
}

/// Where those of its thumbnail are.
fn thumbnail_key(id: &str) -> String {
    format!("thumbnails/{id}")
}
