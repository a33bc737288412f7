//! Gives parts out for a job without a reservation.

use common::{error::Result, service::Call};
use proto::aftercare::parts_inventory::v1::{self as message, IssueStockRequest};

use crate::{
    Context, convert,
    domain::stock::{StockCondition, StockDocumentKind},
    store::booking::{Draft, book},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: IssueStockRequest) -> Result<message::StockDocument> {
    let work = ctx.core.begin(call, &request).await?;
    let draft = Draft {
        kind: StockDocumentKind::Issue,
        location_id: &request.location_id,
        lines: request
            .lines
            .iter()
            .map(|line| (line.sku.as_str(), line.quantity_milli, line.tracking.as_str()))
            .collect(),
        from: StockCondition::Good,
        to: StockCondition::Good,
        work_order_id: &request.work_order_id,
        technician_id: &request.technician_id,
        reason: "",
        note: &request.note,
        reference: "",
        signature_file_id: &request.signature_file_id,
    };
    let document = book(ctx, &work, call, draft).await?;
    work.commit(convert::stock_document(&document)).await
}
