//! Records the contract of a service point.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::dispatch::v1::{ContractServicePointRequest, ServicePoint};

use crate::{Context, convert, domain::ServicePointId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ContractServicePointRequest) -> Result<ServicePoint> {
    let id = ServicePointId::parse(&request.service_point_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let point = store::service_point::load(&*work, &id).await?;
    call.check_etag(&request.etag, &point)?;
    let contract = request.contract.ok_or_else(|| Error::invalid("contract", "required"))?;
    let contract = convert::service_point::contract(contract)?;
    let changed = point.sign(contract, &call.actor, request.note, call.now)?;
    let point = store::service_point::save(&work, call, changed).await?;
    work.commit(convert::service_point::message(&point)).await
}
