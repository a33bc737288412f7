//! Merges another file into this one: products, requests and contacts move, the other file forwards.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, MergeCustomersRequest};

use crate::{Context, convert, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: MergeCustomersRequest) -> Result<pb::Customer> {
    let kept = store::customer::id(&request.customer_id)?;
    let given_up = store::customer::id(&request.merged_customer_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::customer::load(&*work, &kept).await?;
    call.check_etag(&request.etag, &loaded)?;
    let other = store::customer::load(&*work, &given_up).await?;
    let (changed, forward, changes) = loaded.merge(other, &request.reason)?;
    store::customer::save(&work, call, forward, &[]).await?;
    let saved = store::customer::save(&work, call, changed, &changes).await?;
    for product in store::product::of_customer(&*work, given_up.as_str()).await? {
        store::product::save(&work, call, product.move_to(kept.clone())).await?;
    }
    for one in store::service_request::of_customer(&*work, given_up.as_str()).await? {
        store::service_request::save(ctx, &work, call, one.move_to(kept.clone()), "customer_merged").await?;
    }
    for contact in store::contact::of_customer(&*work, given_up.as_str()).await? {
        store::contact::save(ctx, &work, call, contact.move_to(kept.clone())).await?;
    }
    let alike = store::customer::with_phones(&*work, &saved).await?;
    work.commit(convert::customer(&saved, alike)).await
}
