//! A firm applies to become a service point.

use common::{
    error::{Error, Result},
    service::Call,
};
use proto::aftercare::dispatch::v1::{CreateServicePointRequest, ServicePoint};

use crate::{
    Context, convert,
    domain::service_point::{Papers, ServicePoint as Point, State},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreateServicePointRequest) -> Result<ServicePoint> {
    let time_zone = if request.time_zone.is_empty() { ctx.config.time_zone.clone() } else { request.time_zone.clone() };
    convert::zone::check(&time_zone, "time_zone")?;
    let address = request.address.clone().ok_or_else(|| Error::invalid("address", "required"))?;
    let number = ctx.core.numbers.next("SP", call.now).await?;
    let work = ctx.core.begin(call, &request).await?;
    let point = Point {
        id: call.ids.make(call.now),
        version: 0,
        number,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: if request.org_unit_id.is_empty() { call.actor.org_unit_id.clone() } else { request.org_unit_id },
        name: request.name,
        contact_name: request.contact_name,
        contact_phone: request.contact_phone,
        address: convert::service_point::address(address),
        time_zone,
        state: State::Applied,
        contract: None,
        steps: Vec::new(),
    };
    let papers = Papers { note: request.note, documents: convert::attachments(request.documents), ..Papers::default() };
    let point = store::service_point::insert(&work, call, Point::apply(point, &call.actor, papers)).await?;
    work.commit(convert::service_point::message(&point)).await
}
