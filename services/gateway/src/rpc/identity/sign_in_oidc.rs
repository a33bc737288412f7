//! The last step of a sign-in at a provider.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{SignInOidcRequest, SignInResult};

use crate::service::Context;

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SignInOidcRequest) -> Result<SignInResult> {
    let result = ctx.authority.sign_in_oidc(call, &request.code, &request.verifier).await;
    super::note_sign_in(ctx, call, &result).await?;
    result
}
