//! Sends a delivery again.

use common::{error::Result, id::Id as _, reach::Reach, service::Call};
use proto::aftercare::gateway::v1::{RedeliverDeliveryRequest, WebhookDelivery};

use crate::{convert, domain::webhook::DeliveryId, service::Context, store::webhook::delivery};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RedeliverDeliveryRequest) -> Result<WebhookDelivery> {
    let id = DeliveryId::parse(&request.delivery_id)?;
    let work = ctx.core.begin(call, &request).await?;
    delivery::load(&*work, &call.reach, &id).await?;
    delivery::again(&work, id.as_str(), call.now).await?;
    let delivery = delivery::load(&*work, &Reach::All, &id).await?;
    let attempts = delivery::attempts(&*work, vec![delivery.id.clone()]).await?;
    work.commit(convert::webhook::delivery(delivery, &attempts)).await
}
