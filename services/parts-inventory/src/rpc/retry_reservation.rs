//! Tries a waiting reservation again.

use common::{error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, RetryReservationRequest};

use crate::{
    Context, convert,
    domain::ReservationId,
    store::{reservation, reserving},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: RetryReservationRequest,
) -> Result<message::Reservation> {
    let id = ReservationId::parse(&request.reservation_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<reservation::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let record = reserving::retry(ctx, &work, call, record).await?;
    work.commit(convert::reservation(&record)).await
}
