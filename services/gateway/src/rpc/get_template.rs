//! Gives one text.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{GetTemplateRequest, NotificationTemplate};

use crate::{convert, notifications::texts::Place, service::Context};

pub(crate) async fn handle(ctx: &Context, _call: &Call, request: GetTemplateRequest) -> Result<NotificationTemplate> {
    let place = Place::find(&request.kind, &request.language, &request.channel)?;
    let (text, changed) = ctx.notifications.texts.present(ctx.core.db.read(), place).await?;
    Ok(convert::notification::template(place, &text, changed.as_ref()))
}
