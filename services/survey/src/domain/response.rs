//! Given answers. They never change; what an unhappy one opened is linked to it.

use chrono::{DateTime, Utc};
use common::{
    error::{Error, Result},
    record::{Changed, Record},
};
use serde::{Deserialize, Serialize};

use super::{
    FollowUpId, InvitationId, QuestionnaireId, ResponseId,
    answer::{Answer, Value},
    invitation::Visit,
    occasion::Occasion,
    question::{Question, QuestionKind},
    tag::{ANGRY, Tagger},
};

/// How an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By the link.
    Link,
    /// On the phone.
    Callback,
}

/// What a low answer opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// A follow-up by the supervisor.
    Supervisor,
    /// A complaint.
    Complaint,
}

impl Route {
    /// The name used in rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Supervisor => "supervisor",
            Self::Complaint => "complaint",
        }
    }

    /// The name used in events.
    #[must_use]
    pub fn event_name(self) -> &'static str {
        match self {
            Self::Supervisor => "follow_up",
            Self::Complaint => "complaint",
        }
    }
}

/// Below what an answer is low, and below what it is a complaint.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LowPolicy {
    /// NPS up to this is low.
    pub nps: i32,
    /// CSAT up to this is low.
    pub csat: i32,
    /// NPS up to this opens a complaint.
    pub complaint_nps: i32,
    /// CSAT up to this opens a complaint.
    pub complaint_csat: i32,
}

/// The scores of one answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scores {
    /// NPS 0-10.
    pub nps: Option<i32>,
    /// CSAT 1-5.
    pub csat: Option<i32>,
    /// CES 1-7.
    pub ces: Option<i32>,
}

impl Scores {
    /// The scores that the answers give; of several questions of a kind the first one answered counts.
    #[must_use]
    pub fn of(questions: &[Question], answers: &[Answer]) -> Self {
        let score = |kind: QuestionKind| {
            questions.iter().filter(|question| question.kind == kind).find_map(|question| {
                answers.iter().find(|answer| answer.question == question.key).and_then(|answer| match &answer.value {
                    Value::Score(score) => Some(*score),
                    Value::Options(_) | Value::Text(_) => None,
                })
            })
        };
        Self { nps: score(QuestionKind::Nps), csat: score(QuestionKind::Csat), ces: score(QuestionKind::Ces) }
    }

    /// What the answer opens: nothing, a follow-up, or a complaint.
    #[must_use]
    pub fn route(&self, tags: &[String], policy: &LowPolicy) -> Option<Route> {
        let up_to = |score: Option<i32>, limit: i32| score.is_some_and(|score| score <= limit);
        if tags.iter().any(|tag| tag == ANGRY)
            || up_to(self.nps, policy.complaint_nps)
            || up_to(self.csat, policy.complaint_csat)
        {
            Some(Route::Complaint)
        } else if up_to(self.nps, policy.nps) || up_to(self.csat, policy.csat) {
            Some(Route::Supervisor)
        } else {
            None
        }
    }
}

/// What an answer speaks of, over all its free texts.
#[must_use]
pub fn tags(answers: &[Answer], tagger: &dyn Tagger) -> Vec<String> {
    let mut tags: Vec<String> = answers
        .iter()
        .flat_map(|answer| match &answer.value {
            Value::Text(text) => tagger.tags(text),
            Value::Score(_) | Value::Options(_) => Vec::new(),
        })
        .collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// A given answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// Id.
    pub id: ResponseId,
    /// Version of this record.
    pub version: i64,
    /// Human number, SV-….
    pub number: String,
    /// The invitation it answers.
    pub invitation_id: InvitationId,
    /// The version of the questionnaire it answers.
    pub questionnaire_id: QuestionnaireId,
    /// What it is about.
    pub occasion: Occasion,
    /// The technician it is about, when known.
    pub technician_id: Option<String>,
    /// The service point it is about, when known.
    pub service_point_id: Option<String>,
    /// How it came.
    pub channel: Channel,
    /// The answers.
    pub answers: Vec<Answer>,
    /// The scores.
    pub scores: Scores,
    /// What its free text speaks of.
    pub tags: Vec<String>,
    /// What it opened; `None` when it is not low.
    pub route: Option<Route>,
    /// The follow-up it opened.
    pub follow_up_id: Option<FollowUpId>,
    /// The complaint it opened.
    pub opened_complaint_id: Option<String>,
    /// When the follow-up was done.
    pub followed_up_at: Option<DateTime<Utc>>,
    /// When it was given.
    pub created_at: DateTime<Utc>,
    /// When a link was added last.
    pub updated_at: DateTime<Utc>,
}

impl Record for Response {
    const KIND: &'static str = "response";

    fn id(&self) -> &str {
        self.id.as_str()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    fn number(&self) -> &str {
        &self.number
    }

    fn state(&self) -> &'static str {
        match (self.route, self.followed_up_at) {
            (None, _) => "content",
            (Some(_), None) => "low",
            (Some(_), Some(_)) => "followed_up",
        }
    }

    fn subject_id(&self) -> Option<&str> {
        Some(&self.occasion.customer_id)
    }

    fn case_id(&self) -> Option<&str> {
        self.occasion.service_request_id.as_deref()
    }
}

impl Response {
    /// Who did the visit it is about.
    #[must_use]
    pub fn visit(&self) -> Visit {
        Visit {
            work_order_id: self.occasion.work_order_id.clone(),
            technician_id: self.technician_id.clone(),
            service_point_id: self.service_point_id.clone(),
        }
    }

