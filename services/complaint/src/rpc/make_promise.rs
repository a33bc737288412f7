//! Records a promise with its due time, in every state but CLOSED and ARCHIVED.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::complaint::v1::{Complaint, MakePromiseRequest};

use crate::{Context, convert, domain::ComplaintId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: MakePromiseRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let due = common::convert::optional_instant(request.due_at.as_ref(), "due_at")?;
    let due_at = due.ok_or_else(|| Error::invalid("due_at", "required"))?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.promise(request.text, due_at, &call.actor, call.now)?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    work.commit(convert::complaint(&complaint)).await
}
