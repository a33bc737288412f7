//! Answers a request without a visit: NEW, TRIAGED to RESOLVED. An article that answers is counted.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, AnswerServiceRequestRequest};

use crate::{
    Context, convert,
    domain::{ArticleId, ServiceRequestId},
    store,
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: AnswerServiceRequestRequest,
) -> Result<pb::ServiceRequest> {
    let id = ServiceRequestId::parse(&request.service_request_id)?;
    let article_id = ArticleId::parse_optional(&request.article_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::service_request::load(&*work, &id).await?;
    call.check_etag(&request.etag, &loaded)?;
    let answered = loaded.answer(&request.answer, article_id.clone(), call.now)?;
    if let Some(article_id) = &article_id {
        let counted = store::article::load(&*work, article_id).await?.count_answer()?;
        store::article::save(&work, call, counted).await?;
    }
    let saved = store::service_request::save(ctx, &work, call, answered, "answered").await?;
    work.commit(convert::service_request(ctx, &saved, call.language, call.now)).await
}
