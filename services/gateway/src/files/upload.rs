//! Uploads by HTTP. `POST /v1/files` takes a whole file, raw or as a form. `POST /v1/uploads` begins one that is sent in
//! pieces: `PATCH` adds bytes at `Upload-Offset`, `HEAD` tells how many are here; with the last byte it becomes a file
//! under the same id.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, Query, Request, State},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use common::error::{Error, Result, reason};
use futures::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::{
    Files,
    download::{Guest, answer, file_json},
    ingest::{Announced, Ended},
};
use crate::{
    door::Door,
    error::{FILE_CUT, UPLOAD_OFFSET},
    store::file::{self as store, upload},
};

/// Where the next byte belongs.
pub(crate) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// Bytes in all.
pub(crate) const LENGTH: HeaderName = HeaderName::from_static("upload-length");

/// What stands in the query of an upload.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Wish {
    name: String,
    label: String,
    record_kind: String,
    record_id: String,
}

fn announced(wish: Wish, media_type: &str, length: Option<u64>) -> Announced {
    let Wish { name, label, record_kind, record_id } = wish;
    Announced { length, media_type: media_type.to_owned(), name, label, record_kind, record_id }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A number that a header must have.
fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64> {
    let wrong = || Error::invalid(name.as_str(), "header: a number of bytes");
    let given = text(headers, name);
    if given.is_empty() || given.len() > 15 || !given.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    given.parse().map_err(|_| wrong())
}

/// `POST /v1/files`.
pub(crate) async fn whole(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let guest = Guest::open(&door, &parts, super::download::UPLOAD).await;
    answer(&door, &guest, async {
        let (files, _) = guest.sender()?;
        let wish: Wish = Query::try_from_uri(&parts.uri)
            .map(|Query(wish)| wish)
            .map_err(|error| Error::invalid("query", "name, label, record_kind, record_id").caused_by(error))?;
        let headers = parts.headers.clone();
        let limit = files.config.longest_upload;
        let (files, sender) = (files.clone(), guest.clone());
        // On its own: a connection that breaks must not stop the tidying up behind it.
        let work = tokio::spawn(async move {
            let work = take(&files, &sender, wish, &headers, body);
            tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(Error::new(reason::DEADLINE_EXCEEDED)))
        });
        let row = work.await.map_err(Error::internal)??;
        let json = file_json(&door, &row)?;
        let place = format!("/v1/files/{}", row.id);
        Ok((StatusCode::CREATED, [(header::LOCATION, place)], json).into_response())
    })
    .await
}

/// Takes a whole file, out of a raw body or of the first file of a form.
async fn take(
    files: &Files,
    guest: &Guest,
    mut wish: Wish,
    headers: &HeaderMap,
    body: Body,
) -> Result<store::entity::Model> {
    let media_type = text(headers, &header::CONTENT_TYPE);
    let body = body.into_data_stream();
    let Ok(boundary) = multer::parse_boundary(media_type) else {
        let length = headers.contains_key(header::CONTENT_LENGTH).then(|| number(headers, &header::CONTENT_LENGTH));
        let said = announced(wish, media_type, length.transpose()?);
        return keep(files, guest, said, body).await;
    };
    let broken = |error: multer::Error| Error::invalid("body", "multipart/form-data").caused_by(error);
    let mut form = multer::Multipart::new(body, boundary);
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        if field.file_name().is_none() {
            // A field beside the file; what it says can stand in the query too.
            let name = field.name().unwrap_or_default().to_owned();
            let mut value = Vec::new();
            while let Some(bytes) = field.chunk().await.map_err(broken)? {
                value.extend_from_slice(&bytes);
                if value.len() > 1000 {
                    return Err(Error::invalid(name, "string.max_len"));
                }
            }
            let value = String::from_utf8(value).map_err(|_| Error::invalid(name.clone(), "UTF-8"))?;
            match name.as_str() {
                "name" => wish.name = value,
                "label" => wish.label = value,
                "record_kind" => wish.record_kind = value,
                "record_id" => wish.record_id = value,
                _ => return Err(Error::invalid(name, "name, label, record_kind, record_id, file")),
            }
            continue;
        }
        if wish.name.is_empty() {
            wish.name = field.file_name().unwrap_or_default().to_owned();
        }
        let media_type = field.content_type().map(ToString::to_string).unwrap_or_default();
        let said = announced(wish, &media_type, None);
        return keep(files, guest, said, field).await;
    }
    Err(Error::invalid("file", "required"))
}

