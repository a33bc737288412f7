//! The step by which answers become a response: the same for the link and for the phone.

use common::{db::Tx, error::Result, record::Record as _, service::Call, timer};
use proto::aftercare::survey::v1::{InvitationFact, ResponseFact};

use super::{callback, follow_up, invitation, response, visit};
use crate::{
    Context,
    domain::{
        FollowUpId, ResponseId,
        answer::Answer,
        follow_up::{FollowUp, Outcome, State},
        invitation::Invitation,
        questionnaire::Questionnaire,
        response::{Channel, Response, Scores, tags},
        span,
    },
    workers,
};

/// Answers that were checked against their questionnaire.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) questionnaire: Questionnaire,
    pub(crate) answers: Vec<Answer>,
    pub(crate) channel: Channel,
    pub(crate) number: String,
}

/// Makes the response, ends the invitation, and opens a follow-up when the customer is unhappy.
///
/// # Errors
///
/// `ILLEGAL_TRANSITION` unless the invitation can be answered.
pub(crate) async fn give(ctx: &Context, call: &Call, tx: &Tx, invited: Invitation, given: Given) -> Result<Response> {
    let id: ResponseId = call.ids.make(call.now);
    let visit = visit::of(tx, &invited.occasion).await?;
    let answered = invited.answer(id.clone(), visit, call.now)?;
    let answered = invitation::save(tx, call, InvitationFact::Answered, answered).await?;
    for kind in [workers::REMIND, workers::EXPIRE, workers::CALL] {
        timer::cancel(tx, kind, answered.id.as_str()).await?;
    }
    let scores = Scores::of(&given.questionnaire.questions, &given.answers);
    let tags = tags(&given.answers, ctx.rules.tagger.as_ref());
    let route = scores.route(&tags, &ctx.config.low);
    let follow_up_id: Option<FollowUpId> = route.map(|_| call.ids.make(call.now));
    let response = Response {
        id,
        version: 0,
        number: given.number,
        invitation_id: answered.id,
        questionnaire_id: given.questionnaire.id,
        occasion: answered.occasion,
        technician_id: answered.technician_id,
        service_point_id: answered.service_point_id,
        channel: given.channel,
        answers: given.answers,
        scores,
        tags,
        route,
        follow_up_id: follow_up_id.clone(),
        opened_complaint_id: None,
        followed_up_at: None,
        created_at: call.now,
        updated_at: call.now,
    };
    let response = response::insert(tx, call, response).await?;
    if let (Some(id), Some(route)) = (follow_up_id, route) {
        let opened = FollowUp {
            id,
            version: 0,
            route,
            response_id: response.id.clone(),
            customer_id: response.occasion.customer_id.clone(),
            service_request_id: response.occasion.service_request_id.clone(),
            org_unit_id: response.occasion.org_unit_id.clone(),
            complaint_id: None,
            due_at: call.now + span(ctx.config.follow_ups.due),
            overdue_at: None,
            state: State::Open,
            created_at: call.now,
            updated_at: call.now,
        };
        let opened = follow_up::insert(tx, call, opened).await?;
        timer::schedule(tx, workers::FOLLOW_UP_DUE, opened.id.as_str(), opened.due_at).await?;
    }
    Ok(response)
}

/// Ends the callback of an invitation that was answered by its link.
pub(crate) async fn settle_callback(call: &Call, tx: &Tx, callback_id: &str) -> Result<()> {
    let Some(open) = callback::find(tx, callback_id).await? else { return Ok(()) };
    if open.ended_at().is_none() {
        let settled = callback::save(tx, call, open.settle(call.now)?).await?;
        timer::cancel(tx, workers::CALLBACK_DUE, settled.id()).await?;
    }
    Ok(())
}

/// Notes on the answer that its follow-up is done.
pub(crate) async fn followed_up(call: &Call, tx: &Tx, closed: &FollowUp, outcome: Outcome) -> Result<()> {
    timer::cancel(tx, workers::FOLLOW_UP_DUE, closed.id.as_str()).await?;
    let Some(answer) = response::find(tx, closed.response_id.as_str()).await? else { return Ok(()) };
    let done = answer.follow_up(outcome.as_str(), call.now)?;
    response::save(tx, call, ResponseFact::FollowedUp, done).await?;
    Ok(())
}
