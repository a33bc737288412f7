//! Changes a refresh token for the next pair.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{RefreshSessionRequest, SignInResult};

use crate::service::Context;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RefreshSessionRequest) -> Result<SignInResult> {
    ctx.authority.refresh(call, &request.refresh_token).await
}
