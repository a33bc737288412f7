//! Lists regulator's cases.

use common::{error::Result, service::Call};
use proto::aftercare::complaint::v1::{ListRegulatorCasesRequest, ListRegulatorCasesResponse};

use crate::{Context, convert, store};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: ListRegulatorCasesRequest,
) -> Result<ListRegulatorCasesResponse> {
    let (found, next_page_token) = store::regulator::list(&ctx.core.read(call), &request, call.now).await?;
    let regulator_cases = found.iter().map(convert::regulator::regulator_case).collect();
    Ok(ListRegulatorCasesResponse { regulator_cases, next_page_token })
}
