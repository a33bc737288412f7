//! Gives one response.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::survey::v1::{GetResponseRequest, Response};

use crate::{Context, convert, domain::ResponseId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetResponseRequest) -> Result<Response> {
    let id = ResponseId::parse(&request.response_id)?;
    let record = store::response::load(&ctx.core.read(call), &id).await?;
    Ok(convert::answer::message(&record))
}
