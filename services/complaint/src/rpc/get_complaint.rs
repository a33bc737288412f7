//! Gives one complaint.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{Complaint, GetComplaintRequest};

use crate::{Context, convert, domain::ComplaintId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetComplaintRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let found = store::complaint::load(&ctx.core.read(call), &id).await?;
    Ok(convert::complaint(&found))
}
