//! Books what a job used.

use common::{error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, ConsumeReservationRequest};

use crate::{
    Context, convert,
    domain::ReservationId,
    store::{catalogue, reservation, reserving},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ConsumeReservationRequest,
) -> Result<message::Reservation> {
    let id = ReservationId::parse(&request.reservation_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<reservation::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let mut need = record.need.clone();
    if !request.technician_id.is_empty() {
        need.technician_id.clone_from(&request.technician_id);
    }
    let used = convert::read_used(request.used.clone());
    catalogue::parts(&*work, used.iter().map(|line| line.sku.as_str()).collect::<Vec<_>>()).await?;
    let record = reserving::consume(ctx, &work, call, Some(record), need, used).await?;
    work.commit(convert::reservation(&record)).await
}
