//! The gateway's own RPCs: one table for each of its gRPC services, one line for each RPC.

use tonic::service::Routes;

use crate::service::Context;

/// Serves the RPCs.
#[derive(Clone, Debug)]
pub(crate) struct Api(pub(crate) Context);

/// All gRPC services of the gateway's own state.
pub(crate) fn routes(ctx: &Context) -> Routes {
    let _api = Api(ctx.clone());
    Routes::default()
}
