//! Callbacks: who gets them, the three tries, answers on the phone.

use proto::aftercare::survey::v1::{
    AssignCallbackRequest, CallbackAgent, CallbackState, CompleteCallbackRequest, GetCallbackRequest,
    GetCallbackScriptRequest, GetResponseRequest, ListCallbackAgentsRequest, OpenCallbackRequest,
    RecordCallbackTryRequest, ResponseChannel, SetCallbackAgentRequest, TryResult,
};
use rstest::rstest;

use super::*;

async fn agent(house: &House, id: &str, org_unit: &str, available: bool) -> CallbackAgent {
    let set = SetCallbackAgentRequest {
        agent_id: id.to_owned(),
        org_unit_id: org_unit.to_owned(),
        available,
        ..Default::default()
    };
    house.client().set_callback_agent(house.by(Role::Supervisor, set)).await.unwrap().into_inner()
}

async fn open_callback(house: &House, invitation: &Invitation) -> Result<Callback, Status> {
    let open = OpenCallbackRequest { invitation_id: invitation.invitation_id.clone(), ..Default::default() };
    house.client().open_callback(house.agent(open)).await.map(tonic::Response::into_inner)
}

async fn try_again(house: &House, id: &str, result: TryResult) -> Result<Callback, Status> {
    let record = RecordCallbackTryRequest {
        callback_id: id.to_owned(),
        result: result.into(),
        call_again_time: (result == TryResult::CallAgain)
            .then(|| common::convert::timestamp(house.now() + Duration::hours(5))),
        ..Default::default()
    };
    house.client().record_callback_try(house.agent(record)).await.map(tonic::Response::into_inner)
}

async fn complete(house: &House, id: &str, request_id: &str, answers: Vec<Answer>) -> Result<Callback, Status> {
    let complete = CompleteCallbackRequest {
        callback_id: id.to_owned(),
        request_id: request_id.to_owned(),
        answers,
        ..Default::default()
    };
    house.client().complete_callback(house.agent(complete)).await.map(tonic::Response::into_inner)
}

