//! Lists articles, for example published ones that contain a word.

use common::{error::Result, service::Call, store::list};
use proto::aftercare::intake::v1::{self as pb, ListArticlesRequest};
use sea_orm::entity::prelude::*;

use crate::{
    Context, convert,
    store::{
        article::entity::{Column, Entity},
        contains,
    },
};

const ORDERS: &[common::store::Order<Entity>] =
    &[("update_time", Column::UpdatedAt), ("answered_count", Column::Answered)];

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListArticlesRequest,
) -> Result<pb::ListArticlesResponse> {
    let mut select = Entity::find();
    if let Some(state) = convert::article_state(request.state) {
        select = select.filter(Column::State.eq(state.as_str()));
    }
    if !request.language.is_empty() {
        select = select.filter(Column::Language.eq(request.language.as_str()));
    }
    if !request.text.is_empty() {
        select = select.filter(Column::Search.like(contains(&request.text)));
    }
    let (found, next_page_token) = list(&ctx.core.read(call), select, ORDERS, &request).await?;
    Ok(pb::ListArticlesResponse { articles: found.iter().map(convert::article).collect(), next_page_token })
}
