//! Where the bytes are: a folder, or a bucket of S3 or of what speaks like it.

use std::{
    ops::Range,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use common::error::{Error, Result, reason};
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, PutPayload, WriteMultipart, aws::AmazonS3Builder,
    local::LocalFileSystem, path::Path,
};
use serde::Deserialize;

/// A bucket; the keys are explained in `config/default.toml`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BucketConfig {
    pub(crate) bucket: String,
    endpoint: String,
    region: String,
    access_key: String,
    secret_key: String,
    path_style: bool,
}

impl std::fmt::Debug for BucketConfig {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "BucketConfig({} at {})", self.bucket, self.endpoint)
    }
}

/// The stored bytes.
#[derive(Clone, Debug)]
pub(crate) struct Storage(Arc<Place>);

/// Opened when it is first needed: who only looks at rows makes no folder.
#[derive(Debug)]
struct Place {
    folder: PathBuf,
    opened: OnceLock<Arc<dyn ObjectStore>>,
}

impl Storage {
    /// Opens the bucket, or the folder when no bucket is named.
    pub(crate) fn open(folder: &str, s3: &BucketConfig) -> anyhow::Result<Self> {
        if s3.bucket.is_empty() {
            return Ok(Self(Arc::new(Place { folder: PathBuf::from(folder), opened: OnceLock::new() })));
        }
        // The only TLS provider we have, said once for every client of the process; a second time is no fault.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut bucket = AmazonS3Builder::new()
            .with_bucket_name(&s3.bucket)
            .with_region(&s3.region)
            .with_virtual_hosted_style_request(!s3.path_style);
        if !s3.endpoint.is_empty() {
            ensure!(s3.endpoint.starts_with("http"), "files.s3.endpoint is no address");
            bucket = bucket.with_endpoint(&s3.endpoint).with_allow_http(s3.endpoint.starts_with("http://"));
        }
        if !s3.access_key.is_empty() {
            bucket = bucket.with_access_key_id(&s3.access_key).with_secret_access_key(&s3.secret_key);
        }
        let bucket: Arc<dyn ObjectStore> = Arc::new(bucket.build().context("files.s3")?);
        Ok(Self(Arc::new(Place { folder: PathBuf::new(), opened: OnceLock::from(bucket) })))
    }

    /// Makes the folder, if that is where the bytes are and it is not there.
    pub(crate) fn prepare(&self) -> anyhow::Result<Arc<dyn ObjectStore>> {
        if let Some(opened) = self.0.opened.get() {
            return Ok(opened.clone());
        }
        let folder = &self.0.folder;
        std::fs::create_dir_all(folder).with_context(|| format!("files.folder {}", folder.display()))?;
        // Synced like the database: an acknowledged upload survives a power cut.
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true).with_automatic_cleanup(true);
        Ok(self.0.opened.get_or_init(|| Arc::new(store)).clone())
    }

    fn store(&self) -> Result<Arc<dyn ObjectStore>> {
        self.prepare().map_err(|error| Error::new(reason::UNAVAILABLE).caused_by(error))
    }

    /// Keeps bytes under a key.
    pub(crate) async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.store()?.put(&Path::from(key), PutPayload::from_bytes(bytes)).await.map_err(unavailable)?;
        Ok(())
    }

    /// All bytes of a key.
    pub(crate) async fn get(&self, key: &str) -> Result<Bytes> {
        self.store()?.get(&Path::from(key)).await.map_err(unavailable)?.bytes().await.map_err(unavailable)
    }

    /// The bytes of a key, or a part of them, as they come.
    pub(crate) async fn stream(
        &self,
        key: &str,
        part: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let options = GetOptions { range: part.map(GetRange::Bounded), ..GetOptions::default() };
        let found = self.store()?.get_opts(&Path::from(key), options).await.map_err(unavailable)?;
        Ok(found.into_stream().map_err(unavailable).boxed())
    }

    /// Puts the bytes of several keys behind each other, without holding them all.
    pub(crate) async fn join(&self, keys: &[String], into: &str, mut seen: impl FnMut(&[u8]) + Send) -> Result<()> {
        let whole = self.store()?.put_multipart(&Path::from(into)).await.map_err(unavailable)?;
        let mut whole = WriteMultipart::new(whole);
        for key in keys {
            let bytes = match self.get(key).await {
                Ok(bytes) => bytes,
                Err(error) => {
                    let _ = whole.abort().await;
                    return Err(error);
                }
            };
            seen(&bytes);
            whole.wait_for_capacity(1).await.map_err(unavailable)?;
            whole.put(bytes);
        }
        whole.finish().await.map_err(unavailable)?;
        Ok(())
    }

    /// Deletes a key; one that is not there is no fault.
    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        match self.store()?.delete(&Path::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(unavailable(error)),
        }
    }
}

/// A full disk and a bucket that does not answer are outages: what is there can still be read, and later helps.
fn unavailable(error: object_store::Error) -> Error {
    let reason = match error {
        object_store::Error::NotFound { .. } => reason::INTERNAL,
        _ => reason::UNAVAILABLE,
    };
    Error::new(reason).caused_by(error)
}
