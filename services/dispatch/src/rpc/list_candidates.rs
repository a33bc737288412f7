//! Lists who could do a job, and every rule that stands in the way of the others.

use std::collections::BTreeMap;

use common::{
    convert::{Window, optional_instant},
    error::Result,
    id::Id as _,
    page,
    service::Call,
    store::Table as _,
};
use proto::aftercare::dispatch::v1::{Candidate, ListCandidatesRequest, ListCandidatesResponse};
use sea_orm::{QueryOrder as _, entity::prelude::*};

use crate::{
    Context, convert,
    domain::{WorkOrderId, technician::Technician, work_order::WorkOrder},
    store::{
        self,
        assess::{self, Facts, Verdict},
    },
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    mut request: ListCandidatesRequest,
) -> Result<ListCandidatesResponse> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let size = usize::try_from(page::size(request.page_size)?).unwrap_or(usize::MAX);
    let token = std::mem::take(&mut request.page_token);
    request.page_size = 0;
    let print = page::fingerprint(&request);
    let from: usize = page::open(&token, &print)?.unwrap_or_default();
    let order = store::work_order::load(ctx.core.db.read(), &id).await?;
    let planned = planned(&order, &request, call)?;
    let mut verdicts = judge(ctx, &order, &request.service_point_id, planned).await?;
    if request.eligible_only {
        verdicts.retain(|verdict| verdict.refusals.is_empty());
    }
    // The ranking is total, so that pages do not overlap.
    verdicts.sort_by(|a, b| {
        let key = |verdict: &Verdict| (verdict.refusals.len(), verdict.suitability.score);
        key(a).cmp(&key(b)).then_with(|| a.technician.id.cmp(&b.technician.id))
    });
    let more = verdicts.len() > from.saturating_add(size);
    let next_page_token = if more { page::seal(&(from + size), &print) } else { String::new() };
    let candidates = verdicts.iter().skip(from).take(size).map(message).collect();
    Ok(ListCandidatesResponse { candidates, next_page_token })
}

fn planned(order: &WorkOrder, request: &ListCandidatesRequest, call: &Call) -> Result<Window> {
    let start = optional_instant(request.window_start.as_ref(), "window_start")?;
    let end = optional_instant(request.window_end.as_ref(), "window_end")?;
    let window = match (start, end) {
        (Some(start), Some(end)) if start < end => Window { start, end },
        (None, None) => order.default_window(call.now)?,
        (Some(_) | None, Some(_) | None) => {
            return Err(common::error::Error::invalid("window_end", "window.start_before_end"));
        }
    };
    order.planned(&window, optional_instant(request.planned_start.as_ref(), "planned_start")?)
}

async fn judge(ctx: &Context, order: &WorkOrder, point_id: &str, planned: Window) -> Result<Vec<Verdict>> {
    use store::technician::entity::{Column, Entity};
    let db = ctx.core.db.read();
    let mut select = Entity::find().filter(Column::State.ne("left")).order_by_asc(Column::Id);
    if !point_id.is_empty() {
        select = select.filter(Column::ServicePointId.eq(point_id));
    }
    let rows = select.all(db).await?;
    let technicians = rows.into_iter().map(Entity::record).collect::<Result<Vec<Technician>>>()?;
    let skills: Vec<String> =
        technicians.iter().flat_map(|technician| technician.skills.iter().map(|skill| skill.code.clone())).collect();
    let mut holders = BTreeMap::new();
    for code in &skills {
        *holders.entry(code.as_str()).or_insert(0) += 1;
    }
    let mut points = BTreeMap::new();
    for row in store::service_point::entity::Entity::find().all(db).await? {
        let point = store::service_point::entity::Entity::record(row)?;
        points.insert(point.id.clone(), point);
    }
    let booked = assess::around(db, order, &planned, None).await?;
    let mut verdicts = Vec::new();
    for technician in technicians {
        let Some(point) = points.get(&technician.service_point_id).cloned() else { continue };
        let facts = Facts::of(technician, point, &planned, &booked)?;
        verdicts.push(facts.judge(order, &order.request.windows, planned, &ctx.config.travel.speed(), &holders));
    }
    Ok(verdicts)
}

fn message(verdict: &Verdict) -> Candidate {
    Candidate {
        technician_id: verdict.technician.id.to_string(),
        technician_number: verdict.technician.number.clone(),
        service_point_id: verdict.technician.service_point_id.to_string(),
        eligible: verdict.refusals.is_empty(),
        refusals: verdict.refusals.iter().map(convert::refusal).collect(),
        score: verdict.suitability.score,
        over_qualification: verdict.suitability.over_qualification,
        jobs_that_day: verdict.jobs_that_day,
        distance_km: verdict.suitability.distance_km,
    }
}
