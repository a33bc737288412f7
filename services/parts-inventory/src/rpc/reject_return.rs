//! Refuses a return.

use common::{error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, RejectReturnRequest};

use crate::{
    Context, convert,
    domain::ReturnId,
    store::{self, goods_return},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RejectReturnRequest) -> Result<message::Return> {
    let id = ReturnId::parse(&request.return_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<goods_return::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let changed = record.reject(&call.actor, &request.reason, call.now)?;
    let record = store::save::<goods_return::Entity>(&work, call, changed).await?;
    work.commit(convert::goods_return(&record)).await
}
