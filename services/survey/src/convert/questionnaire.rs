//! Questionnaires.

use common::{
    convert::timestamp,
    error::{Error, Result},
};
use proto::aftercare::survey::v1::{
    Condition as ConditionMessage, ConditionTest, LocalizedText, Question as QuestionMessage,
    QuestionKind as KindMessage, QuestionOption as OptionMessage, Questionnaire as QuestionnaireMessage,
    QuestionnaireState,
};

use super::maybe;
use crate::domain::{
    question::{Condition, Question, QuestionKind, QuestionOption, Test, Texts, text},
    questionnaire::{Questionnaire, State},
};

pub(crate) fn message(record: &Questionnaire) -> QuestionnaireMessage {
    QuestionnaireMessage {
        questionnaire_id: record.id.to_string(),
        code: record.code.clone(),
        version_number: record.number,
        etag: record.version.to_string(),
        state: state(&record.state).into(),
        titles: texts(&record.titles),
        questions: record.questions.iter().map(|question| question_message(question, texts)).collect(),
        create_time: Some(timestamp(record.created_at)),
        update_time: Some(timestamp(record.updated_at)),
        publish_time: maybe(record.published_at()),
        org_unit_id: record.org_unit_id.clone(),
    }
}

/// The questions with their texts in one language.
pub(crate) fn questions_in(record: &Questionnaire, language: &str) -> Vec<QuestionMessage> {
    let one =
        |texts: &Texts| vec![LocalizedText { language: language.to_owned(), text: text(texts, language).to_owned() }];
    record.questions.iter().map(|question| question_message(question, one)).collect()
}

fn state(state: &State) -> QuestionnaireState {
    match state {
        State::Draft => QuestionnaireState::Draft,
        State::Published { .. } => QuestionnaireState::Published,
        State::Retired { .. } => QuestionnaireState::Retired,
    }
}

pub(crate) fn texts(texts: &Texts) -> Vec<LocalizedText> {
    texts.iter().map(|(language, text)| LocalizedText { language: language.clone(), text: text.clone() }).collect()
}

fn question_message(question: &Question, texts: impl Fn(&Texts) -> Vec<LocalizedText>) -> QuestionMessage {
    QuestionMessage {
        key: question.key.clone(),
        kind: match question.kind {
            QuestionKind::Nps => KindMessage::Nps,
            QuestionKind::Csat => KindMessage::Csat,
            QuestionKind::Ces => KindMessage::Ces,
            QuestionKind::Stars => KindMessage::Stars,
            QuestionKind::Choice => KindMessage::Choice,
            QuestionKind::SeveralChoice => KindMessage::SeveralChoice,
            QuestionKind::Text => KindMessage::Text,
        }
        .into(),
        texts: texts(&question.texts),
        required: question.required,
        options: question
            .options
            .iter()
            .map(|option| OptionMessage { key: option.key.clone(), texts: texts(&option.texts) })
            .collect(),
        max_length: if question.kind == QuestionKind::Text {
            i32::try_from(question.longest_text()).unwrap_or(i32::MAX)
        } else {
            0
        },
        show_when: question.show_when.as_ref().map(|condition| {
            let (test, score, option_key) = match &condition.test {
                Test::AtMost(score) => (ConditionTest::AtMost, *score, String::new()),
                Test::AtLeast(score) => (ConditionTest::AtLeast, *score, String::new()),
                Test::Chosen(key) => (ConditionTest::Chosen, 0, key.clone()),
            };
            ConditionMessage { question_key: condition.question.clone(), test: test.into(), score, option_key }
        }),
    }
}

/// Texts out of a message; `field` names them in the error.
pub(crate) fn read_texts(given: Vec<LocalizedText>, field: &str) -> Result<Texts> {
    let count = given.len();
    let texts: Texts = given.into_iter().map(|one| (one.language, one.text)).collect();
    if texts.len() == count { Ok(texts) } else { Err(Error::invalid(field, "texts.language_once")) }
}

pub(crate) fn read_questions(given: Vec<QuestionMessage>) -> Result<Vec<Question>> {
    given
        .into_iter()
        .enumerate()
        .map(|(index, question)| read_question(question, &format!("questions[{index}]")))
        .collect()
}

fn read_question(given: QuestionMessage, at: &str) -> Result<Question> {
    let kind = match given.kind() {
        KindMessage::Nps => QuestionKind::Nps,
        KindMessage::Csat => QuestionKind::Csat,
        KindMessage::Ces => QuestionKind::Ces,
        KindMessage::Stars => QuestionKind::Stars,
        KindMessage::Choice => QuestionKind::Choice,
        KindMessage::SeveralChoice => QuestionKind::SeveralChoice,
        KindMessage::Text => QuestionKind::Text,
        KindMessage::Unspecified => return Err(Error::invalid(format!("{at}.kind"), "enum.not_in")),
    };
    let options = given
        .options
        .into_iter()
        .map(|option| {
            Ok(QuestionOption { key: option.key, texts: read_texts(option.texts, &format!("{at}.options"))? })
        })
        .collect::<Result<_>>()?;
    let show_when = given.show_when.map(|condition| read_condition(condition, at)).transpose()?;
    Ok(Question {
        key: given.key,
        kind,
        texts: read_texts(given.texts, &format!("{at}.texts"))?,
        required: given.required,
        options,
        max_length: u32::try_from(given.max_length).unwrap_or_default(),
        show_when,
    })
}

fn read_condition(given: ConditionMessage, at: &str) -> Result<Condition> {
    let test = match given.test() {
        ConditionTest::AtMost => Test::AtMost(given.score),
        ConditionTest::AtLeast => Test::AtLeast(given.score),
        ConditionTest::Chosen => Test::Chosen(given.option_key),
        ConditionTest::Unspecified => return Err(Error::invalid(format!("{at}.show_when.test"), "enum.not_in")),
    };
    Ok(Condition { question: given.question_key, test })
}
