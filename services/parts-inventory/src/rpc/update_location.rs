//! Changes the fields of a location that the mask names.

use common::{
    db::Tx,
    error::{Error, Result},
    id::Id as _,
    service::Call,
    store as rows,
};
use proto::aftercare::parts_inventory::v1::{self as message, UpdateLocationRequest};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};

use crate::{
    Context, convert,
    domain::{LocationId, location::Location},
    error,
    store::{self, balance, catalogue, location},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateLocationRequest) -> Result<message::Location> {
    let id = LocationId::parse(&request.location_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<location::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let to = masked(record.clone(), &request)?;
    if to.closed && !record.closed {
        refuse_stock(&work, &record).await?;
    }
    let taken = catalogue::van(&*work, &to.technician_id).await?;
    if taken.is_some_and(|van| van.id != to.id) {
        return Err(Error::new(error::VAN_TAKEN).with("technician_id", &to.technician_id));
    }
    let changed = record.update(to, call.now)?;
    let record = store::save::<location::Entity>(&work, call, changed).await?;
    work.commit(convert::location(&record)).await
}

/// The location with the named fields changed.
fn masked(mut location: Location, request: &UpdateLocationRequest) -> Result<Location> {
    let mask = request.update_mask.clone().unwrap_or_default();
    for path in &mask.paths {
        match path.as_str() {
            "name" if request.name.trim().is_empty() => return Err(Error::invalid("name", "not_blank")),
            "name" => location.name.clone_from(&request.name),
            "position" => location.position = request.position.map(Into::into),
            "technician_id" => location.technician_id.clone_from(&request.technician_id),
            "service_point_id" => location.service_point_id.clone_from(&request.service_point_id),
            "closed" => location.closed = request.closed,
            unknown => return Err(Error::invalid("update_mask", format!("unknown field {unknown}"))),
        }
    }
    Ok(location)
}

/// Only an empty location can be closed.
async fn refuse_stock(tx: &Tx, location: &Location) -> Result<()> {
    let filled = balance::Entity::find()
        .filter(balance::Column::LocationId.eq(location.id.as_str()))
        .filter(balance::Column::OnHand.gt(0))
        .count(tx)
        .await?;
    if filled == 0 {
        return Ok(());
    }
    Err(Error::new(error::LOCATION_NOT_EMPTY).with("code", &location.code))
}
