//! Answers: whether they fit the questions, branch by branch.

use common::error::{Error, Result, reason};
use serde::{Deserialize, Serialize};

use super::question::{Question, QuestionKind};

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A score.
    Score(i32),
    /// Keys of options.
    Options(Vec<String>),
    /// Free text.
    Text(String),
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Key of the question.
    pub question: String,
    /// What was answered.
    pub value: Value,
}

/// How much must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What is there must fit.
    Part,
    /// Every required question that is asked must be answered, too.
    Whole,
}

/// Puts `given` over `saved` and takes away what is not asked any more after it.
///
/// # Errors
///
/// `INVALID_FIELDS`, naming every answer that does not fit.
pub fn merge(questions: &[Question], saved: &[Answer], given: Vec<Answer>, extent: Extent) -> Result<Vec<Answer>> {
    let mut error = Error::new(reason::INVALID_FIELDS);
    for (index, answer) in given.iter().enumerate() {
        let at = format!("answers[{index}]");
        if given[..index].iter().any(|other| other.question == answer.question) {
            error = error.field(format!("{at}.question_key"), "answer.once");
            continue;
        }
        match questions.iter().find(|question| question.key == answer.question) {
            None => error = error.field(format!("{at}.question_key"), "answer.known_question"),
            Some(question) => {
                if let Some((field, rule)) = fault(question, &answer.value) {
                    error = error.field(format!("{at}.{field}"), rule);
                }
            }
        }
    }
    let mut whole: Vec<Answer> = Vec::new();
    for question in questions {
        let find = |answers: &[Answer]| answers.iter().position(|answer| answer.question == question.key);
        let asked = question.asked(&whole);
        match (find(&given), find(saved)) {
            (Some(index), _) if asked => whole.push(given[index].clone()),
            (Some(index), _) => error = error.field(format!("answers[{index}].question_key"), "answer.question_asked"),
            (None, Some(index)) if asked => whole.push(saved[index].clone()),
            (None, Some(_)) => {}
            (None, None) if asked && question.required && extent == Extent::Whole => {
                error = error.field(format!("answers.{}", question.key), "answer.required");
            }
            (None, None) => {}
        }
    }
    if error.fields.is_empty() { Ok(whole) } else { Err(error) }
}

