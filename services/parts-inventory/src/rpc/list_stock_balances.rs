//! Lists what lies where.

use common::{error::Result, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, ListStockBalancesRequest};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::{
    Context,
    convert::{self, Mirror as _},
    domain::stock::StockCondition,
    store::balance,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListStockBalancesRequest,
) -> Result<message::ListStockBalancesResponse> {
    use balance::Column;
    let mut select = balance::Entity::find();
    if !request.sku.is_empty() {
        select = select.filter(Column::Sku.eq(&request.sku));
    }
    if !request.location_id.is_empty() {
        select = select.filter(Column::LocationId.eq(&request.location_id));
    }
    if let Some(condition) = StockCondition::read(request.condition) {
        select = select.filter(Column::Condition.eq(condition.as_str()));
    }
    if request.in_stock {
        select = select.filter(Column::OnHand.gt(0));
    }
    let orders = [("sku", Column::Sku), ("on_hand_milli", Column::OnHand), ("update_time", Column::UpdatedAt)];
    let (rows, next_page_token) = store::list_rows(&ctx.core.read(call), select, &orders, Column::Id, &request).await?;
    let stock_balances = rows.into_iter().map(convert::stock_balance).collect();
    Ok(message::ListStockBalancesResponse { stock_balances, next_page_token })
}
