//! Any list as a table: `format=csv` or `format=xlsx` beside its filters, or an `Accept` header that names the type.
//! Pages are fetched one by one as the caller, so memory does not grow with the list; a workbook has to be whole before
//! it can be sent and is limited for that, longer ones are jobs.

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use common::{Error, Result, error::reason};
use futures::stream;
use http::{HeaderMap, HeaderValue, Response, header};
use prost_reflect::DynamicMessage;
use tonic::metadata::MetadataMap;

use super::{Refusal, table::Binding, theirs};
use crate::{
    contract::Rpc,
    door::Door,
    error::LIST_TOO_LONG,
    exchange::{
        list::{self, List, Page},
        sheet::{self, Form},
    },
    passage::Passage,
    protection::classes::{Class, Plan},
};

/// Rows of a workbook that is sent at once.
const LONGEST_BOOK: usize = 20_000;
/// Time for one page.
const PAGE_TIME: Duration = Duration::from_secs(30);
/// How often a page is asked for when the house is full.
const TRIES: u32 = 10;

/// Whether the caller wants a table, and the query without that wish.
pub(super) fn wanted<'q>(
    binding: &Binding,
    query: &'q str,
    headers: &HeaderMap,
) -> Result<(Cow<'q, str>, Option<Form>)> {
    if list::items(&binding.rpc.method).is_none() {
        return Ok((query.into(), None));
    }
    let (mut format, mut mark, mut touched) = (None, false, false);
    let mut rest = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "format" => {
                touched = true;
                format = match &*value {
                    "csv" | "xlsx" => Some(value.into_owned()),
                    "json" => None,
                    _ => return Err(Error::invalid("format", "one of json, csv, xlsx")),
                };
            }
            "byte_order_mark" => {
                touched = true;
                mark = match &*value {
                    "true" => true,
                    "false" => false,
                    _ => return Err(Error::invalid("byte_order_mark", "true or false")),
                };
            }
            _ => {
                rest.append_pair(&name, &value);
            }
        }
    }
    if !touched {
        let accepts = |what: &str| {
            let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
            values
                .flat_map(|value| value.split(','))
                .any(|kind| kind.split(';').next().unwrap_or_default().trim() == what)
        };
        format = ["csv", "xlsx"]
            .into_iter()
            .zip([Form::Csv { mark }, Form::Xlsx])
            .find(|(_, form)| accepts(form.content_type().split(';').next().unwrap_or_default()))
            .map(|(name, _)| name.to_owned());
        return Ok((query.into(), format.map(|name| form(&name, mark))));
    }
    Ok((rest.finish().into(), format.map(|name| form(&name, mark))))
}

/// Whether the caller wants a table, for whom wrong wishes do not matter yet.
pub(super) fn is_wanted(binding: &Binding, query: &str, headers: &HeaderMap) -> bool {
    wanted(binding, query, headers).is_ok_and(|(_, form)| form.is_some())
}

fn form(name: &str, mark: bool) -> Form {
    if name == "xlsx" { Form::Xlsx } else { Form::Csv { mark } }
}

/// The list as the caller sees it, on its way page by page.
struct Pages {
    door: Arc<Door>,
    passage: Passage,
    rpc: Rpc,
    list: List,
    request: DynamicMessage,
    /// `None` behind the last page.
    token: Option<String>,
}

