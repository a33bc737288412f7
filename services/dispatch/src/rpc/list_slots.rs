//! Lists windows that some qualified technician can really serve.

use common::{
    convert::{Window, optional_instant, timestamp},
    error::Result,
    page,
    service::Call,
};
use proto::aftercare::dispatch::v1::{ListSlotsRequest, ListSlotsResponse, Slot};

use crate::{
    Context, convert,
    planning::{self, booking, placing::Place},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, mut request: ListSlotsRequest) -> Result<ListSlotsResponse> {
    let size = usize::try_from(page::size(request.page_size)?).unwrap_or(usize::MAX);
    let token = std::mem::take(&mut request.page_token);
    request.page_size = 0;
    let print = page::fingerprint(&call.reach, &request);
    let start: usize = page::open(&token, &print)?.unwrap_or_default();
    let from = optional_instant(request.from.as_ref(), "from")?;
    let named = (request.work_order_id.as_str(), request.service_request_id.as_str());
    let subject = planning::subject(ctx, call, &ctx.core.read(call), named, request.job.as_ref()).await?;
    let wishes = match convert::windows(&request.preferred, "preferred")? {
        wishes if wishes.is_empty() => subject.order.request.windows.clone(),
        wishes => wishes,
    };
    let windows = planning::horizon(ctx, call.now, from, request.days)?;
    let (_, found) = booking::look(ctx, call, &subject.order, &windows, "").await?;
    let slots = booking::ranked(found, &windows, &wishes, ctx.config.slots.wish);
    let more = slots.len() > start.saturating_add(size);
    let next_page_token = if more { page::seal(&(start + size), &print) } else { String::new() };
    let slots = slots.iter().skip(start).take(size).map(|slot| message(slot, &windows)).collect();
    Ok(ListSlotsResponse { slots, next_page_token })
}

fn message((place, technicians, preferred): &(Place, usize, bool), windows: &[Window]) -> Slot {
    Slot {
        window: Some(windows[place.window].message()),
        technician_id: place.technicians.first().cloned().unwrap_or_default(),
        planned_start: Some(timestamp(place.planned.start)),
        planned_end: Some(timestamp(place.planned.end)),
        cost: place.cost(),
        extra_travel_seconds: place.extra_seconds,
        technicians: i32::try_from(*technicians).unwrap_or(i32::MAX),
        preferred: *preferred,
        estimated: place.estimated,
    }
}
