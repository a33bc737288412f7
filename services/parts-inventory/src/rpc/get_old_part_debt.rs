//! Answers one old-part debt.

use common::{error::Result, id::Id as _, service::Call, store};
use proto::aftercare::parts_inventory::v1::{self as message, GetOldPartDebtRequest};

use crate::{Context, convert, domain::OldPartDebtId, store::old_part_debt};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetOldPartDebtRequest) -> Result<message::OldPartDebt> {
    let id = OldPartDebtId::parse(&request.old_part_debt_id)?;
    let record = store::load::<old_part_debt::Entity>(&ctx.core.read(call), id.as_str()).await?;
    Ok(convert::old_part_debt(&record))
}
