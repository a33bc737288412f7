//! Gives a callback to an agent.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::survey::v1::{AssignCallbackRequest, Callback as Message};

use crate::{
    Context,
    convert::callback::message,
    domain::{CallbackId, agent::next},
    error::{AGENT_UNAVAILABLE, NO_AGENT},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: AssignCallbackRequest) -> Result<Message> {
    let id = CallbackId::parse(&request.callback_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let open = store::callback::load(&*work, &id).await?;
    call.check_etag(&request.etag, &open)?;
    let agent_id = if request.agent_id.is_empty() {
        let loads = store::agent::loads(&*work).await?;
        let none = || Error::new(NO_AGENT).with("org_unit_id", &open.org_unit_id);
        next(&loads, &open.org_unit_id).map(|agent| agent.id.clone()).ok_or_else(none)?
    } else {
        let agent = store::agent::load(&*work, &request.agent_id).await?;
        if !agent.available {
            return Err(Error::new(AGENT_UNAVAILABLE).with("agent_id", agent.id));
        }
        agent.id
    };
    let changed = open.assign(&agent_id, call.now)?;
    let assigned = store::callback::save(&work, call, changed).await?;
    work.commit(message(&assigned)).await
}
