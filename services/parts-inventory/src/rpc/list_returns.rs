//! Lists returns.

use common::{error::Result, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, ListReturnsRequest};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::{
    Context,
    convert::{self, Mirror as _},
    domain::rma::{Disposition, ReturnState},
    store::goods_return,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListReturnsRequest,
) -> Result<message::ListReturnsResponse> {
    use goods_return::Column;
    let mut select = goods_return::Entity::find();
    if let Some(state) = ReturnState::read(request.state) {
        select = select.filter(Column::State.eq(state.as_str()));
    }
    if !request.service_request_id.is_empty() {
        select = select.filter(Column::ServiceRequestId.eq(&request.service_request_id));
    }
    if !request.customer_id.is_empty() {
        select = select.filter(Column::CustomerId.eq(&request.customer_id));
    }
    if let Some(disposition) = Disposition::read(request.disposition) {
        select = select.filter(Column::Disposition.eq(disposition.as_str()));
    }
    if !request.serial.is_empty() {
        select = select.filter(Column::Serial.eq(&request.serial));
    }
    let orders = [("create_time", Column::CreatedAt), ("number", Column::Number)];
    let (rows, next_page_token) = store::list(&ctx.core.read(call), select, &orders, &request).await?;
    Ok(message::ListReturnsResponse { returns: rows.iter().map(convert::goods_return).collect(), next_page_token })
}
