//! Gives what the agent says and asks.

use common::{
    error::{Error, Result},
    id::Id as _,
    record::Record as _,
    service::Call,
};
use proto::aftercare::survey::v1::{CallbackScript, GetCallbackScriptRequest};

use crate::{
    Context, convert,
    domain::{CallbackId, invitation::Invitation},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetCallbackScriptRequest) -> Result<CallbackScript> {
    let id = CallbackId::parse(&request.callback_id)?;
    let on = &ctx.core.read(call);
    let callback = store::callback::load(on, &id).await?;
    let invited = store::invitation::load(on, &callback.invitation_id).await?;
    let asked = invited
        .asked()
        .ok_or_else(|| Error::illegal(Invitation::KIND, "script", invited.state(), &invited.allowed()))?;
    let questionnaire = store::questionnaire::load(on, &asked.questionnaire_id).await?;
    Ok(CallbackScript {
        steps: convert::callback::script(&ctx.rules.script),
        questionnaire: Some(convert::questionnaire::message(&questionnaire)),
    })
}
