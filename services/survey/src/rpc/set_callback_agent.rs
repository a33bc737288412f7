//! Says that somebody makes callbacks, or makes none for now.

use common::{
    error::{Error, Result, reason},
    record::Record as _,
    service::Call,
};
use proto::aftercare::survey::v1::{CallbackAgent as Message, SetCallbackAgentRequest};

use crate::{Context, convert::callback, domain::agent::CallbackAgent, store};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: SetCallbackAgentRequest) -> Result<Message> {
    let work = ctx.core.begin(call, &request).await?;
    let wish = CallbackAgent {
        id: request.agent_id,
        version: 0,
        org_unit_id: request.org_unit_id,
        available: request.available,
        created_at: call.now,
        updated_at: call.now,
    };
    let agent = match store::agent::find(&*work, &wish.id).await? {
        None if store::agent::find(&work.everything(), &wish.id).await?.is_some() => {
            return Err(Error::new(reason::OUT_OF_REACH).with("record_kind", CallbackAgent::KIND));
        }
        None => store::agent::insert(&work, call, wish).await?,
        Some(known) => {
            call.check_etag(&request.etag, &known)?;
            store::agent::save(&work, call, known.set(wish)).await?
        }
    };
    let open = store::agent::open_callbacks(&*work).await?.get(&agent.id).copied().unwrap_or_default();
    work.commit(callback::agent(&agent, open)).await
}
