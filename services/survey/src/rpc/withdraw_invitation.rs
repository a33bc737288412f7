//! Withdraws an invitation that was not sent yet.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::survey::v1::{Invitation as Message, WithdrawInvitationRequest};

use crate::{Context, convert::invitation::message, domain::InvitationId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: WithdrawInvitationRequest) -> Result<Message> {
    let id = InvitationId::parse(&request.invitation_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let planned = store::invitation::load(&*work, &id).await?;
    call.check_etag(&request.etag, &planned)?;
    let withdrawn = store::asking::suppress(call, &work, planned, "withdraw", &request.reason).await?;
    work.commit(message(ctx, &withdrawn)).await
}
