//! Gives one corrective action.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{CorrectiveAction, GetCorrectiveActionRequest};

use crate::{Context, convert, domain::CorrectiveActionId, store};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: GetCorrectiveActionRequest,
) -> Result<CorrectiveAction> {
    let id = CorrectiveActionId::parse(&request.corrective_action_id)?;
    let found = store::corrective::load(&ctx.core.read(call), &id).await?;
    Ok(convert::corrective::corrective_action(&found))
}
