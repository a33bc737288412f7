//! Approves a return after a check against the windows.

use common::{convert::optional_instant, error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, ApproveReturnRequest};

use crate::{
    Context, convert,
    domain::{ReturnId, rma::Windows},
    store::{self, goods_return},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ApproveReturnRequest) -> Result<message::Return> {
    let id = ReturnId::parse(&request.return_id)?;
    let purchased_at = optional_instant(request.purchase_time.as_ref(), "purchase_time")?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<goods_return::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let windows = Windows { refund: ctx.config.returns.refund_window, exchange: ctx.config.returns.exchange_window };
    let changed = record.approve(&call.actor, purchased_at, &request.reason, windows, call.now)?;
    let record = store::save::<goods_return::Entity>(&work, call, changed).await?;
    work.commit(convert::goods_return(&record)).await
}
