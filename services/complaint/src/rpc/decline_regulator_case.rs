//! The authority does not take the case: REGISTERED > DECLINED.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{DeclineRegulatorCaseRequest, RegulatorCase};

use crate::{Context, convert, domain::RegulatorCaseId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: DeclineRegulatorCaseRequest) -> Result<RegulatorCase> {
    let id = RegulatorCaseId::parse(&request.regulator_case_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let case = store::regulator::load(&*work, &id).await?;
    call.check_etag(&request.etag, &case)?;
    let changed = case.decline(request.reason, call.now)?;
    let case = store::regulator::save(&work, call, changed).await?;
    work.commit(convert::regulator::regulator_case(&case)).await
}
