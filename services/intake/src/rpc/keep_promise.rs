//! Says that what was promised has been done.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, KeepPromiseRequest};

use crate::{Context, convert, domain::ContactId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: KeepPromiseRequest) -> Result<pb::Contact> {
    let id = ContactId::parse(&request.contact_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::contact::load(&*work, &id).await?;
    call.check_etag(&request.etag, &loaded)?;
    let saved = store::contact::save(ctx, &work, call, loaded.keep(&request.reason, call.now)?).await?;
    work.commit(convert::contact(&saved, call.now)).await
}
