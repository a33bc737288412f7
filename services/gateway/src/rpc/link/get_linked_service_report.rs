//! Gives the service report of one visit, by the link to its request's progress.

use common::{error::Result, service::Call};
use proto::{aftercare::gateway::v1::GetLinkedServiceReportRequest, google::api::HttpBody};

use crate::{links, report, service::Context};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: GetLinkedServiceReportRequest) -> Result<HttpBody> {
    let link = links::open_guarded(&ctx.authority, call, &request.token).await?;
    report::for_link(ctx, call, &link, &request.number, &request.language).await
}
