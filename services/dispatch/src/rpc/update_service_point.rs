//! Changes what is known of a service point.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::dispatch::v1::{ServicePoint, UpdateServicePointRequest};

use crate::{
    Context, convert,
    domain::{ServicePointId, service_point::Patch},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateServicePointRequest) -> Result<ServicePoint> {
    let id = ServicePointId::parse(&request.service_point_id)?;
    let patch = patch(&request)?;
    let work = ctx.core.begin(call, &request).await?;
    let point = store::service_point::load(&*work, &id).await?;
    call.check_etag(&request.etag, &point)?;
    let changed = point.update(patch, call.now)?;
    let point = store::service_point::save(&work, call, changed).await?;
    work.commit(convert::service_point::message(&point)).await
}

fn patch(request: &UpdateServicePointRequest) -> Result<Patch> {
    let mut patch = Patch::default();
    for path in convert::mask(request.update_mask.as_ref())? {
        match path.as_str() {
            "name" => patch.name = Some(request.name.clone()),
            "contact_name" => patch.contact_name = Some(request.contact_name.clone()),
            "contact_phone" => patch.contact_phone = Some(request.contact_phone.clone()),
            "address" => {
                let address = request.address.clone().ok_or_else(|| Error::invalid("address", "required"))?;
                patch.address = Some(convert::service_point::address(address));
            }
            "time_zone" => {
                convert::zone::check(&request.time_zone, "time_zone")?;
                patch.time_zone = Some(request.time_zone.clone());
            }
            "org_unit_id" => patch.org_unit_id = Some(request.org_unit_id.clone()),
            unknown => return Err(convert::unknown_path(unknown)),
        }
    }
    Ok(patch)
}
