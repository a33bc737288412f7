//! Lists corrective actions.

use common::{error::Result, service::Call};
use proto::aftercare::complaint::v1::{ListCorrectiveActionsRequest, ListCorrectiveActionsResponse};

use crate::{Context, convert, store};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListCorrectiveActionsRequest,
) -> Result<ListCorrectiveActionsResponse> {
    let (found, next_page_token) = store::corrective::list(&ctx.core.read(call), &request).await?;
    let corrective_actions = found.iter().map(convert::corrective::corrective_action).collect();
    Ok(ListCorrectiveActionsResponse { corrective_actions, next_page_token })
}
