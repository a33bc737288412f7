//! Lists the history that intake keeps of one record, one case or one customer.

use common::{error::Result, journal, service::Call};
use proto::aftercare::common::v1::{ListTimelineRequest, ListTimelineResponse};

use crate::Context;

pub(crate) async fn handle(ctx: &Context, _call: &Call, request: ListTimelineRequest) -> Result<ListTimelineResponse> {
    journal::timeline(&ctx.core, request).await
}
