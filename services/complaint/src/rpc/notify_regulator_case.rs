//! The parties have the notice: MEDIATION_ENDED > CLOSED.

use common::{convert::optional_instant, error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{NotifyRegulatorCaseRequest, RegulatorCase};

use crate::{Context, convert, domain::RegulatorCaseId, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: NotifyRegulatorCaseRequest) -> Result<RegulatorCase> {
    let id = RegulatorCaseId::parse(&request.regulator_case_id)?;
    let at = optional_instant(request.notified_at.as_ref(), "notified_at")?.unwrap_or(call.now);
    let work = ctx.core.begin(call, &request).await?;
    let case = store::regulator::load(&*work, &id).await?;
    call.check_etag(&request.etag, &case)?;
    let changed = case.notify(at, call.now)?;
    let case = store::regulator::save(&work, call, changed).await?;
    work.commit(convert::regulator::regulator_case(&case)).await
}
