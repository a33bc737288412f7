//! Changes what a complaint says, in every state but CLOSED and ARCHIVED. Raised to major or crisis, manager and
//! duty list are told at once.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::complaint::v1::{Complaint, UpdateComplaintRequest};

use crate::{
    Context, convert,
    domain::{ComplaintId, receive::Update},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateComplaintRequest) -> Result<Complaint> {
    let id = ComplaintId::parse(&request.complaint_id)?;
    let update = read(ctx, &request)?;
    let work = ctx.core.begin(call, &request).await?;
    let complaint = store::complaint::load(&*work, &id).await?;
    call.check_etag(&request.etag, &complaint)?;
    let changed = complaint.update(update, &ctx.policy, request.reason, call.now)?;
    store::complaint::refuse_double(&*work, &changed.record).await?;
    let complaint = store::complaint::save(&work, call, &ctx.policy, changed).await?;
    let complaint = store::complaint::notify(&work, call, &ctx.policy, complaint).await?;
    work.commit(convert::complaint(&complaint)).await
}

fn read(ctx: &Context, request: &UpdateComplaintRequest) -> Result<Update> {
    let paths = request.update_mask.as_ref().map(|mask| mask.paths.as_slice()).unwrap_or_default();
    let mut update = Update::default();
    for path in paths {
        match path.as_str() {
            "description" if request.description.is_empty() => {
                return Err(Error::invalid("description", "string.min_len"));
            }
            "description" => update.description = Some(request.description.clone()),
            "wanted" => update.wanted = Some(request.wanted.clone()),
            "severity" => update.severity = Some(convert::severity(request.severity)?),
            "reason_code" => {
                let reason = ctx.reasons.find(&request.reason_code)?;
                update.reason = Some((reason.subject, reason.code.clone()));
            }
            "owner_id" => update.owner_id = Some(request.owner_id.clone()),
            "org_unit_id" if request.org_unit_id.is_empty() => {
                return Err(Error::invalid("org_unit_id", "string.min_len"));
            }
            "org_unit_id" => update.org_unit_id = Some(request.org_unit_id.clone()),
            "about_org_unit_id" => update.about_org_unit_id = Some(request.about_org_unit_id.clone()),
            unknown => return Err(Error::invalid(format!("update_mask.{unknown}"), "field_mask.known")),
        }
    }
    if paths.is_empty() {
        return Err(Error::invalid("update_mask", "field_mask.not_empty"));
    }
    Ok(update)
}
