//! The customer takes the window that is held.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::dispatch::v1::{BookSlotRequest, SlotHold};

use crate::{
    Context, convert,
    domain::{SlotHoldId, work_order::WorkOrder},
    error::reason,
    planning::booking,
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: BookSlotRequest) -> Result<SlotHold> {
    let id = SlotHoldId::parse(&request.slot_hold_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let hold = store::slot_hold::load(&*work, &id).await?;
    call.check_etag(&request.etag, &hold)?;
    hold.ensure_open("book", call.now)?;
    let Some(order) = order_of(&*work, &hold).await? else {
        let kept = chrono::Duration::from_std(ctx.config.slots.booked).map_err(Error::internal)?;
        let hold = store::slot_hold::save(&work, call, hold.book(call.now + kept, call.now)?).await?;
        return work.commit(convert::slot::message(&hold)).await;
    };
    let (wanted, window) = (order.clone(), hold.window);
    match booking::take(ctx, call, &work, order, hold).await {
        Ok((_, hold)) => work.commit(convert::slot::message(&hold)).await,
        // The technician fell ill, or the job changed, since the window was held.
        Err(error) if error.reason == reason::TECHNICIAN_NOT_ELIGIBLE => {
            drop(work);
            Err(booking::taken(ctx, call, &wanted, &window).await?)
        }
        Err(error) => Err(error),
    }
}

/// The work order that the hold is for, or the open one of its request.
async fn order_of(on: &impl common::reach::Scoped, hold: &crate::domain::slot::SlotHold) -> Result<Option<WorkOrder>> {
    if let Some(id) = &hold.work_order_id {
        return store::work_order::find(on, id).await;
    }
    let Some(request) = &hold.service_request_id else { return Ok(None) };
    let known = store::work_order::of_request(on, request).await?;
    Ok(known.into_iter().rfind(|order| !order.state.over()))
}
