//! The second step of a sign-in.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{SignInResult, SignInTotpRequest};

use crate::service::Context;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SignInTotpRequest) -> Result<SignInResult> {
    let result = ctx.authority.second_step(call, &request.challenge, &request.code).await;
    super::note_sign_in(ctx, call, &result).await?;
    result
}
