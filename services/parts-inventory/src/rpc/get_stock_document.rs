//! Answers one stock document.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, GetStockDocumentRequest};

use crate::{Context, convert, domain::StockDocumentId, store::stock_document};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: GetStockDocumentRequest,
) -> Result<message::StockDocument> {
    let id = StockDocumentId::parse(&request.stock_document_id)?;
    let record = store::load::<stock_document::Entity>(&ctx.core.read(call), id.as_str()).await?;
    Ok(convert::stock_document(&record))
}
