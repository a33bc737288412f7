//! Gives the answers behind a link, once and for all.

use common::{error::Result, service::Call};
use proto::aftercare::survey::v1::{SubmitAnswersRequest, Thanks};

use super::bearer;
use crate::{
    Context,
    convert::answer::read,
    domain::{
        answer::{Extent, merge},
        invitation::State,
        response::Channel,
    },
    store::{self, answers::Given},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SubmitAnswersRequest) -> Result<Thanks> {
    // A forged link costs no number.
    let id = ctx.rules.keys.verify(&request.token, call.now)?;
    let call = &bearer(call, &id);
    let number = ctx.core.numbers.next("SV", call.now).await?;
    let work = ctx.core.begin(call, &request).await?;
    let invited = store::invitation::load(&*work, &id).await?;
    let (asked, saved) = invited.usable(call.now)?;
    let questionnaire = store::questionnaire::load(&*work, &asked.questionnaire_id).await?;
    let answers = merge(&questionnaire.questions, saved, read(request.answers)?, Extent::Whole)?;
    if let State::Calling { callback_id, .. } = &invited.state {
        store::answers::settle_callback(call, &work, callback_id.as_str()).await?;
    }
    let given = Given { questionnaire, answers, channel: Channel::Link, number };
    let response = store::answers::give(ctx, call, &work, invited, given).await?;
    work.commit(Thanks { number: response.number, we_will_call: response.route.is_some() }).await
}
