//! Lists the history of a record, a case or a customer, as far as parts-inventory knows it.

use common::{error::Result, journal, service::Call};
use proto::aftercare::common::v1::{ListTimelineRequest, ListTimelineResponse};

use crate::Context;

pub(crate) async fn handle(ctx: &Context, _call: &Call, request: ListTimelineRequest) -> Result<ListTimelineResponse> {
    journal::timeline(&ctx.core, request).await
}
