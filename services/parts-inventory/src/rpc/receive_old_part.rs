//! Takes an old part in.

use common::{error::Result, id::Id as _, record::Record as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, ReceiveOldPartRequest};

use crate::{
    Context, convert,
    domain::{OldPartDebtId, old_part::OldPartDebt},
    store::{self, catalogue, ledger, old_part_debt},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ReceiveOldPartRequest) -> Result<message::OldPartDebt> {
    let id = OldPartDebtId::parse(&request.old_part_debt_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<old_part_debt::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let location = catalogue::usable_location(&*work, &request.location_id).await?;
    let (changed, movement) = record.receive(location.id.as_str(), &request.serial, &request.finding, call.now)?;
    let record = store::save::<old_part_debt::Entity>(&work, call, changed).await?;
    ledger::post(&work, call, (OldPartDebt::KIND, record.id.as_str()), &[movement]).await?;
    work.commit(convert::old_part_debt(&record)).await
}
