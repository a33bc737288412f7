//! Gives one service point.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::dispatch::v1::{GetServicePointRequest, ServicePoint};

use crate::{Context, convert, domain::ServicePointId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetServicePointRequest) -> Result<ServicePoint> {
    let id = ServicePointId::parse(&request.service_point_id)?;
    let point = store::service_point::load(&ctx.core.read(call), &id).await?;
    Ok(convert::service_point::message(&point))
}
