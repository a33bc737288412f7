//! Judges a complaint: ACKNOWLEDGED > INVESTIGATING (founded, partly) or REPLIED (unfounded, with the reply given).

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{Complaint, JudgeComplaintRequest};

use crate::{Context, convert, domain::{ComplaintId, judgement::Judgement}, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: JudgeComplaintRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let judgement = Judgement {
        verdict: convert::verdict(request.verdict)?,
        reply: request.reply.clone(),
        grounds: request.grounds.clone(),
        evidence: convert::evidence(request.evidence.clone()),
        by: call.actor.clone(),
        at: call.now,
    };
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.judge(judgement, &ctx.policy, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}
