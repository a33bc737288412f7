//! Records that the customer agrees: IMPLEMENTING, and > FOLLOW_UP when all actions are done.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{Complaint, RecordAgreementRequest};

use crate::{
    Context, convert,
    domain::{ComplaintId, implementation::Agreement},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RecordAgreementRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let agreement = Agreement {
        kind: convert::agreement_kind(request.kind)?,
        file_id: request.file_id.clone(),
        by: call.actor.clone(),
        at: call.now,
    };
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.agree(agreement, &ctx.policy, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}
