//! Accounts for what did not arrive.

use common::{error::Result, id::Id as _, record::Record as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, SettleTransferShortageRequest};

use crate::{
    Context,
    convert::{self, needed},
    domain::{TransferId, transfer::Transfer},
    store::{self, booking, ledger, transfer},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: SettleTransferShortageRequest,
) -> Result<message::Transfer> {
    let id = TransferId::parse(&request.transfer_id)?;
    let outcome = needed(request.outcome, "outcome")?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<transfer::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let (changed, moves) = record.settle_shortage(outcome, &request.reason, call.now)?;
    let record = store::save::<transfer::Entity>(&work, call, changed).await?;
    ledger::post(&work, call, (Transfer::KIND, record.id.as_str()), &moves).await?;
    booking::wake_for(&work, call, &moves, "").await?;
    work.commit(convert::transfer(&record)).await
}
