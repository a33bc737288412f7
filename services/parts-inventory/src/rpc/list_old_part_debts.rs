//! Lists old-part debts.

use common::{error::Result, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, ListOldPartDebtsRequest};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use crate::{Context, convert, rpc::state_name, store::old_part_debt};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListOldPartDebtsRequest,
) -> Result<message::ListOldPartDebtsResponse> {
    use old_part_debt::Column;
    let mut select = old_part_debt::Entity::find();
    if let Some(state) = state_name(message::OldPartDebtState::try_from(request.state).map(|state| state.as_str_name()))
    {
        select = select.filter(Column::State.eq(state));
    }
    if !request.technician_id.is_empty() {
        select = select.filter(Column::TechnicianId.eq(&request.technician_id));
    }
    if !request.work_order_id.is_empty() {
        select = select.filter(Column::WorkOrderId.eq(&request.work_order_id));
    }
    if request.overdue {
        select = select.filter(Column::State.eq("open")).filter(Column::DueAt.lt(call.now));
    }
    let orders = [("due_time", Column::DueAt), ("create_time", Column::CreatedAt)];
    let (rows, next_page_token) = store::list(&ctx.core.read(call), select, &orders, &request).await?;
    Ok(message::ListOldPartDebtsResponse {
        old_part_debts: rows.iter().map(convert::old_part_debt).collect(),
        next_page_token,
    })
}
