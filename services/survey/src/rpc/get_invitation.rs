//! Gives one invitation.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::survey::v1::{GetInvitationRequest, Invitation};

use crate::{Context, convert, domain::InvitationId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetInvitationRequest) -> Result<Invitation> {
    let id = InvitationId::parse(&request.invitation_id)?;
    let record = store::invitation::load(&ctx.core.read(call), &id).await?;
    Ok(convert::invitation::message(ctx, &record))
}
