//! Records that one action is done: IMPLEMENTING, and > FOLLOW_UP when it was the last and the customer agreed.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{Complaint, CompleteActionRequest};

use crate::{Context, convert, domain::ComplaintId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CompleteActionRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.complete_action(request.action_no, request.note, &ctx.policy, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}
