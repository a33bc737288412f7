//! Says that pieces are of another condition.

use common::{error::Result, service::Call};
use proto::aftercare::parts_inventory::v1::{self as message, ChangeStockConditionRequest};

use crate::{
    Context,
    convert::{self, needed},
    domain::stock::StockDocumentKind,
    store::booking::{Draft, book},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ChangeStockConditionRequest,
) -> Result<message::StockDocument> {
    let from = needed(request.from_condition, "from_condition")?;
    let to = needed(request.to_condition, "to_condition")?;
    let work = ctx.core.begin(call, &request).await?;
    let draft = Draft {
        kind: StockDocumentKind::ConditionChange,
        location_id: &request.location_id,
        lines: request
            .lines
            .iter()
            .map(|line| (line.sku.as_str(), line.quantity_milli, line.tracking.as_str()))
            .collect(),
        from,
        to,
        work_order_id: "",
        technician_id: "",
        reason: &request.reason,
        note: &request.note,
        reference: "",
        signature_file_id: "",
    };
    let document = book(ctx, &work, call, draft).await?;
    work.commit(convert::stock_document(&document)).await
}
