//! Records an absence of a technician.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::dispatch::v1::{AddAbsenceRequest, Technician};

use crate::{
    Context, convert,
    domain::{TechnicianId, technician::Absence},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: AddAbsenceRequest) -> Result<Technician> {
    let id = TechnicianId::parse(&request.technician_id)?;
    let window =
        convert::window(request.window.as_ref(), "window")?.ok_or_else(|| Error::invalid("window", "required"))?;
    let absence = Absence { id: call.ids.make(call.now), window, reason: request.reason.clone() };
    let work = ctx.core.begin(call, &request).await?;
    let technician = store::technician::load(&*work, &id).await?;
    call.check_etag(&request.etag, &technician)?;
    let changed = technician.add_absence(absence, call.now)?;
    let technician = store::technician::save(&work, call, changed).await?;
    work.commit(convert::technician::message(&technician)).await
}
