//! Says why a job is where it is and what the next best would cost, or which rules leave it without a technician.

use common::{catalog::Language, convert::timestamp, error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{AssignmentExplanation, ExplainAssignmentRequest, Placement};

use crate::{
    Context, convert,
    domain::{WorkOrderId, work_order::Assignment},
    planning::placement::{Asked, ask},
    store,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ExplainAssignmentRequest,
) -> Result<AssignmentExplanation> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let order = store::work_order::load(&ctx.core.read(call), &id).await?;
    let asked = ask(ctx, call, &order).await?;
    let best = asked.best();
    let at = order.state.assignment();
    let lead = at.map(|at| at.technician_id.to_string());
    let runner_up = best
        .iter()
        .find(|place| lead.is_none() || place.technicians.first() != lead.as_ref())
        .map(|place| asked.message(place));
    let placement = at.map(|at| present(&asked, at));
    let summary = summary(call.language, placement.as_ref(), runner_up.as_ref(), &asked);
    Ok(AssignmentExplanation {
        work_order_id: order.id.to_string(),
        assigned: at.is_some(),
        placement,
        runner_up,
        summary,
        refusals: asked.counts(call.language),
        technicians: asked.technicians(call.language),
    })
}

/// The present place with its price: what the same technician's best way costs now, at the present time where it is one.
fn present(asked: &Asked, at: &Assignment) -> Placement {
    let own = asked
        .found
        .places
        .iter()
        .filter(|place| place.technicians.first().map(String::as_str) == Some(at.technician_id.as_str()));
    let nearest = own.min_by_key(|place| (place.planned.start - at.planned.start).num_seconds().abs());
    let lane = asked.picture.lanes.get(at.technician_id.as_str());
    Placement {
        technician_id: at.technician_id.to_string(),
        technician_number: lane.map(|lane| lane.technician.number.clone()).unwrap_or_default(),
        planned_start: Some(timestamp(at.planned.start)),
        planned_end: Some(timestamp(at.planned.end)),
        window: Some(at.window.message()),
        cost: nearest.map_or(0, |place| place.cost()),
        parts: nearest.map(|place| convert::plan::parts(&place.costs)).unwrap_or_default(),
        extra_travel_seconds: nearest.map_or(0, |place| place.extra_seconds),
        estimated: nearest.is_some_and(|place| place.estimated),
    }
}

/// One sentence.
fn summary(language: Language, placement: Option<&Placement>, runner_up: Option<&Placement>, asked: &Asked) -> String {
    let key = match (placement, runner_up) {
        (Some(_), Some(_)) => "assigned_with_runner_up",
        (Some(_), None) => "assigned_alone",
        (None, Some(_)) => "open_with_place",
        (None, None) => "open",
    };
    let rules =
        asked.counts(language).into_iter().take(3).map(|count| format!("{} ({})", count.text, count.technicians));
    let number = |place: Option<&Placement>| place.map(|place| place.technician_number.clone()).unwrap_or_default();
    let difference = runner_up.map_or(0, |other| other.cost) - placement.map_or(0, |place| place.cost);
    convert::plan::sentence(key, language)
        .replace("{technician}", &number(placement))
        .replace("{cost}", &placement.map_or(0, |place| place.cost).to_string())
        .replace("{other}", &number(runner_up))
        .replace("{difference}", &difference.to_string())
        .replace("{rules}", &rules.collect::<Vec<_>>().join(", "))
}
