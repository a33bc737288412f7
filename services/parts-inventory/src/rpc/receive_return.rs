//! Takes returned goods in, into quarantine.

use common::{error::Result, id::Id as _, record::Record as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, ReceiveReturnRequest};

use crate::{
    Context, convert,
    domain::{ReturnId, part::PartTracking, rma},
    store::{self, catalogue, goods_return, ledger},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ReceiveReturnRequest) -> Result<message::Return> {
    let id = ReturnId::parse(&request.return_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<goods_return::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    record.check("receive")?;
    let location = catalogue::usable_location(&*work, &request.location_id).await?;
    let said = |given: &str, known: &str| if given.is_empty() { known.to_owned() } else { given.to_owned() };
    let sku = said(&request.sku, &record.sku);
    let parts = catalogue::parts(&*work, [sku.as_str()]).await?;
    // Only goods with numbers of their own are booked by them.
    let numbered = parts.get(&sku).is_some_and(|part| part.tracking != PartTracking::Plain);
    let serial = if numbered { said(&request.serial, &record.serial) } else { String::new() };
    let line = catalogue::lines(&*work, &[(&sku, 1000, &serial)]).await?.swap_remove(0);
    let (changed, movement) = record.receive(line, location.id.as_str(), call.now)?;
    let moves = [movement];
    let record = store::save::<goods_return::Entity>(&work, call, changed).await?;
    ledger::post(&work, call, (rma::Return::KIND, record.id.as_str()), &moves).await?;
    work.commit(convert::goods_return(&record)).await
}
