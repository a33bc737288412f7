//! Service reports: what was done at one visit, as one PDF, for the office and for the customer.
//!
//! A report is written anew from the records whenever somebody asks for it: there is no copy that could contradict them,
//! be out of somebody's reach, or be forgotten when a customer's data is erased. The record of a finished visit does not
//! change any more, so its report does not either, to the byte.

mod case;
mod pages;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use anyhow::Context as _;
use common::{
    catalog::Language,
    error::{Error, Result},
    record::Actor,
    service::Call,
};
use jiff::tz::TimeZone;
use proto::{aftercare::dispatch::v1::WorkOrderState, google::api::HttpBody};
use tokio::sync::Semaphore;

use self::{case::Case, words::Words};
use crate::{
    domain::identity::link::{Link, Purpose},
    linked_page,
    service::Context,
};

/// Reports that are written at once: each holds its photos, and a processor.
const AT_ONCE: usize = 2;

/// What reports are written with; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Reports {
    words: Arc<Words>,
    /// Where no technician says where it was.
    zone: TimeZone,
    places: Arc<Semaphore>,
}

impl Reports {
    /// Reads the words. `zone` is the zone of the installation.
    ///
    /// # Errors
    ///
    /// When there is no such zone.
    pub(crate) fn new(zone: &str) -> anyhow::Result<Self> {
        let words = Arc::new(Words::read()?);
        let zone = TimeZone::get(zone).context("notifications.time_zone")?;
        Ok(Self { words, zone, places: Arc::new(Semaphore::new(AT_ONCE)) })
    }
}

/// Whether a visit has a report: it has ended, and somebody was there.
pub(crate) fn ready(state: WorkOrderState) -> bool {
    matches!(state, WorkOrderState::Completed | WorkOrderState::Verified | WorkOrderState::Failed)
}

/// The report of a visit, as its caller may see it: the owners of the records are asked as the caller, and mask what that
/// role does not see.
///
/// # Errors
///
/// `NOT_FOUND`; `REPORT_NOT_READY` before the visit ended; `UNAVAILABLE` when an owner does not answer.
pub(crate) async fn for_caller(ctx: &Context, call: &Call, order: &str, language: &str) -> Result<HttpBody> {
    let case = Case::of(ctx, &call.actor, call.language, order).await?;
    written(ctx, case, wanted(language, call)).await
}

/// The report of a visit of the request that a link is about. A link may be passed on: who the customer is, what the
/// customer said, and who came are left out.
///
/// # Errors
///
/// `NOT_FOUND` when the link shows no such visit; else as [`for_caller`].
pub(crate) async fn for_link(
    ctx: &Context,
    call: &Call,
    link: &Link,
    number: &str,
    language: &str,
) -> Result<HttpBody> {
    let missing = || Error::not_found("work_order", number);
    if link.purpose != Purpose::Progress {
        return Err(missing());
    }
    let (_, orders) = linked_page::records(&ctx.core, call.language, link).await?;
    let order = orders.into_iter().find(|order| order.number == number).ok_or_else(missing)?;
    let us = Actor::service(crate::NAME);
    let case = Case::around(ctx, &us, call.language, order).await?.without_personal_data();
    written(ctx, case, wanted(language, call)).await
}

fn wanted(language: &str, call: &Call) -> Language {
    if language.is_empty() { call.language } else { Language::negotiate(language) }
}

async fn written(ctx: &Context, case: Case, language: Language) -> Result<HttpBody> {
    let reports = ctx.reports.clone();
    let _place = reports.places.acquire().await.map_err(Error::internal)?;
    let pictures = case.pictures(ctx).await?;
    let (words, zone) = (reports.words.clone(), reports.zone.clone());
    // Letters, lines and compression are milliseconds of a processor.
    let pdf = tokio::task::spawn_blocking(move || pages::write(&case, pictures, &words, language, &zone));
    let data = pdf.await.map_err(Error::internal)?.map_err(Error::internal)?;
    Ok(HttpBody { content_type: "application/pdf".to_owned(), data, extensions: Vec::new() })
}
