//! Sends stock to another location.

use common::{error::Result, record::Record as _, service::Call};
use proto::aftercare::parts_inventory::v1::{self as message, ShipTransferRequest};

use crate::{
    Context,
    convert::{self, needed},
    domain::{
        TransferId,
        transfer::{Transfer, TransferLine, TransferState},
    },
    store::{self, catalogue, ledger, transfer},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ShipTransferRequest) -> Result<message::Transfer> {
    let condition = needed(request.condition, "condition")?;
    let number = ctx.core.numbers.next("TR", call.now).await?;
    let work = ctx.core.begin(call, &request).await?;
    let from = catalogue::usable_location(&*work, &request.from_location_id).await?;
    let to = catalogue::usable_location(&*work, &request.to_location_id).await?;
    let wanted: Vec<_> =
        request.lines.iter().map(|line| (line.sku.as_str(), line.quantity_milli, line.tracking.as_str())).collect();
    let lines = catalogue::lines(&*work, &wanted).await?;
    let record = Transfer {
        id: ctx.core.ids.make::<TransferId>(call.now),
        version: 0,
        number,
        org_unit_id: from.org_unit_id,
        created_at: call.now,
        updated_at: call.now,
        from_location_id: from.id.to_string(),
        to_location_id: to.id.to_string(),
        condition,
        lines: lines.into_iter().map(|line| TransferLine { line, received: 0 }).collect(),
        carrier: request.carrier.clone(),
        signatures: vec![request.signature_file_id.clone()],
        state: TransferState::Shipped,
    };
    let moves = record.shipment()?;
    ledger::post(&work, call, (Transfer::KIND, record.id.as_str()), &moves).await?;
    let record = store::insert::<transfer::Entity>(&work, call, record, "ship", "").await?;
    work.commit(convert::transfer(&record)).await
}
