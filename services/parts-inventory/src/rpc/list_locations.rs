//! Lists locations.

use common::{error::Result, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, ListLocationsRequest};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _};

use crate::{
    Context,
    convert::{self, Mirror as _},
    domain::location::LocationKind,
    store::location,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListLocationsRequest,
) -> Result<message::ListLocationsResponse> {
    use location::Column;
    let mut select = location::Entity::find();
    if let Some(kind) = LocationKind::read(request.kind) {
        select = select.filter(Column::Kind.eq(kind.as_str()));
    }
    if !request.parent_id.is_empty() {
        select = select.filter(Column::ParentId.eq(&request.parent_id));
    }
    if !request.technician_id.is_empty() {
        select = select.filter(Column::TechnicianId.eq(&request.technician_id));
    }
    if !request.text.is_empty() {
        select = select.filter(
            Condition::any().add(Column::Code.contains(&request.text)).add(Column::Name.contains(&request.text)),
        );
    }
    let orders = [("code", Column::Code), ("name", Column::Name), ("create_time", Column::CreatedAt)];
    let (rows, next_page_token) = store::list(&ctx.core.read(call), select, &orders, &request).await?;
    Ok(message::ListLocationsResponse { locations: rows.iter().map(convert::location).collect(), next_page_token })
}