async fn keep<E>(
    files: &Files,
    guest: &Guest,
    said: Announced,
    body: impl futures::Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<store::entity::Model> {
    let (_, actor) = guest.sender()?;
    let upload = files.begin(actor, guest.language(), said).await?;
    let received = files.receive(&upload, body).await;
    let (place, reason) = match received {
        Ok((place, Ended::Whole)) => (place, None),
        // Nobody knows its id, so nobody can go on with it.
        Ok((_, Ended::Cut)) => (0, Some(Error::new(FILE_CUT))),
        Err(error) => (0, Some(error)),
    };
    if let Some(error) = reason {
        files.refuse(actor, &upload.id, error.reason.name, &guest.address).await?;
        return Err(error);
    }
    let upload = upload::Model { received: i64::try_from(place).unwrap_or(i64::MAX), ..upload };
    let finished = files.finish(actor, &upload, &guest.address).await;
    if let Err(error) = &finished {
        files.refuse(actor, &upload.id, error.reason.name, &guest.address).await?;
    }
    finished
}

/// `POST /v1/uploads`.
pub(crate) async fn begin(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let guest = Guest::open(&door, &parts, super::download::UPLOAD).await;
    answer(&door, &guest, async {
        let (files, actor) = guest.sender()?;
        let wish: Wish = Query::try_from_uri(&parts.uri)
            .map(|Query(wish)| wish)
            .map_err(|error| Error::invalid("query", "name, label, record_kind, record_id").caused_by(error))?;
        let length = number(&parts.headers, &LENGTH)?;
        if length == 0 {
            return Err(Error::invalid(LENGTH.as_str(), "header: at least 1"));
        }
        let said = announced(wish, text(&parts.headers, &header::CONTENT_TYPE), Some(length));
        let upload = files.begin(actor, guest.language(), said).await?;
        let mut response = place(StatusCode::CREATED, 0, Some(length));
        let at = HeaderValue::try_from(format!("/v1/uploads/{}", upload.id)).map_err(Error::internal)?;
        response.headers_mut().insert(header::LOCATION, at);
        Ok(response)
    })
    .await
}

/// An answer that says where the upload ends.
fn place(status: StatusCode, offset: u64, length: Option<u64>) -> Response {
    let mut response = status.into_response();
    let headers = response.headers_mut();
    headers.insert(OFFSET, HeaderValue::from(offset));
    if let Some(length) = length {
        headers.insert(LENGTH, HeaderValue::from(length));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `HEAD /v1/uploads/{id}`.
pub(crate) async fn state(State(door): State<Arc<Door>>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let guest = Guest::open(&door, &parts, super::download::UPLOAD).await;
    answer(&door, &guest, async {
        let (files, actor) = guest.sender()?;
        match files.upload_of(&id, actor).await {
            Ok(upload) => {
                let length = upload.length.and_then(|length| u64::try_from(length).ok());
                Ok(place(StatusCode::OK, u64::try_from(upload.received).unwrap_or_default(), length))
            }
            // It is whole already, and the answer that said so was lost.
            Err(error) => match files.visible(&id, actor, guest.language()).await {
                Ok(_) => {
                    let mut response = StatusCode::OK.into_response();
                    let at = HeaderValue::try_from(format!("/v1/files/{id}")).map_err(Error::internal)?;
                    response.headers_mut().insert(header::LOCATION, at);
                    Ok(response)
                }
                Err(_) => Err(error),
            },
        }
    })
    .await
}

/// `PATCH /v1/uploads/{id}`.
pub(crate) async fn add(State(door): State<Arc<Door>>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let guest = Guest::open(&door, &parts, super::download::UPLOAD).await;
    answer(&door, &guest, async {
        let (files, actor) = guest.sender()?;
        let offset = number(&parts.headers, &OFFSET)?;
        let upload = files.upload_of(&id, actor).await?;
        let here = u64::try_from(upload.received).unwrap_or_default();
        if offset != here {
            return Err(Error::new(UPLOAD_OFFSET).with("offset", here));
        }
        let (files, sender) = (files.clone(), guest.clone());
        let limit = files.config.longest_upload;
        // On its own: what came before a connection broke is still kept when its request is gone.
        let work = tokio::spawn(async move {
            let work = go_on(&files, &sender, upload, body);
            tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(Error::new(reason::DEADLINE_EXCEEDED)))
        });
        match work.await.map_err(Error::internal)?? {
            Came::Part(offset, length) => Ok(place(StatusCode::NO_CONTENT, offset, length)),
            Came::Whole(row) => {
                let json = file_json(&door, &row)?;
                Ok((StatusCode::CREATED, [(header::LOCATION, format!("/v1/files/{}", row.id))], json).into_response())
            }
        }
    })
    .await
}

/// What an upload is after some bytes.
enum Came {
    Part(u64, Option<u64>),
    Whole(Box<store::entity::Model>),
}

async fn go_on(files: &Files, guest: &Guest, upload: upload::Model, body: Body) -> Result<Came> {
    let (_, actor) = guest.sender()?;
    let length = upload.length.and_then(|length| u64::try_from(length).ok());
    let body = body.into_data_stream().boxed();
    let received = files.receive(&upload, body).await;
    let offset = match received {
        Ok((offset, _)) => offset,
        Err(error) => {
            if error.kind() == common::error::Kind::InvalidArgument {
                files.refuse(actor, &upload.id, error.reason.name, &guest.address).await?;
            }
            return Err(error);
        }
    };
    if length != Some(offset) {
        return Ok(Came::Part(offset, length));
    }
    let upload = upload::Model { received: i64::try_from(offset).unwrap_or(i64::MAX), ..upload };
    Ok(Came::Whole(Box::new(files.finish(actor, &upload, &guest.address).await?)))
}

/// `DELETE /v1/uploads/{id}`.
pub(crate) async fn give_up(State(door): State<Arc<Door>>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let guest = Guest::open(&door, &parts, super::download::UPLOAD).await;
    answer(&door, &guest, async {
        let (files, actor) = guest.sender()?;
        let upload = files.upload_of(&id, actor).await?;
        files.refuse(actor, &upload.id, "given up", &guest.address).await?;
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}