async fn get(house: &House, id: &str) -> Callback {
    let get = GetCallbackRequest { callback_id: id.to_owned() };
    house.client().get_callback(house.agent(get)).await.unwrap().into_inner()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_member_who_does_not_answer_is_called_and_three_tries_are_enough(#[case] backend: Backend) {
    let house = open(backend, "").await;
    agent(&house, "agent-1", "ou_1", true).await;
    let sent = house.sent(&MEMBER).await;
    house.advance(Duration::days(4)).await;
    let opened = house.callbacks().await.remove(0);
    assert_eq!((opened.state(), opened.agent_id.as_str()), (CallbackState::Open, "agent-1"));
    assert_eq!(instant(opened.due_time.as_ref()), house.now() + Duration::days(3));
    assert_eq!(house.get(&sent.invitation_id).await.state(), InvitationState::Calling);

    let id = opened.callback_id.as_str();
    let first = try_again(&house, id, TryResult::NoAnswer).await.unwrap();
    assert_eq!(first.tries.len(), 1);
    assert!(instant(first.next_try_time.as_ref()) >= house.now() + Duration::hours(20));
    // The same day again: recorded, and it does not count.
    let same_day = try_again(&house, id, TryResult::Busy).await.unwrap();
    assert_eq!(same_day.tries.iter().map(|one| one.counted).collect::<Vec<_>>(), [true, false]);
    house.advance(Duration::hours(22)).await;
    assert_eq!(try_again(&house, id, TryResult::Busy).await.unwrap().state(), CallbackState::Open);
    house.advance(Duration::hours(28)).await;
    let last = try_again(&house, id, TryResult::NoAnswer).await.unwrap();
    assert_eq!((last.state(), last.tries.len()), (CallbackState::Unreachable, 4));
    let given_up = house.get(&sent.invitation_id).await;
    assert_eq!((given_up.state(), given_up.reason.as_str()), (InvitationState::GivenUp, "unreachable"));
    for result in [TryResult::NoAnswer, TryResult::Refused, TryResult::CallAgain] {
        let status = try_again(&house, id, result).await.unwrap_err();
        assert_eq!((reason(&status).as_str(), fact(&status, "state").as_str()), ("ILLEGAL_TRANSITION", "unreachable"));
    }
    let status = complete(&house, id, "", answers(5, 9)).await.unwrap_err();
    assert_eq!(reason(&status), "ILLEGAL_TRANSITION");
    // Nothing fires any more.
    let events = house.bench.events().await.unwrap().len();
    house.advance(Duration::days(60)).await;
    assert_eq!(house.bench.events().await.unwrap().len(), events);
    assert_eq!(house.page(&token(&sent)).await.map_err(|status| reason(&status)).unwrap_err(), "LINK_EXPIRED");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn every_end_of_a_try_leads_where_it_should(#[case] backend: Backend) {
    let house = open(backend, "[invitations]\ncooldown = \"1s\"").await;
    for (number, (result, state, invitation)) in [
        (TryResult::Refused, CallbackState::Refused, InvitationState::GivenUp),
        (TryResult::WrongNumber, CallbackState::WrongNumber, InvitationState::GivenUp),
        (TryResult::CallAgain, CallbackState::Open, InvitationState::Calling),
        (TryResult::Busy, CallbackState::Open, InvitationState::Calling),
        (TryResult::NoAnswer, CallbackState::Open, InvitationState::Calling),
    ]
    .into_iter()
    .enumerate()
    {
        house.advance(Duration::seconds(2)).await;
        let case = Case { id: ["sr_a", "sr_b", "sr_c", "sr_d", "sr_e"][number], ..REPAIR };
        house.resolved(&case, 5).await;
        let planned = house.invitation(&case).await;
        let opened = open_callback(&house, &planned).await.unwrap();
        assert_eq!(opened.agent_id, "", "nobody makes callbacks");
        let tried = try_again(&house, &opened.callback_id, result).await.unwrap();
        assert_eq!((tried.state(), tried.tries[0].result()), (state, result));
        assert_eq!(house.get(&planned.invitation_id).await.state(), invitation, "{result:?}");
        if result == TryResult::CallAgain {
            assert_eq!(instant(tried.next_try_time.as_ref()), house.now() + Duration::hours(5));
        }
    }
    let facts = house.invitation_facts().await;
    assert!(
        facts.iter().any(|(_, reason)| reason == "refused") && facts.iter().any(|(_, reason)| reason == "wrong_number")
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn answers_on_the_phone_make_the_same_response(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let sent = house.sent(&MEMBER).await;
    let opened = open_callback(&house, &sent).await.unwrap();
    let script = GetCallbackScriptRequest { callback_id: opened.callback_id.clone() };
    let script = house.client().get_callback_script(house.agent(script)).await.unwrap().into_inner();
    assert_eq!(script.questionnaire.unwrap().questionnaire_id, sent.questionnaire_id);
    assert!(script.steps[1].branches.len() == 3 && script.steps.iter().all(|step| step.texts.len() == 2));

    let status = complete(&house, &opened.callback_id, "", vec![score("satisfied", 9)]).await.unwrap_err();
    assert_eq!(fields(&status), ["answers[0].score", "answers.recommend"]);
    assert_eq!(get(&house, &opened.callback_id).await, opened);
    let done = complete(&house, &opened.callback_id, "r", answers(1, 2)).await.unwrap();
    assert_eq!((done.state(), done.tries[0].result()), (CallbackState::Done, TryResult::Done));
    assert_eq!(complete(&house, &opened.callback_id, "r", answers(1, 2)).await.unwrap(), done);
    let status = complete(&house, &opened.callback_id, "r", answers(1, 3)).await.unwrap_err();
    assert_eq!(reason(&status), "REQUEST_ID_REUSED");
    let response = GetResponseRequest { response_id: done.response_id.clone() };
    let response = house.client().get_response(house.agent(response)).await.unwrap().into_inner();
    assert_eq!((response.channel(), response.nps, response.csat), (ResponseChannel::Callback, Some(2), Some(1)));
    assert!(response.number.starts_with("SV-"));
    let answered = house.get(&sent.invitation_id).await;
    assert_eq!((answered.state(), &answered.response_id), (InvitationState::Answered, &done.response_id));
    assert_eq!(reason(&house.page(&token(&sent)).await.unwrap_err()), "LINK_USED");
    assert_eq!(house.follow_ups().await.len(), 1);
    assert_eq!(house.response_facts().await.len(), 1);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_customer_who_answers_by_the_link_is_not_called(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let sent = house.sent(&MEMBER).await;
    let opened = open_callback(&house, &sent).await.unwrap();
    house.save(&token(&sent), vec![score("satisfied", 5)]).await.unwrap();
    assert_eq!(house.get(&sent.invitation_id).await.state(), InvitationState::Calling);
    house.submit(&token(&sent), "", vec![score("recommend", 9)]).await.unwrap();
    let settled = get(&house, &opened.callback_id).await;
    assert_eq!((settled.state(), settled.tries.len()), (CallbackState::Settled, 0));
    let status = open_callback(&house, &sent).await.unwrap_err();
    assert_eq!((reason(&status).as_str(), fact(&status, "allowed").as_str()), ("ILLEGAL_TRANSITION", ""));
    house.advance(Duration::days(10)).await;
    assert!(!get(&house, &opened.callback_id).await.overdue);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn callbacks_go_to_the_least_loaded_and_can_be_given_on(#[case] backend: Backend) {
    let house = open(backend, "").await;
    agent(&house, "a", "ou_1", true).await;
    agent(&house, "b", "ou_1", true).await;
    agent(&house, "c", "ou_2", true).await;
    agent(&house, "d", "ou_1", false).await;
    for (id, customer) in [("sr_a", "cu_a"), ("sr_b", "cu_b"), ("sr_c", "cu_c")] {
        let case = Case { id, customer, ..REPAIR };
        house.resolved(&case, 5).await;
        open_callback(&house, &house.invitation(&case).await).await.unwrap();
        house.advance(Duration::seconds(1)).await;
    }
    let given: Vec<_> = house.callbacks().await.into_iter().map(|one| one.agent_id).collect();
    assert_eq!(given, ["a", "b", "a"]);
    let assign = |agent: &str, id: &str| {
        house.by(
            Role::Supervisor,
            AssignCallbackRequest { callback_id: id.to_owned(), agent_id: agent.to_owned(), ..Default::default() },
        )
    };
    let third = house.callbacks().await.remove(2);
    let status = house.client().assign_callback(assign("d", &third.callback_id)).await.unwrap_err();
    assert_eq!((reason(&status).as_str(), fact(&status, "agent_id").as_str()), ("AGENT_UNAVAILABLE", "d"));
    let status = house.client().assign_callback(assign("nobody", &third.callback_id)).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::NotFound);
    let moved = house.client().assign_callback(assign("c", &third.callback_id)).await.unwrap().into_inner();
    assert_eq!(moved.agent_id, "c");
    let least = house.client().assign_callback(assign("", &third.callback_id)).await.unwrap().into_inner();
    assert_eq!(least.agent_id, "a", "one each in the unit: by id");
    let list = ListCallbackAgentsRequest { org_unit_id: "ou_1".to_owned(), ..Default::default() };
    let agents = house.client().list_callback_agents(house.agent(list)).await.unwrap().into_inner().callback_agents;
    let mut loads: Vec<_> = agents.iter().map(|one| (one.agent_id.as_str(), one.open_callbacks)).collect();
    loads.sort_unstable();
    assert_eq!(loads, [("a", 2), ("b", 1), ("d", 0)]);
    for id in ["a", "b", "c"] {
        assert!(!agent(&house, id, "ou_1", false).await.available);
    }
    let status = house.client().assign_callback(assign("", &third.callback_id)).await.unwrap_err();
    assert_eq!(reason(&status), "NO_AGENT");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_callback_takes_the_customers_turn_and_becomes_overdue_once(#[case] backend: Backend) {
    let house = open(backend, "").await;
    house.resolved(&REPAIR, 5).await;
    let planned = house.invitation(&REPAIR).await;
    let opened = open_callback(&house, &planned).await.unwrap();
    let calling = house.get(&planned.invitation_id).await;
    assert_eq!((calling.state(), calling.link_path.as_str()), (InvitationState::Calling, ""));
    let second = Case { id: "sr_8", kind: "delivery", tier: "A", ..REPAIR };
    house.resolved(&second, 5).await;
    let waiting = house.invitation(&second).await;
    let status = open_callback(&house, &waiting).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::FailedPrecondition, "ASKED_RECENTLY"));
    house.advance(Duration::days(5)).await;
    let overdue = get(&house, &opened.callback_id).await;
    assert_eq!((overdue.overdue, overdue.etag.as_str()), (true, "2"));
    // It can still be done.
    assert_eq!(complete(&house, &opened.callback_id, "", answers(5, 9)).await.unwrap().state(), CallbackState::Done);

    let unwilling = Case { id: "sr_u", customer: "cu_u", ..REPAIR };
    house.resolved(&unwilling, 5).await;
    let planned = house.invitation(&unwilling).await;
    house.request(ServiceRequestFact::Updated, &Case { consent: false, ..unwilling }, 6).await;
    let status = open_callback(&house, &planned).await.unwrap_err();
    assert_eq!(reason(&status), "NO_CONSENT");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn members_can_be_called_first(#[case] backend: Backend) {
    let house = open(backend, "[triggers.visit_completed]\nmember_first = \"callback\"").await;
    house.resolved(&MEMBER, 5).await;
    house.advance(Duration::days(3)).await;
    let calling = house.invitation(&MEMBER).await;
    assert_eq!((calling.state(), calling.link_path.as_str()), (InvitationState::Calling, ""));
    assert_eq!(house.callbacks().await.len(), 1);
}
