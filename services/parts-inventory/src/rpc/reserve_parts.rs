//! Reserves parts for a job, all lines or none.

use common::{error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, ReservePartsRequest};

use crate::{
    Context, convert,
    domain::{LocationId, reservation::Need},
    store::{catalogue, location, reserving},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ReservePartsRequest) -> Result<message::Reservation> {
    let near = LocationId::parse_optional(&request.near_location_id)?;
    let work = ctx.core.begin(call, &request).await?;
    if let Some(near) = &near {
        rows::load::<location::Entity>(&*work, near.as_str()).await?;
    }
    let (lines, _) = catalogue::quantities(&*work, &request.lines).await?;
    let need = Need {
        work_order_id: request.work_order_id.clone(),
        service_request_id: request.service_request_id.clone(),
        customer_id: request.customer_id.clone(),
        technician_id: request.technician_id.clone(),
        org_unit_id: super::org_unit(call, &request.org_unit_id),
        lines,
        near_location_id: request.near_location_id.clone(),
        position: request.position.map(Into::into),
    };
    let reservation = reserving::reserve(ctx, &work, call, need).await?;
    work.commit(convert::reservation(&reservation)).await
}
