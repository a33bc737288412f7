//! Lets a reservation go.

use common::{error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, ReleaseReservationRequest};

use crate::{
    Context, convert,
    domain::ReservationId,
    store::{reservation, reserving},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ReleaseReservationRequest,
) -> Result<message::Reservation> {
    let id = ReservationId::parse(&request.reservation_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<reservation::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let record = reserving::release(&work, call, record, &request.reason).await?;
    work.commit(convert::reservation(&record)).await
}
