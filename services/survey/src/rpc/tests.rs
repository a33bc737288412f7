//! The service through its own door, on both databases: a house with a hand-driven clock, and what the others tell it.

use chrono::{DateTime, Duration, Utc};
use common::{
    auth::IDENTITY,
    clock::Clock,
    record::{Actor, Role},
    testing::{Backend, Bench, bench},
};
use prost::Message as _;
use proto::aftercare::{
    complaint::v1::{ComplaintEvent, ComplaintFact},
    dispatch::v1::{WorkOrderEvent, WorkOrderFact},
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
    survey::v1::{
        Answer, Callback, FollowUp, GetInvitationRequest, GetSurveyByTokenRequest, Invitation, InvitationEvent,
        InvitationState, ListCallbacksRequest, ListFollowUpsRequest, ListInvitationsRequest, ResponseEvent,
        SaveAnswersRequest, SubmitAnswersRequest, Survey as Page, Thanks, survey_service_client::SurveyServiceClient,
    },
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Status, service::Routes};
use tonic_types::StatusExt as _;

use crate::{Context, Survey, workers};

mod answering;
mod asking;
mod calling;
mod figures;
mod questionnaires;
mod refusals;

/// A running service without a network.
struct House {
    bench: Bench,
    client: SurveyServiceClient<Routes>,
}

/// Opens a house; `overrides` is TOML of the service's configuration.
async fn open(backend: Backend, overrides: &str) -> House {
    let mut bench = bench::<Survey>(backend, overrides).await;
    for worker in std::mem::take(&mut bench.service.workers) {
        let stop = CancellationToken::new();
        stop.cancel();
        (worker.run)(stop).await.unwrap();
    }
    let client = SurveyServiceClient::new(bench.service.routes.clone());
    House { bench, client }
}

impl House {
    fn now(&self) -> DateTime<Utc> {
        self.bench.core.clock.now()
    }

    async fn advance(&self, by: Duration) {
        self.bench.advance(by).await.unwrap();
    }

    fn client(&self) -> SurveyServiceClient<Routes> {
        self.client.clone()
    }

    /// A request by somebody of this role. Identities are good for two minutes of real time.
    fn by<T>(&self, role: Role, message: T) -> Request<T> {
        let actor = Actor::new(format!("{}-1", role.as_str()), role, "ou_1").everywhere();
        let token = self.bench.core.identity.sign(&actor, Clock::system().now()).unwrap();
        let mut request = Request::new(message);
        request.metadata_mut().insert(IDENTITY, token.parse().unwrap());
        request
    }

    fn agent<T>(&self, message: T) -> Request<T> {
        self.by(Role::Agent, message)
    }

    /// Intake tells of a request; `version` is the version of the request.
    async fn request(&self, fact: ServiceRequestFact, case: &Case, version: i64) {
        let event = ServiceRequestEvent {
            fact: fact.into(),
            service_request_id: case.id.to_owned(),
            kind: case.kind.to_owned(),
            state: "resolved".to_owned(),
            customer_id: case.customer.to_owned(),
            customer_tier: case.tier.to_owned(),
            survey_consent: case.consent,
            language: case.language.to_owned(),
            org_unit_id: "ou_1".to_owned(),
            ..ServiceRequestEvent::default()
        };
        self.bench.deliver("intake", "service_request", case.id, version, &event).await.unwrap();
    }

    async fn resolved(&self, case: &Case, version: i64) {
        self.request(ServiceRequestFact::Resolved, case, version).await;
    }

    /// Dispatch tells of a completed visit.
    async fn visited(&self, case: &Case, number: i32, technician: &str) {
        let event = WorkOrderEvent {
            fact: WorkOrderFact::Completed.into(),
            work_order_id: format!("wo_{}_{number}", case.id),
            service_request_id: case.id.to_owned(),
            technician_id: technician.to_owned(),
            service_point_id: "sp_1".to_owned(),
            visit_number: number,
            ..WorkOrderEvent::default()
        };
        let id = event.work_order_id.clone();
        self.bench.deliver("dispatch", "work_order", &id, 5, &event).await.unwrap();
    }

    /// Complaint tells of a complaint.
    async fn complaint(&self, fact: ComplaintFact, case: &Case, version: i64, response: &str) {
        let event = ComplaintEvent {
            fact: fact.into(),
            complaint_id: "cp_1".to_owned(),
            customer_id: case.customer.to_owned(),
            org_unit_id: "ou_1".to_owned(),
            survey_response_id: response.to_owned(),
            survey_consent: case.consent,
            outcome: "satisfied".to_owned(),
            ..ComplaintEvent::default()
        };
        self.bench.deliver("complaint", "complaint", "cp_1", version, &event).await.unwrap();
    }

    /// The invitations about a case, the oldest first.
    async fn invitations(&self, case: &Case) -> Vec<Invitation> {
        let list = ListInvitationsRequest { service_request_id: case.id.to_owned(), ..Default::default() };
        self.client().list_invitations(self.agent(list)).await.unwrap().into_inner().invitations
    }

