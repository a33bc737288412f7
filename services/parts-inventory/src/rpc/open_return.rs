//! Opens a return.

use common::{convert::optional_instant, error::Result, service::Call};
use proto::aftercare::parts_inventory::v1::{self as message, OpenReturnRequest};

use crate::{
    Context,
    convert::{self, needed},
    domain::{ReturnId, rma},
    store::{self, catalogue, goods_return},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: OpenReturnRequest) -> Result<message::Return> {
    let wish = needed(request.wish, "wish")?;
    let purchased_at = optional_instant(request.purchase_time.as_ref(), "purchase_time")?;
    let number = ctx.core.numbers.next("RMA", call.now).await?;
    let work = ctx.core.begin(call, &request).await?;
    if !request.sku.is_empty() {
        catalogue::parts(&*work, [request.sku.as_str()]).await?;
    }
    let record = rma::Return {
        id: ctx.core.ids.make::<ReturnId>(call.now),
        version: 0,
        number,
        org_unit_id: super::org_unit(call, &request.org_unit_id),
        created_at: call.now,
        updated_at: call.now,
        wish,
        service_request_id: request.service_request_id.clone(),
        customer_id: request.customer_id.clone(),
        product_id: request.product_id.clone(),
        sku: request.sku.clone(),
        serial: request.serial.clone(),
        reason: request.reason.clone(),
        purchased_at,
        decision: None,
        intake: None,
        inspection: None,
        disposition: None,
        settlement: None,
        state: rma::ReturnState::Opened,
    };
    let record = store::insert::<goods_return::Entity>(&work, call, record, "open", &request.reason).await?;
    work.commit(convert::goods_return(&record)).await
}
