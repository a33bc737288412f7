//! Signs in by name and password.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{SignInRequest, SignInResult};

use crate::service::Context;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SignInRequest) -> Result<SignInResult> {
    let result = ctx.authority.sign_in(call, &request.username, &request.password).await;
    super::note_sign_in(ctx, call, &result).await?;
    result
}
