//! Lists questionnaires.

use common::{error::Result, service::Call, store::list};
use proto::aftercare::survey::v1::{ListQuestionnairesRequest, ListQuestionnairesResponse};
use sea_orm::entity::prelude::*;

use crate::{
    Context,
    convert::{self, row_name},
    store::questionnaire::{Column, Entity},
};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListQuestionnairesRequest,
) -> Result<ListQuestionnairesResponse> {
    let mut select = Entity::find();
    if !request.code.is_empty() {
        select = select.filter(Column::Code.eq(request.code.as_str()));
    }
    if let Some(name) = row_name(request.state().as_str_name(), "QUESTIONNAIRE_STATE") {
        select = select.filter(Column::State.eq(name));
    }
    let orders = [("create_time", Column::CreatedAt), ("version_number", Column::Number)];
    let (records, next_page_token) = list(&ctx.core.read(call), select, &orders, &request).await?;
    let questionnaires = records.iter().map(convert::questionnaire::message).collect();
    Ok(ListQuestionnairesResponse { questionnaires, next_page_token })
}
