//! Lists complaints.

use common::{error::Result, service::Call};
use proto::aftercare::complaint::v1::{ListComplaintsRequest, ListComplaintsResponse};

use crate::{Context, convert, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: ListComplaintsRequest) -> Result<ListComplaintsResponse> {
    let (found, next_page_token) = store::complaint::list(ctx.core.db.read(), &request, call.now).await?;
    let complaints = found.iter().map(convert::complaint).collect();
    Ok(ListComplaintsResponse { complaints, next_page_token })
}
