//! Changes an article that is a DRAFT.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::intake::v1::{self as pb, UpdateArticleRequest};

use crate::{Context, convert, domain::ArticleId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: UpdateArticleRequest) -> Result<pb::Article> {
    let id = ArticleId::parse(&request.article_id)?;
    let known = ["title", "body", "category_codes", "fault_codes", "language"];
    let paths = convert::paths(request.update_mask.as_ref(), &known)?;
    let work = ctx.core.begin(call, &request).await?;
    let loaded = store::article::load(&*work, &id).await?;
    call.check_etag(&request.etag, &loaded)?;
    let mut text = loaded.text.clone();
    for path in paths {
        match path {
            "title" => text.title.clone_from(&request.title),
            "body" => text.body.clone_from(&request.body),
            "category_codes" => text.category_codes.clone_from(&request.category_codes),
            "fault_codes" => text.fault_codes.clone_from(&request.fault_codes),
            "language" => text.language.clone_from(&request.language),
            other => return Err(Error::invalid(format!("update_mask.{other}"), "known_field")),
        }
    }
    let saved = store::article::save(&work, call, loaded.update(text)?).await?;
    work.commit(convert::article(&saved)).await
}
