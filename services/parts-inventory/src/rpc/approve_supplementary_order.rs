//! Approves a supplementary order, within the limit of the role.

use common::{error::Result, id::Id as _, service::Call, store as rows};
use proto::aftercare::parts_inventory::v1::{self as message, ApproveSupplementaryOrderRequest};

use crate::{
    Context, convert,
    domain::{SupplementaryOrderId, supplementary_order::ApprovalLimits},
    store::{self, supplementary_order},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ApproveSupplementaryOrderRequest,
) -> Result<message::SupplementaryOrder> {
    let id = SupplementaryOrderId::parse(&request.supplementary_order_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = rows::load::<supplementary_order::Entity>(&*work, id.as_str()).await?;
    call.check_etag(&request.etag, &record)?;
    let limits = ApprovalLimits {
        supervisor: ctx.config.approvals.supervisor_limit,
        manager: ctx.config.approvals.manager_limit,
    };
    let changed = record.approve(&call.actor, &request.signature_file_id, limits, call.now)?;
    let record = store::save::<supplementary_order::Entity>(&work, call, changed).await?;
    work.commit(convert::supplementary_order(&record)).await
}
