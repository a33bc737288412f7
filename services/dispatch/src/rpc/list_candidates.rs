//! Lists who could do a job, and every rule that stands in the way of the others.

use std::collections::BTreeMap;

use common::{
    convert::{Window, optional_instant},
    error::Result,
    id::Id as _,
    page, reach,
    service::Call,
    store::Table as _,
};
use proto::aftercare::dispatch::v1::{Candidate, ListCandidatesRequest, ListCandidatesResponse};
use sea_orm::{QueryOrder as _, entity::prelude::*};

use crate::{
    Context, convert,
    domain::{WorkOrderId, technician::Technician, work_order::WorkOrder},
    planning::booking,
    store::{
        self,
        assess::{self, Facts, Verdict},
        work_order::Around,
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
    let print = page::fingerprint(&call.reach, &request);
    let from: usize = page::open(&token, &print)?.unwrap_or_default();
    let order = store::work_order::load(&ctx.core.read(call), &id).await?;
    let planned = planned(&order, &request, call)?;
    let mut verdicts = judge(ctx, call, &order, &request.service_point_id, planned).await?;
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
    let prices = prices(ctx, call, &order, planned).await?;
    let candidates = verdicts.iter().skip(from).take(size).map(|verdict| message(verdict, &prices)).collect();
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

async fn judge(ctx: &Context, call: &Call, order: &WorkOrder, point_id: &str, planned: Window) -> Result<Vec<Verdict>> {
    use store::technician::entity::{Column, Entity};
    let db = &ctx.core.read(call);
    let mut select = reach::select::<Entity>(db).filter(Column::State.ne("left")).order_by_asc(Column::Id);
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
    for row in reach::select::<store::service_point::entity::Entity>(db).all(db).await? {
        let point = store::service_point::entity::Entity::record(row)?;
        points.insert(point.id.clone(), point);
    }
    let asked = Around { without: &order.id, without_hold: "", now: call.now, of: None };
    let booked = assess::around(db, &planned, asked).await?;
    let travel = ctx.ways.rules();
    let mut verdicts = Vec::new();
    for technician in technicians {
        let Some(point) = points.get(&technician.service_point_id).cloned() else { continue };
        let facts = Facts::of(technician, point, &planned, &booked)?;
        verdicts.push(facts.judge(order, &order.request.windows, planned, &travel, &holders));
    }
    Ok(verdicts)
}

/// What the visit adds to the plan's cost, for everybody who has room for it at that very time.
async fn prices(ctx: &Context, call: &Call, order: &WorkOrder, planned: Window) -> Result<BTreeMap<String, i64>> {
    let at = [Window { start: planned.start, end: planned.start + chrono::Duration::seconds(1) }];
    let alone = WorkOrder { crew_size: 1, ..order.clone() };
    let (_, found) = booking::look(ctx, call, &alone, &at, "").await?;
    Ok(found
        .places
        .into_iter()
        .map(|mut place| (place.technicians.swap_remove(0), place.costs.values().sum()))
        .collect())
}

fn message(verdict: &Verdict, prices: &BTreeMap<String, i64>) -> Candidate {
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
        plan_cost: prices.get(verdict.technician.id.as_str()).copied().unwrap_or(-1),
    }
}
