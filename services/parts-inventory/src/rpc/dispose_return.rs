//! Decides what becomes of returned goods.

use common::{error::Result, id::Id as _, record::Record as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, DisposeReturnRequest};

use crate::{
    Context,
    convert::{self, needed},
    domain::{ReturnId, rma},
    store::{self, goods_return, ledger},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DisposeReturnRequest) -> Result<message::Return> {
    let id = ReturnId::parse(&request.return_id)?;
    let disposition = needed(request.disposition, "disposition")?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<goods_return::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let (changed, moves) = record.dispose(disposition, call.now)?;
    let record = store::save::<goods_return::Entity>(&work, call, changed).await?;
    ledger::post(&work, call, (rma::Return::KIND, record.id.as_str()), &moves).await?;
    work.commit(convert::goods_return(&record)).await
}
