//! Publishes a draft and retires the version published before.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::survey::v1::{PublishQuestionnaireRequest, Questionnaire as Message};

use crate::{Context, convert::questionnaire::message, domain::QuestionnaireId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: PublishQuestionnaireRequest) -> Result<Message> {
    let id = QuestionnaireId::parse(&request.questionnaire_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let draft = store::questionnaire::load(&*work, &id).await?;
    call.check_etag(&request.etag, &draft)?;
    let changed = draft.publish(call.now)?;
    // The old one first: of each code one version at the most is published.
    if let Some(old) = store::questionnaire::find_published(&*work, &changed.record.code).await? {
        store::questionnaire::save(&work, call, old.retire("superseded", call.now)?).await?;
    }
    let published = store::questionnaire::save(&work, call, changed).await?;
    work.commit(message(&published)).await
}
