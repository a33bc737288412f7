//! Publishes an article: DRAFT, RETIRED to PUBLISHED.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, PublishArticleRequest};

use crate::{Context, convert, domain::ArticleId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: PublishArticleRequest) -> Result<pb::Article> {
    let id = ArticleId::parse(&request.article_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::article::load(&*work, &id).await?;
    call.check_etag(&request.etag, &loaded)?;
    let saved = store::article::save(&work, call, loaded.publish()?).await?;
    work.commit(convert::article(&saved)).await
}
