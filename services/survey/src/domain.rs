//! The rules of survey, pure: time, chance and ids come in as parameters.

pub mod agent;
pub mod answer;
pub mod callback;
pub mod follow_up;
pub mod invitation;
pub mod local;
pub mod occasion;
pub mod question;
pub mod questionnaire;
pub mod response;
pub mod rest;
pub mod score;
pub mod script;
pub mod tag;
pub mod token;
pub mod turn;

use chrono::Duration;

common::typed_id! {
    /// One version of a questionnaire.
    QuestionnaireId = "qn";
    /// One customer asked about one occasion.
    InvitationId = "iv";
    /// A call to make.
    CallbackId = "cb";
    /// A given answer.
    ResponseId = "rp";
    /// What a low answer opened.
    FollowUpId = "fu";
}

/// A configured duration, as the rules reckon with it. What is longer than the calendar is taken as a century.
#[must_use]
pub fn span(duration: std::time::Duration) -> Duration {
    Duration::from_std(duration).unwrap_or_else(|_| Duration::days(36_525))
}