impl Pages {
    async fn next(&mut self) -> Result<Option<Page>, Refusal> {
        let Some(token) = &self.token else { return Ok(None) };
        let mut tries = 0;
        let plan = self.door.plans.of(&self.rpc.path).map(|plan| Plan { class: Class::Export, ..plan });
        let mut place = loop {
            let Some(plan) = plan else { break None };
            // Only the first page can be refused for want of room; later ones wait.
            match self.door.protection.enter(&self.passage, plan, false).await {
                Ok(place) => break Some(place),
                Err(error) if token.is_empty() || tries == TRIES => return Err(error.into()),
                Err(_) => tokio::time::sleep(Duration::from_millis(50 << tries.min(5))).await,
            }
            tries += 1;
        };
        let mut headers = HeaderMap::new();
        // Signed anew for every page: an identity is good for minutes only, and a right that is gone ends the table.
        self.passage.seal(&self.door, &mut headers)?;
        let metadata = MetadataMap::from_headers(headers);
        let page = self.list.page(self.door.upstreams.clone(), metadata, &self.request, (token, list::PAGE));
        let time = PAGE_TIME.min(self.passage.remaining());
        let page = tokio::time::timeout(time, page)
            .await
            .map_err(|_| Refusal::from(Error::new(reason::DEADLINE_EXCEEDED)))?
            .map_err(|status| theirs(&self.door, &self.passage, status))?;
        if let Some(place) = place.as_mut() {
            place.answered();
        }
        self.token = Some(page.next.clone()).filter(|next| !next.is_empty());
        Ok(Some(page))
    }
}

/// Answers with the table.
pub(super) async fn answer(
    door: &Arc<Door>,
    passage: &Passage,
    binding: &Binding,
    request: DynamicMessage,
    form: Form,
) -> Result<Response<Body>, Refusal> {
    let Some(list) = List::of(&binding.rpc.method) else {
        return Err(Error::internal(anyhow::anyhow!("no list")).into());
    };
    let name = name(binding, form);
    let mut pages = Pages {
        door: door.clone(),
        passage: passage.clone(),
        rpc: binding.rpc.clone(),
        list,
        request,
        token: Some(String::new()),
    };
    // Refusals are answered as such as long as nothing has been sent.
    let first = pages.next().await?;
    let body = match form {
        Form::Csv { mark } => csv(pages, first, mark)?,
        Form::Xlsx => book(pages, first).await?,
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// `ListWorkOrders` is `work-orders.csv`.
fn name(binding: &Binding, form: Form) -> String {
    let mut name = String::new();
    for letter in binding.rpc.method.name().trim_start_matches("List").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    format!("{name}.{}", form.ending())
}

fn csv(pages: Pages, first: Option<Page>, mark: bool) -> Result<Body> {
    let mut head = if mark { sheet::MARK.to_vec() } else { Vec::new() };
    head.extend(sheet::csv_heading(&pages.list.heading())?);
    if let Some(page) = first {
        head.extend(sheet::csv_rows(&page.rows)?);
    }
    let head = stream::once(std::future::ready(Ok(Bytes::from(head))));
    // The status line is gone by now: what fails breaks the transfer off, so that nobody takes half a table for a whole one.
    let rest = stream::try_unfold(pages, |mut pages| async move {
        let broken = |refusal: Refusal| {
            let why = match refusal {
                Refusal::Own(error, _) => error.to_string(),
                Refusal::Theirs(status) => status.to_string(),
            };
            tracing::warn!(why, "a table broke off");
            std::io::Error::other("the table broke off")
        };
        let Some(page) = pages.next().await.map_err(broken)? else { return Ok(None) };
        let bytes = sheet::csv_rows(&page.rows).map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(Some((Bytes::from(bytes), pages)))
    });
    Ok(Body::from_stream(futures::StreamExt::chain(head, rest)))
}

async fn book(mut pages: Pages, first: Option<Page>) -> Result<Body, Refusal> {
    let mut rows = Vec::new();
    let mut page = first;
    while let Some(found) = page {
        rows.extend(found.rows);
        if rows.len() > LONGEST_BOOK {
            return Err(Error::new(LIST_TOO_LONG).with("limit", LONGEST_BOOK).into());
        }
        page = pages.next().await?;
    }
    let written = tokio::task::spawn_blocking(move || sheet::workbook(&pages.list.heading(), &rows));
    let bytes = written.await.map_err(Error::internal)??;
    Ok(Body::from(bytes))
}
