//! Says in which ways one can sign in.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{GetSignInOptionsRequest, SignInOptions, SignInProvider};

use crate::service::Context;

pub(crate) async fn handle(ctx: &Context, _call: &Call, _request: GetSignInOptionsRequest) -> Result<SignInOptions> {
    let providers = ctx.authority.providers.shown().map(|(name, shown)| SignInProvider {
        name: name.to_owned(),
        display_name: shown.to_owned(),
        path: format!("/v1/sign-in/oidc/{name}"),
    });
    Ok(SignInOptions { providers: providers.collect() })
}
