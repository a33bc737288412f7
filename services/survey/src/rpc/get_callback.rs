//! Gives one callback.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::survey::v1::{Callback, GetCallbackRequest};

use crate::{Context, convert, domain::CallbackId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetCallbackRequest) -> Result<Callback> {
    let id = CallbackId::parse(&request.callback_id)?;
    let record = store::callback::load(&ctx.core.read(call), &id).await?;
    Ok(convert::callback::message(&record))
}
