//! Books the arrival of a supplementary order; reservations that wait for it are tried again.

use common::{error::Result, id::Id as _, record::Record as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, ReceiveSupplementaryOrderRequest};

use crate::{
    Context, convert,
    domain::{
        Quantity, SupplementaryOrderId,
        location::SUPPLIER,
        stock::{Move, MovementReason, Place, StockCondition},
        supplementary_order::SupplementaryOrder,
    },
    store::{self, booking, catalogue, ledger, supplementary_order},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ReceiveSupplementaryOrderRequest,
) -> Result<message::SupplementaryOrder> {
    let id = SupplementaryOrderId::parse(&request.supplementary_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<supplementary_order::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    record.check("receive")?;
    let wanted: Vec<_> = if request.lines.is_empty() {
        record.lines.iter().map(|line| (line.sku.as_str(), line.milli, "")).collect()
    } else {
        request.lines.iter().map(|line| (line.sku.as_str(), line.quantity_milli, line.tracking.as_str())).collect()
    };
    let lines = catalogue::lines(&*work, &wanted).await?;
    let arrived: Vec<_> = lines.iter().map(|line| Quantity::new(&line.sku, line.milli)).collect();
    let to = Place::new(&record.location_id, StockCondition::Good);
    let from = Place::new(SUPPLIER, StockCondition::Good);
    let step = |line| Move { line, from: from.clone(), to: to.clone(), reason: MovementReason::Receipt };
    let moves: Vec<_> = lines.into_iter().map(step).collect();
    let changed = record.receive(&arrived, call.now)?;
    let record = store::save::<supplementary_order::Entity>(&work, call, changed).await?;
    ledger::post(&work, call, (SupplementaryOrder::KIND, record.id.as_str()), &moves).await?;
    booking::wake_for(&work, call, &moves, &record.work_order_id).await?;
    work.commit(convert::supplementary_order(&record)).await
}
