//! Makes a draft: the next version of the questionnaire of that code.

use common::{error::Result, service::Call};
use proto::aftercare::survey::v1::{CreateQuestionnaireRequest, Questionnaire as Message};

use crate::{
    Context,
    convert::questionnaire::{message, read_questions, read_texts},
    domain::questionnaire::{Content, Questionnaire},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreateQuestionnaireRequest) -> Result<Message> {
    let work = ctx.core.begin(call, &request).await?;
    let content =
        Content { titles: read_texts(request.titles, "titles")?, questions: read_questions(request.questions)? };
    let number = store::questionnaire::latest_number(&*work, &request.code).await? + 1;
    let org_unit_id = call.actor.org_unit_id.clone();
    let id = call.ids.make(call.now);
    let draft = Questionnaire::draft(id, request.code, number, org_unit_id, content, call.now)?;
    let draft = store::questionnaire::insert(&work, call, draft, "create").await?;
    work.commit(message(&draft)).await
}
