//! Sets what a customer does not want to be told of.

use common::{Error, error::Result, service::Call};
use proto::aftercare::gateway::v1::{NotificationPreferences, UpdatePreferencesRequest};

use crate::{
    convert,
    domain::notification::{CHANNELS, Preferences, find},
    notifications,
    service::Context,
    store::notification,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: UpdatePreferencesRequest,
) -> Result<NotificationPreferences> {
    if request.muted_kinds.iter().any(|kind| kind != "*" && find(kind).is_none()) {
        return Err(Error::invalid("muted_kinds", "string.in"));
    }
    if request.muted_channels.iter().any(|channel| !CHANNELS.contains(&&**channel)) {
        return Err(Error::invalid("muted_channels", "string.in"));
    }
    notifications::sees(ctx, call, &request.person_id).await?;
    let work = ctx.core.begin(call, &request).await?;
    let present = notification::preferences(&*work, &request.person_id).await?;
    let present = present.unwrap_or_else(|| Preferences { id: request.person_id.clone(), ..Preferences::default() });
    call.check_etag(&request.etag, &present)?;
    let wanted = Preferences {
        updated_at: call.now,
        muted_kinds: request.muted_kinds,
        muted_channels: request.muted_channels,
        ..present
    };
    let kept = notification::keep_preferences(&work, call, wanted).await?;
    work.commit(convert::notification::preferences(&request.person_id, kept)).await
}
