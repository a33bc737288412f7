//! Gives what a link opens.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{GetLinkedPageRequest, LinkedPage};

use crate::{linked_page, links, service::Context};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetLinkedPageRequest) -> Result<LinkedPage> {
    ctx.authority.guard_guessing(call, "link").await?;
    let link = links::open(&ctx.authority, &request.token).await?;
    ctx.authority.guessed_right(call, "link").await?;
    linked_page::show(&ctx.core, call.language, &link).await
}
