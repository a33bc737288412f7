//! Gives one follow-up.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::survey::v1::{FollowUp, GetFollowUpRequest};

use crate::{Context, convert, domain::FollowUpId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetFollowUpRequest) -> Result<FollowUp> {
    let id = FollowUpId::parse(&request.follow_up_id)?;
    let record = store::follow_up::load(&ctx.core.read(call), &id).await?;
    Ok(convert::follow_up::message(&record))
}
