//! Books what arrived of a transfer.

use common::{error::Result, id::Id as _, record::Record as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, ReceiveTransferRequest};

use crate::{
    Context, convert,
    domain::{TransferId, transfer::Transfer},
    store::{self, booking, catalogue, ledger, transfer},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ReceiveTransferRequest) -> Result<message::Transfer> {
    let id = TransferId::parse(&request.transfer_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<transfer::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let arrived: Vec<_> =
        request.lines.iter().map(|line| (line.sku.as_str(), line.quantity_milli, line.tracking.as_str())).collect();
    let arrived = catalogue::lines(&*work, &arrived).await?;
    let arrived = (!arrived.is_empty()).then_some(arrived.as_slice());
    let (changed, moves) = record.receive(arrived, &request.signature_file_id, call.now)?;
    let record = store::save::<transfer::Entity>(&work, call, changed).await?;
    ledger::post(&work, call, (Transfer::KIND, record.id.as_str()), &moves).await?;
    booking::wake_for(&work, call, &moves, "").await?;
    work.commit(convert::transfer(&record)).await
}
