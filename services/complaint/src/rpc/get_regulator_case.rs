//! Gives one regulator's case.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{GetRegulatorCaseRequest, RegulatorCase};

use crate::{Context, convert, domain::RegulatorCaseId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetRegulatorCaseRequest) -> Result<RegulatorCase> {
    let id = RegulatorCaseId::parse(&request.regulator_case_id)?;
    let found = store::regulator::load(&ctx.core.read(call), &id).await?;
    Ok(convert::regulator::regulator_case(&found))
}
