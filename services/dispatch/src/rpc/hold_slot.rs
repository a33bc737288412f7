//! Keeps the capacity of a window for some minutes.
//!
//! The picture in memory only proposes who could come. Whose time is given away is decided in the transaction, under
//! the guard of the technicians' days: two callers never get the same.

use common::{
    error::{Error, Result},
    record::Record as _,
    service::Call,
};
use proto::aftercare::dispatch::v1::{HoldSlotRequest, SlotHold};

use crate::{
    Context, convert,
    domain::{
        TechnicianId,
        slot::{self, State},
    },
    error::reason,
    planning::{self, booking, placing::Place},
    store,
};

/// So many technicians are tried before the window counts as gone.
const TRIES: usize = 6;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: HoldSlotRequest) -> Result<SlotHold> {
    let window =
        convert::window(request.window.as_ref(), "window")?.ok_or_else(|| Error::invalid("window", "required"))?;
    if window.start <= call.now {
        return Err(Error::invalid("window", "window.in_future"));
    }
    let named = (request.work_order_id.as_str(), request.service_request_id.as_str());
    let subject = planning::subject(ctx, call, &ctx.core.read(call), named, request.job.as_ref()).await?;
    if !subject.real && request.service_request_id.is_empty() {
        return Err(Error::invalid("service_request_id", "required"));
    }
    subject.order.permit("reschedule")?;
    let (_, found) = booking::look(ctx, call, &subject.order, &[window], "").await?;
    let mut places = found.places;
    places.sort_by_key(|place| {
        let wanted = place.technicians.first() == Some(&request.technician_id);
        (!wanted, place.cost(), place.technicians.clone())
    });
    for place in places.into_iter().take(TRIES) {
        match sell(ctx, call, &request, &subject, window, &place).await {
            // Somebody else was faster with this technician: the next one.
            Err(error) if error.reason == reason::TECHNICIAN_NOT_ELIGIBLE => {}
            sold => return sold,
        }
    }
    // A repeat of a call that succeeded finds its own window gone: it gets its first answer here.
    drop(ctx.core.begin(call, &request).await?);
    Err(booking::taken(ctx, call, &subject.order, &window).await?)
}

/// Tries one technician, in a transaction of its own.
async fn sell(
    ctx: &Context,
    call: &Call,
    request: &HoldSlotRequest,
    subject: &planning::Subject,
    window: common::convert::Window,
    place: &Place,
) -> Result<SlotHold> {
    use common::id::Id as _;
    let work = ctx.core.begin(call, request).await?;
    let order = &subject.order;
    let asked = booking::wish(&place.technicians, window, place.planned, "")?;
    let offer = store::assess::offer(ctx, call, &work, order, asked).await?;
    if subject.real {
        // One customer chooses one window: what was held for the same job before is free again.
        for before in store::slot_hold::held_for(&*work, order.id()).await? {
            store::slot_hold::save(&work, call, before.release("other_window".to_owned(), call.now)?).await?;
        }
    }
    let request_id = if subject.real { &order.request.id } else { &request.service_request_id };
    let hold = slot::SlotHold {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: order.request.org_unit_id.clone(),
        technicians: place.technicians.iter().map(|id| TechnicianId::parse(id)).collect::<Result<_>>()?,
        service_point_id: offer.service_point_id,
        window,
        planned: place.planned,
        position: order.request.position,
        expires_at: call.now + chrono::Duration::from_std(ctx.config.slots.hold).map_err(Error::internal)?,
        work_order_id: subject.real.then(|| order.id.to_string()),
        service_request_id: Some(request_id.clone()).filter(|id| !id.is_empty()),
        state: State::Held,
    };
    let hold = store::slot_hold::insert(&work, call, hold).await?;
    work.commit(convert::slot::message(&hold)).await
}
