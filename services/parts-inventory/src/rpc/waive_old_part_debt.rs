//! Asks for an old part no longer.

use common::{error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, WaiveOldPartDebtRequest};

use crate::{
    Context, convert,
    domain::OldPartDebtId,
    store::{self, old_part_debt},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: WaiveOldPartDebtRequest,
) -> Result<message::OldPartDebt> {
    let id = OldPartDebtId::parse(&request.old_part_debt_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<old_part_debt::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let changed = record.waive(&call.actor, &request.reason, call.now)?;
    let record = store::save::<old_part_debt::Entity>(&work, call, changed).await?;
    work.commit(convert::old_part_debt(&record)).await
}
