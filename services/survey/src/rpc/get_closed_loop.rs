//! Gives how many follow-ups and callbacks were done, and done in time.

use common::{convert::optional_instant, error::Result, service::Call};
use proto::aftercare::survey::v1::{ClosedLoop, GetClosedLoopRequest};

use crate::{
    Context, convert,
    store::score::{Filter, closed_loop},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetClosedLoopRequest) -> Result<ClosedLoop> {
    let filter = Filter {
        from: optional_instant(request.start_time.as_ref(), "start_time")?,
        to: optional_instant(request.end_time.as_ref(), "end_time")?,
        org_unit_id: request.org_unit_id,
        ..Filter::default()
    };
    Ok(convert::score::closed_loop(&closed_loop(&ctx.core.read(call), &filter).await?))
}
