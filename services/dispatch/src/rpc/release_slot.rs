//! Gives held capacity back.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{ReleaseSlotRequest, SlotHold};

use crate::{Context, convert, domain::SlotHoldId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ReleaseSlotRequest) -> Result<SlotHold> {
    let id = SlotHoldId::parse(&request.slot_hold_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let hold = store::slot_hold::load(&*work, &id).await?;
    call.check_etag(&request.etag, &hold)?;
    let hold = store::slot_hold::save(&work, call, hold.release(request.reason, call.now)?).await?;
    work.commit(convert::slot::message(&hold)).await
}
