//! The way of bytes in: begun, received in as many pieces as it takes, looked at as a whole, kept or refused.
//!
//! Every piece that arrived stays: each is an object of its own, and its row moves the upload's end in one guarded step.
//! So a phone goes on at any byte, at any replica, and of two senders at one place only one is believed.

use bytes::{Bytes, BytesMut};
use common::{
    catalog::Language,
    error::{Error, Result, reason},
    id,
    record::Actor,
};
use futures::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};

use super::{Files, image, key, thumbnail_key};
use crate::{
    audit::{self, Entry},
    domain::file::{Class, FileId, HEAD, Kind, clean_name},
    error::{FILE_DAMAGED, FILE_TOO_LARGE, FILE_TYPE_MISMATCH, FILE_TYPE_NOT_TAKEN, TOO_MANY_UPLOADS, UPLOAD_OFFSET},
    store::{
        audit::check::hex,
        file::{self as store, entity, part, upload},
    },
};

/// Bytes of a stored piece, unless the connection broke before: S3 wants 5 MiB at least in a multipart upload only.
const PIECE: usize = 1024 * 1024;
/// Where a PDF ends: `%%EOF` stands this close to the last byte.
const PDF_END: usize = 2048;

/// What a sender says of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Announced {
    /// Bytes in all, when known.
    pub(crate) length: Option<u64>,
    /// The media type.
    pub(crate) media_type: String,
    /// The file's name at the sender's.
    pub(crate) name: String,
    /// What it shows.
    pub(crate) label: String,
    /// Kind of the record it belongs to; empty for none yet.
    pub(crate) record_kind: String,
    /// Id of that record.
    pub(crate) record_id: String,
}

/// Why receiving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The body was whole.
    Whole,
    /// The connection broke or fell silent; what came is kept.
    Cut,
}

impl Files {
    /// Begins an upload.
    ///
    /// # Errors
    ///
    /// `FILE_TYPE_NOT_TAKEN`, `FILE_TOO_LARGE`, `TOO_MANY_UPLOADS`; `NOT_FOUND` when the record is not there for the caller.
    pub(crate) async fn begin(&self, actor: &Actor, language: Language, said: Announced) -> Result<upload::Model> {
        let declared = Kind::declared(&said.media_type)
            .map_err(|()| Error::new(FILE_TYPE_NOT_TAKEN).with("media_type", said.media_type.as_str()))?;
        self.check_size(declared, said.length.unwrap_or(0))?;
        for (field, text, longest) in [
            ("name", &said.name, 300),
            ("label", &said.label, 60),
            ("record_kind", &said.record_kind, 60),
            ("record_id", &said.record_id, 60),
        ] {
            if text.len() > longest {
                return Err(Error::invalid(field, "string.max_len"));
            }
            if field != "name" && text.chars().any(char::is_control) {
                return Err(Error::invalid(field, "no control characters"));
            }
        }
        let open = store::open_uploads(self.core.db.read(), &actor.id).await?;
        if open >= self.config.open_uploads {
            return Err(Error::new(TOO_MANY_UPLOADS).with("limit", self.config.open_uploads));
        }
        let mut customer_id = String::new();
        if !said.record_kind.is_empty() {
            let asked = self.owners.ask(&self.core, actor, language, &said.record_kind, &said.record_id).await?;
            customer_id = asked.ok_or_else(|| {
                Error::new(reason::NOT_FOUND).with("record_kind", &said.record_kind).with("id", &said.record_id)
            })?;
        }
        let row = upload::Model {
            id: id::of::<FileId>(rand::random()).into(),
            length: said.length.map(|length| i64::try_from(length).unwrap_or(i64::MAX)),
            received: 0,
            declared: declared.map(Kind::media_type).unwrap_or_default().to_owned(),
            // Made fit to be kept once the kind is known; what no database takes goes now.
            name: said.name.chars().filter(|letter| !letter.is_control()).collect(),
            label: said.label,
            record_kind: said.record_kind,
            record_id: said.record_id,
            customer_id,
            uploader_id: actor.id.clone(),
            uploader_role: actor.role.as_str().to_owned(),
            uploader_org_unit_id: actor.org_unit_id.clone(),
            created_at: self.core.clock.now(),
        };
        store::begin(&self.core.db, row.clone()).await?;
        Ok(row)
    }

    /// An upload of this caller.
    ///
    /// # Errors
    ///
    /// `NOT_FOUND`: nobody learns of another's upload.
    pub(crate) async fn upload_of(&self, id: &str, actor: &Actor) -> Result<upload::Model> {
        let found = store::find_upload(self.core.db.read(), id).await?;
        found
            .filter(|row| row.uploader_id == actor.id && row.uploader_role == actor.role.as_str())
            .ok_or_else(|| Error::not_found("upload", id))
    }

