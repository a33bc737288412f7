//! Files by HTTP: `GET /v1/files/{id}` and `/thumbnail`, whole or a range. Never as something a browser would run: always
//! as an attachment, under the type that was found, in a sandbox.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use common::{
    catalog::Language,
    error::{Error, Result, reason},
    record::{Actor, Role},
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use prost::{Message as _, Name as _};
use prost_reflect::DynamicMessage;
use proto::aftercare::gateway::v1::File;

use super::{Files, key, thumbnail_key, upload::OFFSET};
use crate::{
    audit::Entry,
    convert,
    domain::file::{Kind, Wanted, range},
    door::Door,
    error::{FILE_TOO_LARGE, FILE_TYPE_MISMATCH, FILE_TYPE_NOT_TAKEN, UPLOAD_OFFSET},
    passage::{Passage, REQUEST_ID},
    protection::classes::Class,
    rest::{http_status, reply},
    store::file::entity,
};

/// Who may do this may send files.
pub(crate) const UPLOAD: &str = "/aftercare.gateway.v1.FileService/AttachFile";
/// Who may do this may load files.
const DOWNLOAD: &str = "/aftercare.gateway.v1.FileService/GetFile";

/// Who stands at the door with a file or for one.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    passage: Passage,
    files: Option<Files>,
    refused: Option<(common::error::Reason, String, Option<Duration>)>,
    /// The network address, as far as it is known.
    pub(crate) address: String,
}

impl Guest {
    /// Finds out who calls, and whether they may do what `rpc` names.
    pub(crate) async fn open(door: &Arc<Door>, request: &Parts, rpc: &str) -> Self {
        let named = door.contract.exposed(rpc);
        let passage = Passage::open(door, &request.headers, true)
            .admitted(door, named, &request.headers, &request.extensions)
            .await;
        let limits = &door.protection.limits;
        let address = limits.address(&request.headers, &request.extensions);
        let class = if rpc == DOWNLOAD { Class::Read } else { Class::Field };
        let mut refused = None;
        if let Err(error) = limits.call(passage.actor(), passage.program(), address, class).await {
            refused = Some((error.reason, error.to_string(), error.retry_after));
        }
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        Self { passage, files: door.files.clone(), refused, address }
    }

    /// The caller's language.
    pub(crate) fn language(&self) -> Language {
        self.passage.language
    }

    /// The files and who asks for them.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED`, `NOT_ALLOWED`, or what the limits say.
    pub(crate) fn sender(&self) -> Result<(&Files, &Actor)> {
        if let Some((reason, why, after)) = &self.refused {
            let refused = Error::new(*reason).caused_by(anyhow::anyhow!("{why}"));
            return Err(after.iter().fold(refused, |error, after| error.after(*after)));
        }
        self.passage.let_in()?;
        let actor = self.passage.actor().ok_or_else(|| Error::new(reason::UNAUTHENTICATED))?;
        if matches!(actor.role, Role::Service | Role::CustomerLink) {
            return Err(Error::new(reason::NOT_ALLOWED).with("role", actor.role.as_str()));
        }
        let files = self.files.as_ref().ok_or_else(|| Error::new(reason::UNAVAILABLE))?;
        Ok((files, actor))
    }
}

/// The answer of `work`, or its refusal as every surface words it.
pub(crate) async fn answer(door: &Door, guest: &Guest, work: impl Future<Output = Result<Response>>) -> Response {
    let mut response = match work.await {
        Ok(response) => response,
        Err(error) => refusal(door, guest.language(), error),
    };
    response.headers_mut().insert(REQUEST_ID, guest.passage.request_id.clone());
    response
}

fn refusal(door: &Door, language: Language, error: Error) -> Response {
    let reason = error.reason;
    let offset = error.facts.get("offset").and_then(|offset| offset.parse::<u64>().ok());
    let status = door.refuse(language, error);
    let http = if reason == FILE_TOO_LARGE {
        StatusCode::PAYLOAD_TOO_LARGE
    } else if reason == FILE_TYPE_NOT_TAKEN || reason == FILE_TYPE_MISMATCH {
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    } else {
        http_status(status.code())
    };
    let mut response = reply::refusal(&door.contract.pool, &status, Some(http)).map(Body::from);
    if let Some(offset) = offset.filter(|_| reason == UPLOAD_OFFSET) {
        response.headers_mut().insert(OFFSET, HeaderValue::from(offset));
    }
    response
}

/// A file as the JSON of the contract's `File`.
pub(crate) fn file_json(door: &Door, row: &entity::Model) -> Result<Response> {
    let message = convert::file::message(row.clone());
    let known = door.contract.pool.get_message_by_name(&File::full_name());
    let descriptor = known.ok_or_else(|| Error::internal(anyhow::anyhow!("the contract has no File")))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).map_err(Error::internal)?;
    let json = reply::message_json(&dynamic, false)?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response())
}

