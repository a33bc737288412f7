//! Gives one questionnaire.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::survey::v1::{GetQuestionnaireRequest, Questionnaire};

use crate::{Context, convert, domain::QuestionnaireId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetQuestionnaireRequest) -> Result<Questionnaire> {
    let id = QuestionnaireId::parse(&request.questionnaire_id)?;
    let record = store::questionnaire::load(&ctx.core.read(call), &id).await?;
    Ok(convert::questionnaire::message(&record))
}
