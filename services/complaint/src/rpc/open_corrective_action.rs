//! Opens a corrective action (> OPEN); one per cause at a time.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{CorrectiveAction, OpenCorrectiveActionRequest};

use crate::{
    Context, convert,
    domain::{
        ComplaintId,
        corrective::{Origin, Problem},
    },
    store,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: OpenCorrectiveActionRequest,
) -> Result<CorrectiveAction> {
    let complaint_id = ComplaintId::parse_optional(&request.complaint_id)?;
    let unit = if request.org_unit_id.is_empty() { &call.actor.org_unit_id } else { &request.org_unit_id };
    let problem = Problem {
        cause_code: request.cause_code.clone(),
        text: request.problem.clone(),
        origin: Origin::Manual,
        complaint_ids: complaint_id.iter().map(ToString::to_string).collect(),
        org_unit_id: unit.clone(),
        owner_id: request.owner_id.clone(),
    };
    let number = ctx.core.numbers.next("CA", call.now).await?;
    let work = ctx.core.begin(call, &request).await?;
    if let Some(id) = &complaint_id {
        store::complaint::load(&*work, id).await?;
    }
    let action = store::corrective::open(&work, call, problem, number).await?;
    work.commit(convert::corrective::corrective_action(&action)).await
}
