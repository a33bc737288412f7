//! Takes an absence of a technician back.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{RemoveAbsenceRequest, Technician};

use crate::{
    Context, convert,
    domain::{AbsenceId, TechnicianId},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RemoveAbsenceRequest) -> Result<Technician> {
    let id = TechnicianId::parse(&request.technician_id)?;
    let absence_id = AbsenceId::parse(&request.absence_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let technician = store::technician::load(&*work, &id).await?;
    call.check_etag(&request.etag, &technician)?;
    let changed = technician.remove_absence(&absence_id, call.now)?;
    let technician = store::technician::save(&work, call, changed).await?;
    work.commit(convert::technician::message(&technician)).await
}
