//! Records that the customer knows we have it: RECEIVED > ACKNOWLEDGED.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{AcknowledgeComplaintRequest, Complaint};

use crate::{Context, convert, domain::ComplaintId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: AcknowledgeComplaintRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.acknowledge(request.note, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}
