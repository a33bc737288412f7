//! Records a try that brought no answers.

use common::{error::Result, id::Id as _, record::Record as _, service::Call, timer};
use proto::aftercare::survey::v1::{Callback as Message, InvitationFact, RecordCallbackTryRequest};

use crate::{
    Context,
    convert::callback::{message, read_outcome},
    domain::CallbackId,
    store, workers,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RecordCallbackTryRequest) -> Result<Message> {
    let id = CallbackId::parse(&request.callback_id)?;
    let outcome = read_outcome(&request)?;
    let work = ctx.core.begin(call, &request).await?;
    let open = store::callback::load(&*work, &id).await?;
    call.check_etag(&request.etag, &open)?;
    let policy = ctx.config.callbacks.tries();
    let changed = open.record_try(outcome, &call.actor.id, &request.note, &policy, &ctx.rules.rest, call.now)?;
    let tried = store::callback::save(&work, call, changed).await?;
    // The last try ends the invitation, too.
    if tried.ended_at().is_some() {
        timer::cancel(&work, workers::CALLBACK_DUE, tried.id()).await?;
        let invited = store::invitation::load(&*work, &tried.invitation_id).await?;
        let given_up = invited.give_up(tried.state(), call.now)?;
        let given_up = store::invitation::save(&work, call, InvitationFact::GivenUp, given_up).await?;
        timer::cancel(&work, workers::EXPIRE, given_up.id()).await?;
    }
    work.commit(message(&tried)).await
}
