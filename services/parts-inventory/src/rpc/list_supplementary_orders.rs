//! Lists supplementary orders.

use common::{error::Result, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, ListSupplementaryOrdersRequest};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::{
    Context,
    convert::{self, Mirror as _},
    domain::supplementary_order::SupplementaryOrderState,
    store::supplementary_order,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListSupplementaryOrdersRequest,
) -> Result<message::ListSupplementaryOrdersResponse> {
    use supplementary_order::Column;
    let mut select = supplementary_order::Entity::find();
    if let Some(state) = SupplementaryOrderState::read(request.state) {
        select = select.filter(Column::State.eq(state.as_str()));
    }
    if !request.work_order_id.is_empty() {
        select = select.filter(Column::WorkOrderId.eq(&request.work_order_id));
    }
    if !request.service_request_id.is_empty() {
        select = select.filter(Column::ServiceRequestId.eq(&request.service_request_id));
    }
    if !request.location_id.is_empty() {
        select = select.filter(Column::LocationId.eq(&request.location_id));
    }
    let orders =
        [("create_time", Column::CreatedAt), ("number", Column::Number), ("expected_time", Column::ExpectedAt)];
    let (rows, next_page_token) = store::list(&ctx.core.read(call), select, &orders, &request).await?;
    Ok(message::ListSupplementaryOrdersResponse {
        supplementary_orders: rows.iter().map(convert::supplementary_order).collect(),
        next_page_token,
    })
}
