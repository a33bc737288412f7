//! The steps by which a customer is asked: planned, by link, on the phone. Timers, events and RPCs share them.

use common::{
    db::Tx,
    error::{Error, Result},
    service::Call,
    timer,
};
use proto::aftercare::survey::v1::InvitationFact;

use super::{agent, callback, invitation, questionnaire, turn, visit};
use crate::{
    Context,
    channel::{Message, Occasion as Told},
    domain::{
        CallbackId,
        agent::next,
        callback::{Callback, State},
        invitation::Invitation,
        occasion::Occasion,
        span,
    },
    error::{NO_CONSENT, NO_QUESTIONNAIRE},
    workers,
};

/// Plans an invitation about an occasion, unless that occasion was planned before.
pub(crate) async fn plan(ctx: &Context, call: &Call, tx: &Tx, occasion: Occasion) -> Result<()> {
    if invitation::known(tx, &occasion.key).await? {
        return Ok(());
    }
    let policy = ctx.policy(occasion.trigger);
    let plan = occasion.plan(policy, &ctx.rules.rest, |from, days| ctx.add_working_days(from, days))?;
    let hold = span(ctx.config.invitations.turn_hold);
    let planned = Invitation::plan(call.ids.make(call.now), occasion, plan, hold, call.now);
    let planned = invitation::insert(tx, call, planned).await?;
    if let Some(waiting) = planned.waiting() {
        timer::schedule(tx, workers::SEND, planned.id.as_str(), waiting.send_at).await?;
    }
    Ok(())
}

/// Sends the link of a planned invitation whose turn it is.
///
/// # Errors
///
/// `NO_QUESTIONNAIRE` when there is nothing to ask.
pub(crate) async fn send(ctx: &Context, call: &Call, tx: &Tx, planned: Invitation) -> Result<()> {
    let asked = questionnaire::published(tx, &ctx.policy(planned.occasion.trigger).questionnaire).await?;
    let visit = visit::of(tx, &planned.occasion).await?;
    let times = ctx.config.invitations;
    let until = call.now + span(times.link_valid);
    let called = planned.occasion.called_when_unanswered(ctx.policy(planned.occasion.trigger));
    let sent = planned.send(asked.id, until, visit, call.now)?;
    let sent = invitation::save(tx, call, InvitationFact::Sent, sent).await?;
    let allowed = |after| ctx.rules.rest.next_allowed(call.now + span(after));
    timer::schedule(tx, workers::REMIND, sent.id.as_str(), allowed(times.remind_after)).await?;
    timer::schedule(tx, workers::EXPIRE, sent.id.as_str(), until).await?;
    if called {
        timer::schedule(tx, workers::CALL, sent.id.as_str(), allowed(times.callback_after)).await?;
    }
    tell(ctx, &sent, Told::Invite).await
}

/// Hands a message with the link to the channel.
pub(crate) async fn tell(ctx: &Context, invitation: &Invitation, told: Told) -> Result<()> {
    let path = invitation::link_path(ctx, invitation);
    let language = invitation.occasion.language.clone();
    let message = Message {
        invitation_id: invitation.id.to_string(),
        customer_id: invitation.occasion.customer_id.clone(),
        occasion: told,
        text: ctx.rules.messages.text(told, &language, &path),
        language,
        path,
    };
    ctx.rules.channel.deliver(&message).await
}

/// Has an agent call the customer: the agent with the fewest open callbacks gets it.
///
/// # Errors
///
/// `ILLEGAL_TRANSITION` unless the invitation is planned, sent, started or expired; `NO_QUESTIONNAIRE`, `NO_CONSENT`.
pub(crate) async fn open_callback(ctx: &Context, call: &Call, tx: &Tx, invited: Invitation) -> Result<Callback> {
    if !invited.occasion.consent {
        return Err(Error::new(NO_CONSENT));
    }
    let code = &ctx.policy(invited.occasion.trigger).questionnaire;
    let asked = match invited.asked() {
        Some(asked) => asked.questionnaire_id.clone(),
        None => questionnaire::published(tx, code).await?.id,
    };
    let visit = visit::of(tx, &invited.occasion).await?;
    let id: CallbackId = call.ids.make(call.now);
    let calling = invited.open_callback(id.clone(), asked, visit, call.now)?;
    let invited = invitation::save(tx, call, InvitationFact::CallbackOpened, calling).await?;
    for kind in [workers::SEND, workers::REMIND, workers::CALL] {
        timer::cancel(tx, kind, invited.id.as_str()).await?;
    }
    let occasion = invited.occasion;
    let agent_id = next(&agent::loads(tx).await?, &occasion.org_unit_id).map(|agent| agent.id.clone());
    let callback = Callback {
        id,
        version: 0,
        invitation_id: invited.id,
        customer_id: occasion.customer_id,
        service_request_id: occasion.service_request_id,
        org_unit_id: occasion.org_unit_id,
        due_at: call.now + span(ctx.config.callbacks.due),
        overdue_at: None,
        tries: Vec::new(),
        state: State::Open { agent_id, next_try_at: ctx.rules.rest.next_allowed(call.now) },
        created_at: call.now,
        updated_at: call.now,
    };
    let callback = callback::insert(tx, call, callback).await?;
    timer::schedule(tx, workers::CALLBACK_DUE, callback.id.as_str(), callback.due_at).await?;
    Ok(callback)
}

/// Takes the customer's turn for an invitation that is asked now.
pub(crate) async fn take_turn(call: &Call, tx: &Tx, invited: &Invitation, turns: turn::Turns) -> Result<()> {
    turn::take(tx, &invited.occasion.customer_id, turns, invited.occasion.trigger, call.now).await
}

/// Takes a planned invitation out of use, for good.
pub(crate) async fn suppress(
    call: &Call,
    tx: &Tx,
    invited: Invitation,
    action: &'static str,
    why: &str,
) -> Result<Invitation> {
    let suppressed = invited.suppress(action, why, call.now)?;
    let suppressed = invitation::save(tx, call, InvitationFact::Suppressed, suppressed).await?;
    timer::cancel(tx, workers::SEND, suppressed.id.as_str()).await?;
    Ok(suppressed)
}

/// Whether an error says that there is nothing to ask.
pub(crate) fn nothing_to_ask(error: &Error) -> bool {
    error.reason == NO_QUESTIONNAIRE
}
