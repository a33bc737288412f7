//! Records the try that brought the answers, and the answers.

use common::{
    error::{Error, Result},
    id::Id as _,
    record::Record as _,
    service::Call,
    timer,
};
use proto::aftercare::survey::v1::{Callback as Message, CompleteCallbackRequest};

use crate::{
    Context,
    convert::{answer::read, callback::message},
    domain::{
        CallbackId,
        answer::{Extent, merge},
        invitation::Invitation,
        response::Channel,
    },
    store::{self, answers::Given},
    workers,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CompleteCallbackRequest) -> Result<Message> {
    let id = CallbackId::parse(&request.callback_id)?;
    let number = ctx.core.numbers.next("SV", call.now).await?;
    let work = ctx.core.begin(call, &request).await?;
    let open = store::callback::load(&*work, &id).await?;
    call.check_etag(&request.etag, &open)?;
    if open.ended_at().is_some() {
        return Err(open.refuse("complete"));
    }
    let invited = store::invitation::load(&*work, &open.invitation_id).await?;
    let (asked, saved) = invited
        .page()
        .ok_or_else(|| Error::illegal(Invitation::KIND, "answer", invited.state(), &invited.allowed()))?;
    let questionnaire = store::questionnaire::load(&*work, &asked.questionnaire_id).await?;
    let answers = merge(&questionnaire.questions, saved, read(request.answers)?, Extent::Whole)?;
    let given = Given { questionnaire, answers, channel: Channel::Callback, number };
    let response = store::answers::give(ctx, call, &work, invited, given).await?;
    let changed = open.complete(response.id, &call.actor.id, &request.note, call.now)?;
    let done = store::callback::save(&work, call, changed).await?;
    timer::cancel(&work, workers::CALLBACK_DUE, done.id()).await?;
    work.commit(message(&done)).await
}