/// The field at fault and the rule it breaks.
fn fault(question: &Question, value: &Value) -> Option<(&'static str, &'static str)> {
    match (question.kind, value) {
        (QuestionKind::Nps | QuestionKind::Csat | QuestionKind::Ces | QuestionKind::Stars, Value::Score(score)) => {
            let fits = question.kind.scores().is_some_and(|(low, high)| (low..=high).contains(score));
            (!fits).then_some(("score", "answer.score_in_range"))
        }
        (QuestionKind::Choice, Value::Options(options)) if options.len() != 1 => {
            Some(("option_keys", "answer.exactly_one_option"))
        }
        (QuestionKind::Choice | QuestionKind::SeveralChoice, Value::Options(options)) => {
            let known = |key: &String| question.options.iter().any(|option| option.key == *key);
            let once = |index: usize| !options[..index].contains(&options[index]);
            let fits = options.iter().all(known) && (0..options.len()).all(once);
            (!fits).then_some(("option_keys", "answer.known_options_once"))
        }
        (QuestionKind::Text, Value::Text(text)) => {
            let fits = text.chars().count() <= usize::try_from(question.longest_text()).unwrap_or(usize::MAX);
            (!fits).then_some(("text", "answer.text_length"))
        }
        (QuestionKind::Nps | QuestionKind::Csat | QuestionKind::Ces | QuestionKind::Stars, _) => {
            Some(("score", "answer.score_wanted"))
        }
        (QuestionKind::Choice | QuestionKind::SeveralChoice, _) => Some(("option_keys", "answer.options_wanted")),
        (QuestionKind::Text, _) => Some(("text", "answer.text_wanted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        question::{Condition, QuestionOption, Test},
        questionnaire::tests::{question, texts},
    };

    fn score(question: &str, score: i32) -> Answer {
        Answer { question: question.to_owned(), value: Value::Score(score) }
    }

    fn options(question: &str, keys: &[&str]) -> Answer {
        Answer {
            question: question.to_owned(),
            value: Value::Options(keys.iter().map(|key| (*key).to_owned()).collect()),
        }
    }

    fn text(question: &str, text: &str) -> Answer {
        Answer { question: question.to_owned(), value: Value::Text(text.to_owned()) }
    }

    fn questions() -> Vec<Question> {
        let option = |key: &str| QuestionOption { key: key.to_owned(), texts: texts("option") };
        vec![
            Question { required: true, ..question("satisfied", QuestionKind::Csat) },
            Question {
                required: true,
                options: vec![option("late"), option("rude")],
                show_when: Some(Condition { question: "satisfied".to_owned(), test: Test::AtMost(3) }),
                ..question("why", QuestionKind::SeveralChoice)
            },
            Question {
                show_when: Some(Condition { question: "why".to_owned(), test: Test::Chosen("rude".to_owned()) }),
                max_length: 10,
                ..question("words", QuestionKind::Text)
            },
            question("nps", QuestionKind::Nps),
            Question { options: vec![option("yes"), option("no")], ..question("again", QuestionKind::Choice) },
        ]
    }

    fn fields(result: Result<Vec<Answer>>) -> Vec<(String, String)> {
        result.unwrap_err().fields.into_iter().map(|field| (field.field, field.rule)).collect()
    }

    #[test]
    fn branches_decide_what_is_asked_and_what_is_required() {
        let whole = |given| merge(&questions(), &[], given, Extent::Whole);
        assert_eq!(whole(vec![score("satisfied", 5)]).unwrap().len(), 1);
        assert_eq!(
            fields(whole(vec![score("satisfied", 2)])),
            [("answers.why".to_owned(), "answer.required".to_owned())]
        );
        assert_eq!(
            whole(vec![score("satisfied", 2), options("why", &["rude"]), text("words", "坏")]).unwrap().len(),
            3
        );
        assert_eq!(
            fields(whole(vec![score("satisfied", 2), options("why", &["late"]), text("words", "坏")])),
            [("answers[2].question_key".to_owned(), "answer.question_asked".to_owned())]
        );
        assert_eq!(fields(whole(vec![]))[0].0, "answers.satisfied");
    }

    #[test]
    fn part_answers_are_kept_and_what_is_not_asked_any_more_goes() {
        let saved =
            merge(&questions(), &[], vec![score("satisfied", 1), options("why", &["late"])], Extent::Part).unwrap();
        let whole = merge(&questions(), &saved, vec![score("nps", 3)], Extent::Whole).unwrap();
        assert_eq!(whole.len(), 3);
        let happier = merge(&questions(), &saved, vec![score("satisfied", 4)], Extent::Whole).unwrap();
        assert_eq!(happier, [score("satisfied", 4)]);
    }

    #[test]
    fn every_kind_refuses_what_does_not_fit() {
        for (answer, rule) in [
            (score("satisfied", 6), "answer.score_in_range"),
            (score("satisfied", 0), "answer.score_in_range"),
            (score("nps", 11), "answer.score_in_range"),
            (text("nps", "ten"), "answer.score_wanted"),
            (options("again", &["yes", "no"]), "answer.exactly_one_option"),
            (options("again", &["perhaps"]), "answer.known_options_once"),
            (options("why", &["late", "late"]), "answer.known_options_once"),
            (score("again", 1), "answer.options_wanted"),
            (text("words", "more than ten letters"), "answer.text_length"),
            (score("words", 1), "answer.text_wanted"),
            (score("unknown", 1), "answer.known_question"),
        ] {
            let broken = fields(merge(&questions(), &[], vec![answer.clone()], Extent::Part));
            assert!(broken.iter().any(|(_, found)| found == rule), "{answer:?}: {broken:?}");
        }
        let twice = fields(merge(&questions(), &[], vec![score("nps", 1), score("nps", 2)], Extent::Part));
        assert_eq!(twice, [("answers[1].question_key".to_owned(), "answer.once".to_owned())]);
        assert_eq!(merge(&questions(), &[], vec![score("nps", 0)], Extent::Part).unwrap(), [score("nps", 0)]);
    }
}
