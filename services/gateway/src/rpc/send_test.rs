//! Sends a text filled in with examples to one address. It keeps nothing, so a repeat is another message.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{SendTestRequest, SendTestResponse};

use crate::{
    notifications::{channel::Message, texts::Place},
    service::Context,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SendTestRequest) -> Result<SendTestResponse> {
    let place = Place::find(&request.kind, &request.language, &request.channel)?;
    let Some(channel) = ctx.notifications.channels.get(place.channel) else {
        return Ok(SendTestResponse { taken: false, result: "no_channel".to_owned() });
    };
    let (text, _) = ctx.notifications.texts.present(ctx.core.db.read(), place).await?;
    let filled = text.filled(&place.examples());
    let message = Message {
        id: call.ids.uuid(call.now).simple().to_string(),
        kind: place.kind.name,
        language: place.language,
        to: request.to,
        subject: filled.subject,
        text: filled.text,
    };
    Ok(match channel.send(&message).await {
        Ok(result) => SendTestResponse { taken: true, result },
        Err(failure) => SendTestResponse { taken: false, result: failure.why },
    })
}
