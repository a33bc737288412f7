//! Takes a version out of use.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::survey::v1::{Questionnaire as Message, RetireQuestionnaireRequest};

use crate::{Context, convert::questionnaire::message, domain::QuestionnaireId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RetireQuestionnaireRequest) -> Result<Message> {
    let id = QuestionnaireId::parse(&request.questionnaire_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let record = store::questionnaire::load(&*work, &id).await?;
    call.check_etag(&request.etag, &record)?;
    let changed = record.retire(&request.reason, call.now)?;
    let retired = store::questionnaire::save(&work, call, changed).await?;
    work.commit(message(&retired)).await
}
