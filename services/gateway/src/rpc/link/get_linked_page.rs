//! Gives what a link opens.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{GetLinkedPageRequest, LinkedPage};

use crate::{linked_page, links, service::Context};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetLinkedPageRequest) -> Result<LinkedPage> {
    let link = links::open_guarded(&ctx.authority, call, &request.token).await?;
    linked_page::show(&ctx.core, call.language, &link).await
}
