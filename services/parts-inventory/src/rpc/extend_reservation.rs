//! Makes a reservation last longer.

use common::{
    convert::optional_instant,
    error::{Error, Result},
    id::Id as _,
    service::Call,
    store as rows,
};
use proto::aftercare::parts_inventory::v1::{self as message, ExtendReservationRequest};

use crate::{
    Context, convert,
    domain::ReservationId,
    store::{reservation, reserving},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ExtendReservationRequest,
) -> Result<message::Reservation> {
    let id = ReservationId::parse(&request.reservation_id)?;
    let until = optional_instant(request.expire_time.as_ref(), "expire_time")?;
    let until = until.ok_or_else(|| Error::invalid("expire_time", "required"))?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<reservation::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let record = reserving::extend(&work, call, record, until).await?;
    work.commit(convert::reservation(&record)).await
}
