//! Ends the present session.

use common::{error::Result, service::Call};
use proto::aftercare::gateway::v1::{SignOutRequest, SignOutResponse};

use crate::{
    service::Context,
    store::identity::session::{self, Which},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SignOutRequest) -> Result<SignOutResponse> {
    let account = super::own(ctx, call).await?;
    let which = if request.everywhere { Which::All(&account.id) } else { Which::One(&call.origin.session_id) };
    let tx = ctx.core.db.begin().await?;
    let ended = session::end(&tx, which, "signed_out", call.now).await?;
    tx.commit().await?;
    Ok(SignOutResponse { ended: i32::try_from(ended).unwrap_or(i32::MAX) })
}
