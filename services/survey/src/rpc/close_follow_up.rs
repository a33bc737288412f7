//! Closes a follow-up of the supervisor's.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::survey::v1::{CloseFollowUpRequest, FollowUp as Message};

use crate::{
    Context,
    convert::follow_up::{message, read_outcome},
    domain::FollowUpId,
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CloseFollowUpRequest) -> Result<Message> {
    let id = FollowUpId::parse(&request.follow_up_id)?;
    let outcome = read_outcome(request.outcome())?;
    let work = ctx.core.begin(call, &request).await?;
    let open = store::follow_up::load(&*work, &id).await?;
    call.check_etag(&request.etag, &open)?;
    let changed = open.close(outcome, &request.note, &call.actor.id, call.now)?;
    let closed = store::follow_up::save(&work, call, changed).await?;
    store::answers::followed_up(call, &work, &closed, outcome).await?;
    work.commit(message(&closed)).await
}
