//! Lists transfers.

use common::{error::Result, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, ListTransfersRequest};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::{Context, convert, rpc::state_name, store::transfer};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListTransfersRequest,
) -> Result<message::ListTransfersResponse> {
    use transfer::Column;
    let mut select = transfer::Entity::find();
    if let Some(state) = state_name(message::TransferState::try_from(request.state).map(|state| state.as_str_name())) {
        select = select.filter(Column::State.eq(state));
    }
    if !request.from_location_id.is_empty() {
        select = select.filter(Column::FromLocationId.eq(&request.from_location_id));
    }
    if !request.to_location_id.is_empty() {
        select = select.filter(Column::ToLocationId.eq(&request.to_location_id));
    }
    let orders = [("create_time", Column::CreatedAt), ("number", Column::Number)];
    let (rows, next_page_token) = store::list(&ctx.core.read(call), select, &orders, &request).await?;
    Ok(message::ListTransfersResponse { transfers: rows.iter().map(convert::transfer).collect(), next_page_token })
}
