//! Gives the page behind a signed link.

use common::{error::Result, service::Call};
use proto::aftercare::survey::v1::{GetSurveyByTokenRequest, Survey};

use super::bearer;
use crate::{Context, convert::answer::page, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetSurveyByTokenRequest) -> Result<Survey> {
    let id = ctx.rules.keys.verify(&request.token, call.now)?;
    let call = &bearer(call, &id);
    let invited = store::invitation::load(&ctx.core.read(call), &id).await?;
    let (asked, _) = invited.usable(call.now)?;
    let questionnaire = store::questionnaire::load(&ctx.core.read(call), &asked.questionnaire_id).await?;
    Ok(page(&invited, &questionnaire, &request.language))
}
