//! Gives what a customer does not want to be told of.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{GetPreferencesRequest, NotificationPreferences};

use crate::{convert, notifications, service::Context, store::notification};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: GetPreferencesRequest,
) -> Result<NotificationPreferences> {
    notifications::sees(ctx, call, &request.person_id).await?;
    let kept = notification::preferences(ctx.core.db.read(), &request.person_id).await?.unwrap_or_default();
    Ok(convert::notification::preferences(&request.person_id, kept))
}
