//! Saves part of the answers.

use common::{error::Result, service::Call};
use proto::aftercare::survey::v1::{InvitationFact, SaveAnswersRequest, Survey};

use super::bearer;
use crate::{
    Context,
    convert::answer::{page, read},
    domain::answer::{Extent, merge},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SaveAnswersRequest) -> Result<Survey> {
    let id = ctx.rules.keys.verify(&request.token, call.now)?;
    let call = &bearer(call, &id);
    let work = ctx.core.begin(call, &request).await?;
    let invited = store::invitation::load(&*work, &id).await?;
    let (asked, saved) = invited.usable(call.now)?;
    let questionnaire = store::questionnaire::load(&*work, &asked.questionnaire_id).await?;
    let answers = merge(&questionnaire.questions, saved, read(request.answers)?, Extent::Part)?;
    let changed = invited.save_answers(answers, call.now)?;
    let started = store::invitation::save(&work, call, InvitationFact::Started, changed).await?;
    work.commit(page(&started, &questionnaire, "")).await
}
