//! Compares a plan with what is: what would change, for whom, and what it costs.

use common::{error::Result, id::Id as _, page, service::Call};
use proto::aftercare::dispatch::v1::{ComparePlanRequest, ComparePlanResponse};

use crate::{
    Context, convert,
    domain::PlanId,
    store::{self, plan::Filter},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, mut request: ComparePlanRequest) -> Result<ComparePlanResponse> {
    let id = PlanId::parse(&request.plan_id)?;
    let size = page::size(request.page_size)?;
    let token = std::mem::take(&mut request.page_token);
    request.page_size = 0;
    let print = page::fingerprint(&call.reach, &request);
    let from: i32 = page::open(&token, &print)?.unwrap_or_default();
    let db = &ctx.core.read(call);
    let plan = store::plan::load(db, &id).await?;
    let filter = Filter {
        kind: convert::plan::wanted_kind(request.kind).map(|kind| kind.name()),
        consent_only: request.consent_only,
        changed_only: request.changed_only,
    };
    let mut found = store::plan::visits(db, &id, filter, from, size + 1).await?;
    let next_page_token = match found.get(usize::try_from(size).unwrap_or(usize::MAX)) {
        Some((place, _)) => page::seal(place, &print),
        None => String::new(),
    };
    found.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let progress = store::plan::progress(db, id.as_str()).await?;
    Ok(ComparePlanResponse {
        plan: Some(convert::plan::message(&plan, progress.as_ref())),
        changes: found.iter().map(|(_, visit)| convert::plan::change(visit, call.language)).collect(),
        next_page_token,
    })
}
