//! Lists reservations.

use common::{error::Result, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, ListReservationsRequest};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::{Context, convert, rpc::state_name, store::reservation};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListReservationsRequest,
) -> Result<message::ListReservationsResponse> {
    use reservation::Column;
    let mut select = reservation::Entity::find();
    if let Some(state) = state_name(message::ReservationState::try_from(request.state).map(|state| state.as_str_name()))
    {
        select = select.filter(Column::State.eq(state));
    }
    if !request.work_order_id.is_empty() {
        select = select.filter(Column::WorkOrderId.eq(&request.work_order_id));
    }
    if !request.service_request_id.is_empty() {
        select = select.filter(Column::ServiceRequestId.eq(&request.service_request_id));
    }
    if request.uncovered {
        select = select.filter(Column::Uncovered.eq(true));
    }
    let orders = [("create_time", Column::CreatedAt), ("expire_time", Column::ExpiresAt)];
    let (rows, next_page_token) = store::list(&ctx.core.read(call), select, &orders, &request).await?;
    Ok(message::ListReservationsResponse {
        reservations: rows.iter().map(convert::reservation).collect(),
        next_page_token,
    })
}
