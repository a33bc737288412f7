//! Gives the service report of one visit.

use common::{error::Result, service::Call};
use proto::{aftercare::gateway::v1::GetServiceReportRequest, google::api::HttpBody};

use crate::{report, service::Context};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetServiceReportRequest) -> Result<HttpBody> {
    report::for_caller(ctx, call, &request.work_order_id, &request.language).await
}
