//! Changes one text, or brings back what came with the program.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{NotificationTemplate, UpdateTemplateRequest};

use crate::{
    convert,
    domain::notification::{Template, check},
    notifications::texts::Place,
    service::Context,
    store::notification,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateTemplateRequest) -> Result<NotificationTemplate> {
    let place = Place::find(&request.kind, &request.language, &request.channel)?;
    check(place.kind, "subject", &request.subject)?;
    check(place.kind, "text", &request.text)?;
    let work = ctx.core.begin(call, &request).await?;
    let present = notification::template(&*work, &place.id()).await?;
    let new =
        || Template { id: place.id(), version: 0, updated_at: call.now, subject: String::new(), text: String::new() };
    let present = present.unwrap_or_else(new);
    call.check_etag(&request.etag, &present)?;
    let kept =
        notification::keep_template(&work, call, present.update(request.subject, request.text, call.now)).await?;
    let text = ctx.notifications.texts.with(place, Some(&kept));
    work.commit(convert::notification::template(place, &text, Some(&kept))).await
}