/// `GET /v1/files/{id}`.
pub(crate) async fn file(State(door): State<Arc<Door>>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let guest = Guest::open(&door, &parts, DOWNLOAD).await;
    answer(&door, &guest, async {
        let (files, actor) = guest.sender()?;
        let row = files.visible(&id, actor, guest.language()).await?;
        let kind = Kind::parse(&row.media_type).ok_or_else(|| Error::internal(anyhow::anyhow!("unknown type")))?;
        let what = What {
            key: key(&row.id),
            kind,
            size: u64::try_from(row.size).unwrap_or_default(),
            etag: format!("\"{}\"", row.digest),
            name: row.name.clone(),
        };
        let response = serve(files, what, &parts).await?;
        if parts.method == Method::GET && response.status().is_success() {
            note(&door, &guest, actor, "file.download", &row);
        }
        Ok(response)
    })
    .await
}

/// `GET /v1/files/{id}/thumbnail`.
pub(crate) async fn thumbnail(State(door): State<Arc<Door>>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let guest = Guest::open(&door, &parts, DOWNLOAD).await;
    answer(&door, &guest, async {
        let (files, actor) = guest.sender()?;
        let row = files.visible(&id, actor, guest.language()).await?;
        let kind = Kind::parse(&row.media_type).filter(|_| row.thumbnail);
        let kind = kind.ok_or_else(|| Error::not_found("thumbnail", &id))?;
        let bytes = files.storage.get(&thumbnail_key(&row.id)).await?;
        let mut response = Response::new(Body::from(bytes));
        dress(response.headers_mut(), kind, &row.name, &format!("\"{}-t\"", row.digest))?;
        if parts.method == Method::GET {
            note(&door, &guest, actor, "file.preview", &row);
        }
        Ok(response)
    })
    .await
}

fn note(door: &Door, guest: &Guest, actor: &Actor, action: &str, row: &entity::Model) {
    if let Some(audit) = &door.audit {
        let entry = Entry::new(actor, action, "file", &row.id).customer(&row.customer_id);
        audit.note(entry.seen_from(&guest.address).digest(&row.digest));
    }
}

struct What {
    key: String,
    kind: Kind,
    size: u64,
    etag: String,
    name: String,
}

async fn serve(files: &Files, what: What, request: &Parts) -> Result<Response> {
    let headers = &request.headers;
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let listed = |list: &str| list.split(',').any(|tag| tag.trim().trim_start_matches("W/") == what.etag);
    if text(header::IF_NONE_MATCH).is_some_and(|list| list.trim() == "*" || listed(list)) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        dress(response.headers_mut(), what.kind, &what.name, &what.etag)?;
        return Ok(response);
    }
    // A range of another version would be glued to the wrong bytes.
    let same = text(header::IF_RANGE).is_none_or(|tag| tag == what.etag);
    let wanted = range(text(header::RANGE).filter(|_| same), what.size);
    let (status, part) = match wanted {
        Wanted::Whole => (StatusCode::OK, None),
        Wanted::Part(from, to) => (StatusCode::PARTIAL_CONTENT, Some(from..to)),
        Wanted::Nothing => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            let all = HeaderValue::try_from(format!("bytes */{}", what.size)).map_err(Error::internal)?;
            response.headers_mut().insert(header::CONTENT_RANGE, all);
            return Ok(response);
        }
    };
    let body = if request.method == Method::HEAD {
        Body::empty()
    } else {
        Body::from_stream(files.storage.stream(&what.key, part.clone()).await?)
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    dress(headers, what.kind, &what.name, &what.etag)?;
    let length = part.as_ref().map_or(what.size, |part| part.end - part.start);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(part) = part {
        let range = format!("bytes {}-{}/{}", part.start, part.end - 1, what.size);
        headers.insert(header::CONTENT_RANGE, HeaderValue::try_from(range).map_err(Error::internal)?);
    }
    Ok(response)
}

/// The headers that keep a file from being more than bytes.
fn dress(headers: &mut HeaderMap, kind: Kind, name: &str, etag: &str) -> Result<()> {
    let encoded = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    let disposition = format!("attachment; filename=\"file.{}\"; filename*=UTF-8''{encoded}", kind.ending());
    let made = |text: &str| HeaderValue::try_from(text).map_err(Error::internal);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind.media_type()));
    headers.insert(header::CONTENT_DISPOSITION, made(&disposition)?);
    headers.insert(header::ETAG, made(etag)?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-site"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(())
}
