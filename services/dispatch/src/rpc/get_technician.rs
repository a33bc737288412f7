//! Gives one technician.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{GetTechnicianRequest, Technician};

use crate::{Context, convert, domain::TechnicianId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetTechnicianRequest) -> Result<Technician> {
    let id = TechnicianId::parse(&request.technician_id)?;
    let technician = store::technician::load(&ctx.core.read(call), &id).await?;
    Ok(convert::technician::message(&technician))
}
