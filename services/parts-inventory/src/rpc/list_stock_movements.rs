//! Lists movements of the ledger.

use common::{error::Result, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, ListStockMovementsRequest};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _};

use crate::{
    Context,
    convert::{self, Mirror as _},
    domain::stock::MovementReason,
    store::ledger::movement,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListStockMovementsRequest,
) -> Result<message::ListStockMovementsResponse> {
    use movement::Column;
    let mut select = movement::Entity::find();
    if !request.sku.is_empty() {
        select = select.filter(Column::Sku.eq(&request.sku));
    }
    if !request.location_id.is_empty() {
        let (from, to) = (Column::FromLocationId, Column::ToLocationId);
        let there = Condition::any().add(from.eq(&request.location_id)).add(to.eq(&request.location_id));
        select = select.filter(there);
    }
    if !request.document_id.is_empty() {
        select = select.filter(Column::DocumentId.eq(&request.document_id));
    }
    if let Some(reason) = MovementReason::read(request.reason) {
        select = select.filter(Column::Reason.eq(reason.as_str()));
    }
    if !request.tracking.is_empty() {
        select = select.filter(Column::Tracking.eq(&request.tracking));
    }
    let orders = [("move_time", Column::At)];
    let (rows, next_page_token) = store::list_rows(&ctx.core.read(call), select, &orders, Column::Id, &request).await?;
    let stock_movements = rows.into_iter().map(convert::stock_movement).collect();
    Ok(message::ListStockMovementsResponse { stock_movements, next_page_token })
}