    /// Receives bytes behind those that are here. Says where the upload ends now and why it does.
    ///
    /// # Errors
    ///
    /// `UPLOAD_OFFSET` when somebody else was faster; `FILE_TYPE_NOT_TAKEN`, `FILE_TOO_LARGE` as soon as that is seen;
    /// `UNAVAILABLE` when the storage is full or away: what was kept before stays.
    pub(crate) async fn receive<E>(
        &self,
        upload: &upload::Model,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(u64, Ended)> {
        let mut body = body;
        let begin = u64::try_from(upload.received).unwrap_or_default();
        let announced = upload.length.and_then(|length| u64::try_from(length).ok());
        let mut limit = announced.unwrap_or_else(|| self.config.largest());
        let (mut place, mut held) = (begin, BytesMut::new());
        let ended = loop {
            match tokio::time::timeout(self.config.silence, body.next()).await {
                Ok(Some(Ok(bytes))) => {
                    if place + (held.len() + bytes.len()) as u64 > limit {
                        return Err(Error::new(FILE_TOO_LARGE).with("limit", limit));
                    }
                    held.extend_from_slice(&bytes);
                }
                Ok(None) => break Ended::Whole,
                Ok(Some(Err(_))) | Err(_) => break Ended::Cut,
            }
            if place == 0 && held.len() >= HEAD && announced.is_none() {
                limit = limit.min(self.config.limit(sniff(&held, &upload.declared)?.class()));
            }
            while held.len() >= PIECE {
                if place == 0 {
                    sniff(&held, &upload.declared)?;
                }
                place += self.keep(&upload.id, place, held.split_to(PIECE).freeze()).await?;
            }
        };
        if !held.is_empty() {
            place += self.keep(&upload.id, place, held.freeze()).await?;
        }
        Ok((place, ended))
    }

    async fn keep(&self, upload_id: &str, place: u64, bytes: Bytes) -> Result<u64> {
        let length = bytes.len() as u64;
        let key = format!("uploads/{upload_id}/{place:020}-{:016x}", rand::random::<u64>());
        self.storage.put(&key, bytes).await?;
        let row = part::Model {
            upload_id: upload_id.to_owned(),
            place: i64::try_from(place).unwrap_or(i64::MAX),
            length: i64::try_from(length).unwrap_or(i64::MAX),
            key: key.clone(),
        };
        let kept = async {
            let tx = self.core.db.begin().await?;
            store::add_part(&tx, row).await?;
            tx.commit().await
        };
        let kept: Result<()> = kept.await;
        if let Err(error) = kept {
            // Somebody else's bytes stand there; ours are nobody's.
            let _ = self.storage.delete(&key).await;
            let taken = error.reason == reason::CONFLICT;
            return Err(if taken { Error::new(UPLOAD_OFFSET).with("offset", place).caused_by(error) } else { error });
        }
        Ok(length)
    }

    /// Looks at a whole upload and makes it a file. What is refused is gone.
    ///
    /// # Errors
    ///
    /// `FILE_TYPE_NOT_TAKEN`, `FILE_TYPE_MISMATCH`, `FILE_DAMAGED`, `FILE_TOO_LARGE`, `IMAGE_TOO_LARGE`; `UNAVAILABLE`:
    /// then the upload is still there, and finishing can be tried again.
    pub(crate) async fn finish(&self, actor: &Actor, upload: &upload::Model, from: &str) -> Result<entity::Model> {
        let parts = store::parts(self.core.db.read(), &upload.id).await?;
        match self.look_at(upload, &parts).await {
            Ok(row) => {
                let tx = self.core.db.begin().await?;
                let ended = store::end(&tx, &upload.id).await;
                if let Err(error) = ended {
                    drop(tx);
                    // Somebody finished it at the same time: with the same bytes.
                    let found = store::find(self.core.db.read(), &upload.id).await?;
                    return found.ok_or(error);
                }
                store::insert(&tx, row.clone()).await?;
                let entry = Entry::new(actor, "file.upload", "file", &row.id).customer(&row.customer_id);
                audit::record(&tx, &self.core, entry.seen_from(from).digest(&row.digest)).await?;
                tx.commit().await?;
                self.drop_parts(&parts).await;
                Ok(row)
            }
            Err(error) if error.kind() == common::error::Kind::InvalidArgument => {
                self.refuse(actor, &upload.id, error.reason.name, from).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes away an upload that was refused or given up.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub(crate) async fn refuse(&self, actor: &Actor, upload_id: &str, why: &str, from: &str) -> Result<()> {
        let parts = store::parts(self.core.db.read(), upload_id).await?;
        let tx = self.core.db.begin().await?;
        if store::end(&tx, upload_id).await.is_ok() {
            let entry = Entry::new(actor, "file.upload", "file", upload_id).refused(why).seen_from(from);
            audit::record(&tx, &self.core, entry).await?;
            tx.commit().await?;
            self.drop_parts(&parts).await;
        }
        Ok(())
    }

    async fn drop_parts(&self, parts: &[part::Model]) {
        for part in parts {
            if let Err(error) = self.storage.delete(&part.key).await {
                tracing::debug!(%error, key = part.key, "a piece stays until the sweep");
            }
        }
    }

    async fn look_at(&self, upload: &upload::Model, parts: &[part::Model]) -> Result<entity::Model> {
        let mut size = 0;
        for part in parts {
            if part.place != size {
                return Err(Error::internal(anyhow::anyhow!("upload {} has a hole at {size}", upload.id)));
            }
            size += part.length;
        }
        let Some(first) = parts.first() else { return Err(Error::new(FILE_DAMAGED)) };
        if size != upload.received || upload.length.is_some_and(|length| length != size) {
            return Err(Error::new(FILE_DAMAGED));
        }
        let mut head = BytesMut::from(self.storage.get(&first.key).await?);
        // The first piece may be short, when the connection broke early.
        for part in parts.iter().skip(1) {
            if head.len() >= HEAD {
                break;
            }
            head.extend_from_slice(&self.storage.get(&part.key).await?);
        }
        let kind = sniff(&head, &upload.declared)?;
        drop(head);
        self.check_size(Some(kind), u64::try_from(size).unwrap_or(u64::MAX))?;
        let mut row = self.row(upload, kind, size);
        match kind.class() {
            Class::Image => self.keep_image(&mut row, kind, parts).await?,
            Class::Document | Class::Recording | Class::Video => self.keep_whole(&mut row, kind, parts).await?,
        }
        Ok(row)
    }

    fn row(&self, upload: &upload::Model, kind: Kind, size: i64) -> entity::Model {
        let now = self.core.clock.now();
        entity::Model {
            id: upload.id.clone(),
            media_type: kind.media_type().to_owned(),
            size,
            digest: String::new(),
            name: clean_name(&upload.name, kind),
            label: upload.label.clone(),
            record_kind: upload.record_kind.clone(),
            record_id: upload.record_id.clone(),
            customer_id: upload.customer_id.clone(),
            uploader_id: upload.uploader_id.clone(),
            uploader_role: upload.uploader_role.clone(),
            uploader_org_unit_id: upload.uploader_org_unit_id.clone(),
            width: 0,
            height: 0,
            thumbnail: false,
            created_at: now,
            attached_at: (!upload.record_kind.is_empty()).then_some(now),
            deleted_at: None,
        }
    }

    async fn keep_image(&self, row: &mut entity::Model, kind: Kind, parts: &[part::Model]) -> Result<()> {
        // The place first: bytes that wait for it should not be in memory.
        let place = self.images.clone().acquire_owned().await.map_err(Error::internal)?;
        let mut bytes = Vec::with_capacity(usize::try_from(row.size).unwrap_or_default());
        for part in parts {
            bytes.extend_from_slice(&self.storage.get(&part.key).await?);
        }
        let bounds = self.bounds();
        let remade = tokio::task::spawn_blocking(move || {
            let remade = image::remake(kind, bytes, bounds);
            drop(place);
            remade
        });
        let picture = remade.await.map_err(|panic| Error::new(FILE_DAMAGED).caused_by(panic))??;
        row.media_type = picture.kind.media_type().to_owned();
        row.name = clean_name(&row.name, picture.kind);
        row.size = i64::try_from(picture.bytes.len()).unwrap_or(i64::MAX);
        row.digest = hex(&Sha256::digest(&picture.bytes));
        row.width = i32::try_from(picture.width).unwrap_or(i32::MAX);
        row.height = i32::try_from(picture.height).unwrap_or(i32::MAX);
        row.thumbnail = true;
        self.storage.put(&key(&row.id), picture.bytes.into()).await?;
        self.storage.put(&thumbnail_key(&row.id), picture.thumbnail.into()).await
    }

    async fn keep_whole(&self, row: &mut entity::Model, kind: Kind, parts: &[part::Model]) -> Result<()> {
        let keys: Vec<String> = parts.iter().map(|part| part.key.clone()).collect();
        let (mut digest, mut tail) = (Sha256::new(), Vec::new());
        self.storage
            .join(&keys, &key(&row.id), |bytes| {
                digest.update(bytes);
                tail.extend_from_slice(bytes);
                let over = tail.len().saturating_sub(PDF_END);
                tail.drain(..over);
            })
            .await?;
        if kind == Kind::Pdf && !tail.windows(5).any(|word| word == b"%%EOF") {
            self.storage.delete(&key(&row.id)).await?;
            return Err(Error::new(FILE_DAMAGED));
        }
        row.digest = hex(&digest.finalize());
        Ok(())
    }
}

/// What the beginning of a file says it is, if that is taken and its sender did not say otherwise.
fn sniff(head: &[u8], declared: &str) -> Result<Kind> {
    let kind = Kind::sniff(head).ok_or_else(|| Error::new(FILE_TYPE_NOT_TAKEN).with("media_type", "?"))?;
    match Kind::parse(declared) {
        Some(said) if !kind.may_be(said) => {
            Err(Error::new(FILE_TYPE_MISMATCH).with("declared", declared).with("found", kind.media_type()))
        }
        Some(_) | None => Ok(kind),
    }
}
