//! Gives a technician jobs again.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{ActivateTechnicianRequest, Technician};

use crate::{Context, convert, domain::TechnicianId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ActivateTechnicianRequest) -> Result<Technician> {
    let id = TechnicianId::parse(&request.technician_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let technician = store::technician::load(&*work, &id).await?;
    call.check_etag(&request.etag, &technician)?;
    let changed = technician.activate(request.note, call.now)?;
    let technician = store::technician::save(&work, call, changed).await?;
    work.commit(convert::technician::message(&technician)).await
}
