//! Answers one reservation.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, GetReservationRequest};

use crate::{Context, convert, domain::ReservationId, store::reservation};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetReservationRequest) -> Result<message::Reservation> {
    let id = ReservationId::parse(&request.reservation_id)?;
    let record = store::load::<reservation::Entity>(&ctx.core.read(call), id.as_str()).await?;
    Ok(convert::reservation(&record))
}
