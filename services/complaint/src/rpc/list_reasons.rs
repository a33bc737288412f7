//! Lists the reasons a complaint can have.

use common::{error::Result, service::Call};
use proto::aftercare::complaint::v1::{ListReasonsRequest, ListReasonsResponse};

use crate::{Context, convert};

pub(crate) async fn handle(ctx: &Context, _call: &Call, request: ListReasonsRequest) -> Result<ListReasonsResponse> {
    let wanted = match request.subject {
        0 => None,
        code => Some(convert::subject(code)?),
    };
    let reasons = ctx.reasons.reason.iter();
    let reasons = reasons.filter(|reason| wanted.is_none_or(|subject| reason.subject == subject));
    Ok(ListReasonsResponse {
        reasons: reasons.map(convert::figures::reason).collect(),
        next_page_token: String::new(),
    })
}
