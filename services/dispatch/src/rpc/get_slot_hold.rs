//! Gives one hold.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{GetSlotHoldRequest, SlotHold};

use crate::{Context, convert, domain::SlotHoldId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetSlotHoldRequest) -> Result<SlotHold> {
    let id = SlotHoldId::parse(&request.slot_hold_id)?;
    Ok(convert::slot::message(&store::slot_hold::load(&ctx.core.read(call), &id).await?))
}
