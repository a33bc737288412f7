//! Books a delivery from a supplier.

use common::{error::Result, service::Call};
use proto::aftercare::parts_inventory::v1::{self as message, ReceiveStockRequest};

use crate::{
    Context,
    convert::{self, needed},
    domain::stock::StockDocumentKind,
    store::booking::{Draft, book},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ReceiveStockRequest) -> Result<message::StockDocument> {
    let condition = needed(request.condition, "condition")?;
    let work = ctx.core.begin(call, &request).await?;
    let draft = Draft {
        kind: StockDocumentKind::Receipt,
        location_id: &request.location_id,
        lines: request
            .lines
            .iter()
            .map(|line| (line.sku.as_str(), line.quantity_milli, line.tracking.as_str()))
            .collect(),
        from: condition,
        to: condition,
        work_order_id: "",
        technician_id: "",
        reason: "",
        note: &request.note,
        reference: &request.reference,
        signature_file_id: "",
    };
    let document = book(ctx, &work, call, draft).await?;
    work.commit(convert::stock_document(&document)).await
}
