//! Adds a location to the tree.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
    store as rows,
};
use proto::aftercare::parts_inventory::v1::{self as message, CreateLocationRequest};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};

use crate::{
    Context,
    convert::{self, needed},
    domain::{LocationId, location::Location},
    error,
    store::{self, catalogue, location},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreateLocationRequest) -> Result<message::Location> {
    let parent_id = LocationId::parse_optional(&request.parent_id)?;
    let draft = Location {
        id: ctx.core.ids.make::<LocationId>(call.now),
        version: 0,
        org_unit_id: super::org_unit(call, &request.org_unit_id),
        created_at: call.now,
        updated_at: call.now,
        code: request.code.clone(),
        name: request.name.clone(),
        kind: needed(request.kind, "kind")?,
        path: Vec::new(),
        technician_id: request.technician_id.clone(),
        service_point_id: request.service_point_id.clone(),
        position: request.position.map(Into::into),
        closed: false,
    };
    let work = ctx.core.begin(call, &request).await?;
    let parent = match parent_id {
        Some(id) => Some(rows::load::<location::Entity>(&*work, id.as_str()).await?),
        None => None,
    };
    let placed = draft.place(parent.as_ref())?;
    if location::Entity::find().filter(location::Column::Code.eq(&placed.code)).count(&*work).await? > 0 {
        return Err(Error::new(error::LOCATION_CODE_TAKEN).with("code", &placed.code));
    }
    if catalogue::van(&*work, &placed.technician_id).await?.is_some() {
        return Err(Error::new(error::VAN_TAKEN).with("technician_id", &placed.technician_id));
    }
    let placed = store::insert::<location::Entity>(&work, call, placed, "create", "").await?;
    work.commit(convert::location(&placed)).await
}
