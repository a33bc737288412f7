//! Records the root cause: CONTAINED > ANALYSED.

use common::{error::Result, id::Id as _, service::Call};
use proto::aftercare::complaint::v1::{AnalyseCorrectiveActionRequest, CorrectiveAction};

use crate::{Context, convert, domain::CorrectiveActionId, store};

pub(crate) async fn handle(
    ctx: &Context,
    call: &Call,
    request: AnalyseCorrectiveActionRequest,
) -> Result<CorrectiveAction> {
    let id = CorrectiveActionId::parse(&request.corrective_action_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let action = store::corrective::load(&*work, &id).await?;
    call.check_etag(&request.etag, &action)?;
    let changed = action.analyse(request.whys, call.now)?;
    let action = store::corrective::save(&work, call, changed).await?;
    work.commit(convert::corrective::corrective_action(&action)).await
}
