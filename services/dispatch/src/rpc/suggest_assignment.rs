//! Gives the best ways to place a job.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{SuggestAssignmentRequest, SuggestAssignmentResponse};

use crate::{Context, domain::WorkOrderId, planning::placement, store};

/// Ways when nobody says how many.
const STANDARD: usize = 5;

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: SuggestAssignmentRequest,
) -> Result<SuggestAssignmentResponse> {
    let id = WorkOrderId::parse(&request.work_order_id)?;
    let order = store::work_order::load(&ctx.core.read(call), &id).await?;
    let limit = usize::try_from(request.limit).ok().filter(|limit| *limit > 0).unwrap_or(STANDARD);
    let asked = placement::ask(ctx, call, &order).await?;
    let best = asked.best();
    Ok(SuggestAssignmentResponse {
        refusals: if best.is_empty() { asked.counts(call.language) } else { Vec::new() },
        placements: best.into_iter().take(limit).map(|place| asked.message(place)).collect(),
    })
}
