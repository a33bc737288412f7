//! Ends a session: one's own, or anybody's for an administrator.

use common::{
    error::{Error, Result},
    id::Id as _,
    record::Role,
    service::Call,
};
use proto::aftercare::gateway::v1::{RevokeSessionRequest, Session};

use crate::{
    audit::{self, Entry},
    convert::identity as convert,
    domain::identity::SessionId,
    service::Context,
    store::identity::session::{self, Which},
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: RevokeSessionRequest) -> Result<Session> {
    let id = SessionId::parse(&request.session_id)?;
    let missing = || Error::not_found("session", &id);
    let work = ctx.core.begin(call, &request).await?;
    let found = session::find(&*work, &id).await?.ok_or_else(missing)?;
    if found.account_id != call.actor.account_id && call.actor.role != Role::Admin {
        return Err(missing());
    }
    session::end(&work, Which::One(id.as_str()), "revoked", call.now).await?;
    let mut entry = Entry::new(&call.actor, "session.revoke", "account", &found.account_id);
    entry.from_address.clone_from(&call.origin.address);
    audit::record(&work, &ctx.core, entry).await?;
    let ended = session::find(&*work, &id).await?.ok_or_else(missing)?;
    work.commit(convert::session(&ended, &call.origin.session_id)).await
}
