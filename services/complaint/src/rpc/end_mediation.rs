//! Mediation is over: ACCEPTED > MEDIATION_ENDED.

use common::{convert::optional_instant, error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{EndMediationRequest, RegulatorCase};

use crate::{Context, convert, domain::RegulatorCaseId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: EndMediationRequest) -> Result<RegulatorCase> {
    let id = RegulatorCaseId::parse(&request.regulator_case_id)?;
    let at = optional_instant(request.ended_at.as_ref(), "ended_at")?.unwrap_or(call.now);
    let result = convert::regulator::mediation_result(request.result)?;
    let due = ctx.clocks.due(at, ctx.clocks.notice_days);
    let work = ctx.core.begin(call, &request).await?;
    let case = store::regulator::load(&*work, &id).await?;
    call.check_etag(&request.etag, &case)?;
    let changed = case.end_mediation(result, request.note, at, due, call.now)?;
    let case = store::regulator::save(&work, call, changed).await?;
    work.commit(convert::regulator::regulator_case(&case)).await
}
