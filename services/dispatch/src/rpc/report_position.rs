//! Records where a technician is: with consent, and at work, only.

use chrono::Duration;
use common::{
    convert::{optional_instant, timestamp},
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::dispatch::v1::{ReportPositionRequest, TechnicianPosition};

use crate::{
    Context,
    convert::zone,
    domain::{TechnicianId, technician::Technician},
    error::reason,
    planning::snapshot::spans,
    store,
};

/// A phone's clock may be this far ahead of ours.
const AHEAD: Duration = Duration::minutes(2);

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ReportPositionRequest) -> Result<TechnicianPosition> {
    let id = TechnicianId::parse(&request.technician_id)?;
    let place = request.position.ok_or_else(|| Error::invalid("position", "required"))?;
    let at = optional_instant(request.at.as_ref(), "at")?.unwrap_or(call.now);
    if at > call.now + AHEAD {
        return Err(Error::invalid("at", "timestamp.in_past"));
    }
    let work = ctx.core.begin(call, &request).await?;
    let technician = store::technician::load(&*work, &id).await?;
    if !technician.position_consent {
        return Err(Error::new(reason::POSITION_WITHOUT_CONSENT));
    }
    if !at_work(&technician, at)? {
        return Err(Error::new(reason::POSITION_OFF_DUTY));
    }
    store::position::report(&work, id.as_str(), place.into(), at).await?;
    let kept = TechnicianPosition { technician_id: id.to_string(), position: Some(place), at: Some(timestamp(at)) };
    work.commit(kept).await
}

/// Inside a shift and its overtime, and not absent.
fn at_work(technician: &Technician, at: chrono::DateTime<chrono::Utc>) -> Result<bool> {
    let date = zone::local(&technician.time_zone, at)?.date();
    let overtime = Duration::minutes(i64::from(technician.overtime_minutes));
    let on_shift = spans(technician, date)?.iter().any(|span| span.work.start <= at && at < span.work.end + overtime);
    let absent = technician.absences.iter().any(|away| away.window.start <= at && at < away.window.end);
    Ok(on_shift && !absent)
}
