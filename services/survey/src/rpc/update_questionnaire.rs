//! Changes a draft.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::survey::v1::{Questionnaire as Message, UpdateQuestionnaireRequest};

use crate::{
    Context,
    convert::questionnaire::{message, read_questions, read_texts},
    domain::{QuestionnaireId, questionnaire::Content},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateQuestionnaireRequest) -> Result<Message> {
    let id = QuestionnaireId::parse(&request.questionnaire_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let draft = store::questionnaire::load(&*work, &id).await?;
    call.check_etag(&request.etag, &draft)?;
    let mut content = Content { titles: draft.titles.clone(), questions: draft.questions.clone() };
    let paths = request.update_mask.map(|mask| mask.paths).filter(|paths| !paths.is_empty());
    for path in paths.unwrap_or_else(|| vec!["titles".to_owned(), "questions".to_owned()]) {
        match path.as_str() {
            "titles" => content.titles = read_texts(request.titles.clone(), "titles")?,
            "questions" => content.questions = read_questions(request.questions.clone())?,
            _ => return Err(Error::invalid("update_mask", "mask.known_field")),
        }
    }
    let changed = draft.update(content, call.now)?;
    let draft = store::questionnaire::save(&work, call, changed).await?;
    work.commit(message(&draft)).await
}
