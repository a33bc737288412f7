//! Gives one article.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::intake::v1::{self as pb, GetArticleRequest};

use crate::{Context, convert, domain::ArticleId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetArticleRequest) -> Result<pb::Article> {
    let id = ArticleId::parse(&request.article_id)?;
    Ok(convert::article(&store::article::load(&ctx.core.read(call), &id).await?))
}
