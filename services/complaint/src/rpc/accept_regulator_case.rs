//! The authority takes the case: REGISTERED > ACCEPTED.

use common::{convert::optional_instant, error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{AcceptRegulatorCaseRequest, RegulatorCase};

use crate::{Context, convert, domain::RegulatorCaseId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: AcceptRegulatorCaseRequest) -> Result<RegulatorCase> {
    let id = RegulatorCaseId::parse(&request.regulator_case_id)?;
    let at = optional_instant(request.accepted_at.as_ref(), "accepted_at")?.unwrap_or(call.now);
    let due = ctx.clocks.due(at, ctx.clocks.mediation_days);
    let work = ctx.core.begin(call, &request).await?;
    let case = store::regulator::load(&*work, &id).await?;
    call.check_etag(&request.etag, &case)?;
    let changed = case.accept(at, due, call.now)?;
    let case = store::regulator::save(&work, call, changed).await?;
    work.commit(convert::regulator::regulator_case(&case)).await
}
