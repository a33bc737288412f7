//! Answers and the customer's page.

use common::{
    convert::timestamp,
    error::{Error, Result},
};
use proto::aftercare::survey::v1::{
    Answer as AnswerMessage, FollowUpRoute, Response as ResponseMessage, ResponseChannel, Survey,
};

use super::{invitation::trigger, maybe, questionnaire::questions_in, text};
use crate::domain::{
    answer::{Answer, Value},
    invitation::Invitation,
    question,
    questionnaire::Questionnaire,
    response::{Channel, Response, Route},
};

pub(crate) fn message(record: &Response) -> ResponseMessage {
    let occasion = &record.occasion;
    ResponseMessage {
        response_id: record.id.to_string(),
        number: record.number.clone(),
        etag: record.version.to_string(),
        invitation_id: record.invitation_id.to_string(),
        questionnaire_id: record.questionnaire_id.to_string(),
        trigger: trigger(occasion.trigger).into(),
        channel: match record.channel {
            Channel::Link => ResponseChannel::Link,
            Channel::Callback => ResponseChannel::Callback,
        }
        .into(),
        customer_id: occasion.customer_id.clone(),
        service_request_id: text(occasion.service_request_id.as_deref()),
        work_order_id: text(occasion.work_order_id.as_deref()),
        complaint_id: text(occasion.complaint_id.as_deref()),
        technician_id: text(record.technician_id.as_deref()),
        service_point_id: text(record.service_point_id.as_deref()),
        org_unit_id: occasion.org_unit_id.clone(),
        kind: occasion.kind.clone(),
        answers: record.answers.iter().map(answer).collect(),
        nps: record.scores.nps,
        csat: record.scores.csat,
        ces: record.scores.ces,
        tags: record.tags.clone(),
        low: record.route.is_some(),
        route: route(record.route).into(),
        opened_complaint_id: text(record.opened_complaint_id.as_deref()),
        follow_up_id: record.follow_up_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        followed_up_time: maybe(record.followed_up_at),
        occasion_time: Some(timestamp(occasion.at)),
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
    }
}

pub(crate) fn route(route: Option<Route>) -> FollowUpRoute {
    match route {
        None => FollowUpRoute::Unspecified,
        Some(Route::Supervisor) => FollowUpRoute::Supervisor,
        Some(Route::Complaint) => FollowUpRoute::Complaint,
    }
}

pub(crate) fn answer(answer: &Answer) -> AnswerMessage {
    let mut message = AnswerMessage { question_key: answer.question.clone(), ..AnswerMessage::default() };
    match &answer.value {
        Value::Score(score) => message.score = Some(*score),
        Value::Options(options) => message.option_keys.clone_from(options),
        Value::Text(text) => message.text.clone_from(text),
    }
    message
}

/// The page behind a link. `language` is the one asked for, or empty for the customer's.
pub(crate) fn page(invitation: &Invitation, asked: &Questionnaire, language: &str) -> Survey {
    let language = match language.to_ascii_lowercase() {
        wish if wish.starts_with("zh") => "zh-CN",
        wish if wish.starts_with("en") => "en",
        _ => invitation.occasion.language.as_str(),
    };
    let (until, saved) = invitation.page().map_or((None, &[][..]), |(asked, saved)| (asked.link_until, saved));
    Survey {
        language: language.to_owned(),
        title: question::text(&asked.titles, language).to_owned(),
        questions: questions_in(asked, language),
        answers: saved.iter().map(answer).collect(),
        trigger: trigger(invitation.occasion.trigger).into(),
        expire_time: maybe(until),
    }
}

/// Answers out of a request. Each holds exactly one of score, options and text.
pub(crate) fn read(given: Vec<AnswerMessage>) -> Result<Vec<Answer>> {
    let one = |(index, message): (usize, AnswerMessage)| {
        let value = match (message.score, message.option_keys, message.text) {
            (Some(score), options, text) if options.is_empty() && text.is_empty() => Value::Score(score),
            (None, options, text) if !options.is_empty() && text.is_empty() => Value::Options(options),
            (None, options, text) if options.is_empty() && !text.is_empty() => Value::Text(text),
            _ => return Err(Error::invalid(format!("answers[{index}]"), "answer.exactly_one_value")),
        };
        Ok(Answer { question: message.question_key, value })
    };
    given.into_iter().enumerate().map(one).collect()
}
