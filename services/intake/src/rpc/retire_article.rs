//! Retires an article: PUBLISHED to RETIRED.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, RetireArticleRequest};

use crate::{Context, convert, domain::ArticleId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RetireArticleRequest) -> Result<pb::Article> {
    let id = ArticleId::parse(&request.article_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::article::load(&*work, &id).await?;
    call.check_etag(&request.etag, &loaded)?;
    let saved = store::article::save(&work, call, loaded.retire(&request.reason)?).await?;
    work.commit(convert::article(&saved)).await
}
