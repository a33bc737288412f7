//! Has an agent call the customer of an invitation.

use common::{
    error::{Error, Result},
    id::Id as _,
    service::Call,
};
use proto::aftercare::survey::v1::{Callback as Message, OpenCallbackRequest};

use crate::{
    Context,
    convert::callback::message,
    domain::{InvitationId, span},
    error::{ASKED_RECENTLY, NO_CONSENT},
    store,
};

pub(crate) async fn handle(ctx: &Context, call: &Call, request: OpenCallbackRequest) -> Result<Message> {
    let id = InvitationId::parse(&request.invitation_id)?;
    let work = ctx.core.begin(call, &request).await?;
    let invited = store::invitation::load(&*work, &id).await?;
    call.check_etag(&request.etag, &invited)?;
    let customer = store::customer::find(&*work, &invited.occasion.customer_id).await?;
    if customer.is_some_and(|customer| !customer.consent) {
        return Err(Error::new(NO_CONSENT));
    }
    // A call that comes before the link asks the customer anew, so it takes a turn; a later one belongs to the same.
    let turn = match invited.waiting() {
        None => None,
        Some(_) => {
            let turns = store::turn::load(&*work, &invited.occasion.customer_id).await?;
            let free_at = turns.last.values().max().map(|at| *at + span(ctx.config.invitations.cooldown));
            if let Some(free_at) = free_at.filter(|free_at| *free_at > call.now) {
                return Err(Error::new(ASKED_RECENTLY).with("free_at", free_at.to_rfc3339()));
            }
            Some((invited.clone(), turns))
        }
    };
    let opened = store::asking::open_callback(ctx, call, &work, invited).await?;
    if let Some((invited, turns)) = turn {
        store::asking::take_turn(call, &work, &invited, turns).await?;
    }
    work.commit(message(&opened)).await
}
