//! Shows a text filled in. It changes nothing, so a repeat is another look.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{PreviewTemplateRequest, PreviewTemplateResponse};

use crate::{domain::notification::check, notifications::texts::Place, service::Context};

pub(crate) async fn handle(
    ctx: &Context,
    _call: &Call,
    request: PreviewTemplateRequest,
) -> Result<PreviewTemplateResponse> {
    let place = Place::find(&request.kind, &request.language, &request.channel)?;
    let (mut text, _) = ctx.notifications.texts.present(ctx.core.db.read(), place).await?;
    if !request.subject.is_empty() {
        text.subject = request.subject;
    }
    if !request.text.is_empty() {
        text.text = request.text;
    }
    check(place.kind, "subject", &text.subject)?;
    check(place.kind, "text", &text.text)?;
    let mut words = place.examples();
    words.extend(request.words.into_iter().map(|word| (word.name, word.value)));
    let filled = text.filled(&words);
    Ok(PreviewTemplateResponse { subject: filled.subject, text: filled.text })
}
