//! Results of jobs, by addresses that nobody can guess and that end with the result.

use std::fmt::Write as _;

use axum::{
    Router,
    body::Body,
    extract::{Path, State as Shared},
    response::{IntoResponse as _, Response},
    routing::get,
};
use bytes::Bytes;
use common::{Error, catalog::Language, record::Record as _, rpc, service::Core};
use futures::stream;
use http::{HeaderMap, HeaderValue, header};
use prost_reflect::DescriptorPool;
use sha2::{Digest as _, Sha256};

use super::sheet::Form;
use crate::{
    audit::{self, Entry},
    domain::exchange::{Format, Job, State, Task},
    rest,
    store::exchange::{self as store, Found, Part},
};

/// Where results are.
const PATH: &str = "/v1/exchange-results";

/// The address of a result.
pub(crate) fn address(found: &Found) -> String {
    format!("{PATH}/{}.{}", found.job.id, found.secret)
}

/// What makes an address unguessable: 256 bits out of two random ids.
pub(crate) fn secret(core: &Core) -> String {
    let mut hash = Sha256::new();
    for _ in 0..4 {
        hash.update(core.ids.uuid(core.clock.now()).as_bytes());
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Serves the results.
pub(crate) fn routes(core: Core) -> Router {
    Router::new().route(&format!("{PATH}/{{token}}"), get(fetch)).with_state(core)
}

async fn fetch(Shared(core): Shared<Core>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match find(&core, &token).await {
        Ok(found) => match noted(&core, &found).await {
            Ok(()) => answer(core, found),
            Err(error) => {
                rest::refusal(&pool(), &rpc::status(&core, Language::negotiate(accepted), error)).into_response()
            }
        },
        Err(error) => {
            let status = rpc::status(&core, Language::negotiate(accepted), error);
            rest::refusal(&pool(), &status).into_response()
        }
    }
}

/// No result leaves without its entry in the audit trail. Who holds the address is not known; whose job it is, is.
async fn noted(core: &Core, found: &Found) -> common::Result<()> {
    let job = &found.job;
    let mut entry = Entry::new(&job.owner.actor(), "download", Job::KIND, job.id.as_str());
    if let Some(customer) = job.subject_id() {
        entry = entry.customer(customer);
    }
    let tx = core.db.begin().await?;
    audit::record(&tx, core, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// What the details of a refusal are made of.
fn pool() -> DescriptorPool {
    DescriptorPool::decode(proto::DESCRIPTORS).unwrap_or_default()
}

/// Nothing tells an address that never was from one whose result is gone.
async fn find(core: &Core, token: &str) -> common::Result<Found> {
    let nothing = || Error::not_found("result", "");
    let (id, secret) = token.split_once('.').ok_or_else(nothing)?;
    let found = store::find(core.db.read(), id).await?.ok_or_else(nothing)?;
    // Compared by digest: how long it takes tells nothing.
    let same = Sha256::digest(secret) == Sha256::digest(&found.secret) && !found.secret.is_empty();
    let alive =
        matches!(found.job.state, State::Done { expires_at, bytes } if bytes > 0 && core.clock.now() < expires_at);
    if !same || !alive {
        return Err(nothing());
    }
    Ok(found)
}

/// The media type of a result, and the name under which it is saved.
fn kind_and_name(job: &Job) -> (&'static str, String) {
    let form = match &job.task {
        Task::Export { format: Format::Xlsx, .. } => Form::Xlsx,
        Task::Export { .. } | Task::Import { .. } | Task::Replay => Form::Csv { mark: false },
        Task::PersonalData { customer_id } => return ("application/zip", format!("personal-data-{customer_id}.zip")),
        Task::Erasure { customer_id, .. } => return ("application/json", format!("erasure-{customer_id}.json")),
    };
    let base = match &job.task {
        Task::Export { path, .. } => path.rsplit('/').next().unwrap_or("export"),
        Task::Import { .. } | Task::PersonalData { .. } | Task::Erasure { .. } | Task::Replay => "import-problems",
    };
    let base: String = base.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
    (form.content_type(), format!("{base}.{}", form.ending()))
}

fn answer(core: Core, found: Found) -> Response {
    let job = found.job;
    let (kind, file) = kind_and_name(&job);
    let size = match job.state {
        State::Done { bytes, .. } => bytes,
        _ => 0,
    };
    let id = job.id.to_string();
    let pieces = stream::try_unfold(0, move |place| {
        let (core, id) = (core.clone(), id.clone());
        async move {
            let piece = store::piece_at(core.db.read(), &id, Part::Result, place).await;
            let piece = piece.map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(piece.map(|bytes| (Bytes::from(bytes), place + 1)))
        }
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{file}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