    /// The only invitation about a case.
    async fn invitation(&self, case: &Case) -> Invitation {
        let mut all = self.invitations(case).await;
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    async fn get(&self, id: &str) -> Invitation {
        let get = GetInvitationRequest { invitation_id: id.to_owned() };
        self.client().get_invitation(self.agent(get)).await.unwrap().into_inner()
    }

    /// Solves a case and waits until its invitation is sent.
    async fn sent(&self, case: &Case) -> Invitation {
        self.resolved(case, 5).await;
        self.advance(Duration::days(3)).await;
        let sent = self.invitation(case).await;
        assert_eq!(sent.state(), InvitationState::Sent, "{sent:?}");
        sent
    }

    async fn page(&self, token: &str) -> Result<Page, Status> {
        let get = GetSurveyByTokenRequest { token: token.to_owned(), language: String::new() };
        self.client().get_survey_by_token(self.by(Role::CustomerLink, get)).await.map(tonic::Response::into_inner)
    }

    async fn save(&self, token: &str, answers: Vec<Answer>) -> Result<Page, Status> {
        let save = SaveAnswersRequest { token: token.to_owned(), request_id: String::new(), answers };
        self.client().save_answers(self.by(Role::CustomerLink, save)).await.map(tonic::Response::into_inner)
    }

    async fn submit(&self, token: &str, request_id: &str, answers: Vec<Answer>) -> Result<Thanks, Status> {
        let submit = SubmitAnswersRequest { token: token.to_owned(), request_id: request_id.to_owned(), answers };
        self.client().submit_answers(self.by(Role::CustomerLink, submit)).await.map(tonic::Response::into_inner)
    }

    async fn callbacks(&self) -> Vec<Callback> {
        let list = ListCallbacksRequest { order_by: "create_time".to_owned(), ..Default::default() };
        self.client().list_callbacks(self.agent(list)).await.unwrap().into_inner().callbacks
    }

    async fn follow_ups(&self) -> Vec<FollowUp> {
        let list = ListFollowUpsRequest { order_by: "create_time".to_owned(), ..Default::default() };
        self.client().list_follow_ups(self.agent(list)).await.unwrap().into_inner().follow_ups
    }

    /// The published facts about invitations, as their fact and reason.
    async fn invitation_facts(&self) -> Vec<(i32, String)> {
        let events = self.bench.events().await.unwrap();
        let ours = events.iter().filter(|event| event.aggregate_kind == "invitation");
        let read = |payload: &[u8]| InvitationEvent::decode(payload).unwrap();
        ours.map(|event| read(&event.payload)).map(|fact| (fact.fact, fact.reason)).collect()
    }

    async fn response_facts(&self) -> Vec<ResponseEvent> {
        let events = self.bench.events().await.unwrap();
        let ours = events.iter().filter(|event| event.aggregate_kind == "response");
        ours.map(|event| ResponseEvent::decode(event.payload.as_slice()).unwrap()).collect()
    }

    /// A second hand on the same house, for what has no door.
    fn context(&self) -> Context {
        let config = toml::from_str(include_str!("../../config/default.toml")).unwrap();
        Context::new(config, self.bench.core.clone()).unwrap()
    }
}

/// A case of a customer.
#[derive(Clone, Copy, Debug)]
struct Case {
    id: &'static str,
    customer: &'static str,
    kind: &'static str,
    tier: &'static str,
    language: &'static str,
    consent: bool,
}

const REPAIR: Case = Case { id: "sr_1", customer: "cu_1", kind: "repair", tier: "B", language: "zh-CN", consent: true };

const MEMBER: Case = Case { id: "sr_2", customer: "cu_2", kind: "repair", tier: "A", language: "en", consent: true };

/// The token of an invitation's link.
fn token(invitation: &Invitation) -> String {
    invitation.link_path.strip_prefix("/s/").unwrap().to_owned()
}

fn score(question: &str, score: i32) -> Answer {
    Answer { question_key: question.to_owned(), score: Some(score), ..Answer::default() }
}

fn words(text: &str) -> Answer {
    Answer { question_key: "words".to_owned(), text: text.to_owned(), ..Answer::default() }
}

fn chosen(question: &str, keys: &[&str]) -> Answer {
    let option_keys = keys.iter().map(|key| (*key).to_owned()).collect();
    Answer { question_key: question.to_owned(), option_keys, ..Answer::default() }
}

/// Answers of a customer as content as this.
fn answers(csat: i32, nps: i32) -> Vec<Answer> {
    vec![score("satisfied", csat), score("recommend", nps)]
}

/// The reason of a refusal.
fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// A fact of a refusal.
fn fact(status: &Status, name: &str) -> String {
    let details = status.get_error_details();
    details.error_info().and_then(|info| info.metadata.get(name).cloned()).unwrap_or_default()
}

/// The fields at fault.
fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    details
        .bad_request()
        .map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect())
        .unwrap_or_default()
}

fn instant(at: Option<&prost_types::Timestamp>) -> DateTime<Utc> {
    common::convert::optional_instant(at, "at").unwrap().unwrap()
}
