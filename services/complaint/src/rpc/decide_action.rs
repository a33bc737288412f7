//! Decides what becomes of an action whose service request was cancelled: IMPLEMENTING, and > FOLLOW_UP when
//! nothing is left to do.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{Complaint, DecideActionRequest};

use crate::{Context, convert, domain::ComplaintId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DecideActionRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let decision = convert::decision(request.decision)?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed =
        complaint.decide_action(request.action_no, decision, request.reason, &call.actor, &ctx.policy, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}
