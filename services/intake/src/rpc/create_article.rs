//! Writes an article: DRAFT.

use common::{error::Result, service::Call};
use proto::aftercare::intake::v1::{self as pb, CreateArticleRequest};

use crate::{
    Context, convert,
    domain::article::{Article, ArticleState, Text},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: CreateArticleRequest) -> Result<pb::Article> {
    let work = ctx.core.begin(call, &request).await?;
    let language = if request.language.is_empty() { ctx.rules.language.clone() } else { request.language };
    let article = Article {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: call.actor.org_unit_id.clone(),
        text: Text {
            title: request.title,
            body: request.body,
            category_codes: request.category_codes,
            fault_codes: request.fault_codes,
            language,
        },
        state: ArticleState::Draft,
        revision: 0,
        answered: 0,
    };
    let saved = store::article::insert(&work, call, article).await?;
    work.commit(convert::article(&saved)).await
}