    /// Links the complaint that it opened.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is low and none is linked.
    pub fn link_complaint(mut self, complaint_id: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state();
        if self.route.is_none() || self.opened_complaint_id.is_some() {
            return Err(self.refuse("link_complaint"));
        }
        (self.opened_complaint_id, self.updated_at) = (Some(complaint_id.to_owned()), now);
        Ok(Changed::new(self, "link_complaint", from, ""))
    }

    /// The follow-up is done.
    ///
    /// # Errors
    ///
    /// `ILLEGAL_TRANSITION` unless it is low and was not followed up.
    pub fn follow_up(mut self, outcome: &str, now: DateTime<Utc>) -> Result<Changed<Self>> {
        let from = self.state();
        if self.route.is_none() || self.followed_up_at.is_some() {
            return Err(self.refuse("follow_up"));
        }
        (self.followed_up_at, self.updated_at) = (Some(now), now);
        Ok(Changed::new(self, "follow_up", from, outcome))
    }

    /// The actions that are left.
    #[must_use]
    pub fn allowed(&self) -> Vec<&'static str> {
        let mut actions = Vec::new();
        if self.route.is_some() && self.opened_complaint_id.is_none() {
            actions.push("link_complaint");
        }
        if self.route.is_some() && self.followed_up_at.is_none() {
            actions.push("follow_up");
        }
        actions
    }

    fn refuse(&self, action: &str) -> Error {
        Error::illegal(Self::KIND, action, self.state(), &self.allowed())
    }
}

#[cfg(test)]
mod tests {
    use common::{error::reason, id::Ids};

    use super::*;
    use crate::domain::{
        occasion::{Trigger, tests::occasion},
        questionnaire::tests::question,
        tag::WordTagger,
    };

    const POLICY: LowPolicy = LowPolicy { nps: 6, csat: 2, complaint_nps: 3, complaint_csat: 1 };

    fn scores(nps: Option<i32>, csat: Option<i32>) -> Scores {
        Scores { nps, csat, ces: None }
    }

    #[test]
    fn low_answers_open_what_the_house_wants() {
        use Route::{Complaint, Supervisor};
        for (nps, csat, tags, route) in [
            (Some(10), Some(5), vec![], None),
            (Some(7), Some(3), vec![], None),
            (Some(6), None, vec![], Some(Supervisor)),
            (Some(4), None, vec![], Some(Supervisor)),
            (Some(3), None, vec![], Some(Complaint)),
            (Some(0), Some(5), vec![], Some(Complaint)),
            (None, Some(2), vec![], Some(Supervisor)),
            (None, Some(1), vec![], Some(Complaint)),
            (Some(9), Some(5), vec!["angry"], Some(Complaint)),
            (Some(9), Some(5), vec!["late"], None),
            (None, None, vec![], None),
        ] {
            let tags: Vec<_> = tags.into_iter().map(str::to_owned).collect();
            assert_eq!(scores(nps, csat).route(&tags, &POLICY), route, "{nps:?} {csat:?} {tags:?}");
        }
    }

    #[test]
    fn scores_and_tags_come_from_the_answers() {
        let answer = |key: &str, value| Answer { question: key.to_owned(), value };
        let questions = [
            question("nps", QuestionKind::Nps),
            question("csat", QuestionKind::Csat),
            question("csat_tidy", QuestionKind::Csat),
            question("words", QuestionKind::Text),
        ];
        let answers = [
            answer("csat_tidy", Value::Score(1)),
            answer("csat", Value::Score(4)),
            answer("nps", Value::Score(0)),
            answer("words", Value::Text("太慢了,我很生气".to_owned())),
        ];
        assert_eq!(Scores::of(&questions, &answers), Scores { nps: Some(0), csat: Some(4), ces: None });
        let tagger = WordTagger::read(include_str!("../../data/tags.toml")).unwrap();
        assert_eq!(tags(&answers, &tagger), ["angry", "late"]);
    }

    fn response(route: Option<Route>) -> Response {
        let now = DateTime::UNIX_EPOCH;
        Response {
            id: Ids::seeded(1).make(now),
            version: 1,
            number: "SV-2026-000001".to_owned(),
            invitation_id: Ids::seeded(1).make(now),
            questionnaire_id: Ids::seeded(1).make(now),
            occasion: occasion("sr_1@2", Trigger::VisitCompleted),
            technician_id: None,
            service_point_id: None,
            channel: Channel::Link,
            answers: vec![],
            scores: Scores::default(),
            tags: vec![],
            route,
            follow_up_id: None,
            opened_complaint_id: None,
            followed_up_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn links_are_added_once_and_only_to_low_answers() {
        let now = DateTime::UNIX_EPOCH;
        let content = response(None);
        assert_eq!(content.clone().link_complaint("cp_1", now).unwrap_err().reason, reason::ILLEGAL_TRANSITION);
        assert_eq!(content.follow_up("satisfied", now).unwrap_err().facts["allowed"], "");
        let linked = response(Some(Route::Complaint)).link_complaint("cp_1", now).unwrap().record;
        assert_eq!(linked.state(), "low");
        assert_eq!(linked.clone().link_complaint("cp_2", now).unwrap_err().facts["allowed"], "follow_up");
        let done = linked.follow_up("satisfied", now).unwrap().record;
        assert_eq!(done.state(), "followed_up");
        assert_eq!(done.follow_up("satisfied", now).unwrap_err().facts["allowed"], "");
    }
}
