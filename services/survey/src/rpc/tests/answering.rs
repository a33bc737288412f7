//! Answers by the link, and what unhappy ones open.

use proto::aftercare::survey::v1::{
    CloseFollowUpRequest, FollowUpOutcome, FollowUpRoute, FollowUpState, GetFollowUpRequest, GetResponseRequest,
    ListResponsesRequest, Response, ResponseChannel, ResponseFact,
};
use rstest::rstest;

use super::*;

async fn response(house: &House, invitation: &Invitation) -> Response {
    let answered = house.get(&invitation.invitation_id).await;
    assert_eq!(answered.state(), InvitationState::Answered);
    let get = GetResponseRequest { response_id: answered.response_id };
    house.client().get_response(house.agent(get)).await.unwrap().into_inner()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_link_shows_the_page_keeps_part_answers_and_works_once(#[case] backend: Backend) {
    let house = open(backend, "").await;
    // Dispatch may tell of the visit before or after intake tells of the solution.
    house.visited(&REPAIR, 1, "te_first").await;
    let sent = house.sent(&REPAIR).await;
    house.visited(&REPAIR, 2, "te_second").await;
    house.visited(&REPAIR, 1, "te_first").await;
    assert_eq!(sent.technician_id, "te_first");
    let token = token(&sent);
    assert!(!sent.link_path.contains("cu_") && !sent.link_path.contains("sr_"));

    let page = house.page(&token).await.unwrap();
    assert_eq!((page.language.as_str(), page.title.as_str()), ("zh-CN", "上门服务满意度"));
    assert!(page.questions.iter().all(|question| question.texts.len() == 1 && question.texts[0].language == "zh-CN"));
    let english = GetSurveyByTokenRequest { token: token.clone(), language: "en-GB".to_owned() };
    let english = house.client().get_survey_by_token(house.by(Role::CustomerLink, english)).await.unwrap().into_inner();
    assert_eq!(english.title, "Your visit");

    let page = house.save(&token, vec![score("satisfied", 2), chosen("why", &["late"])]).await.unwrap();
    assert_eq!(page.answers.len(), 2);
    assert_eq!(house.get(&sent.invitation_id).await.state(), InvitationState::Started);
    assert_eq!(house.page(&token).await.unwrap().answers, page.answers);
    // The customer thinks better of it: what was asked only of the unhappy goes.
    let given = vec![score("satisfied", 5), score("recommend", 10), score("effort", 7)];
    let thanks = house.submit(&token, "r1", given.clone()).await.unwrap();
    assert!(thanks.number.starts_with("SV-2026-") && !thanks.we_will_call);

    let response = response(&house, &sent).await;
    assert_eq!((response.nps, response.csat, response.ces), (Some(10), Some(5), Some(7)));
    assert_eq!((response.number.as_str(), response.channel()), (thanks.number.as_str(), ResponseChannel::Link));
    assert_eq!(
        response.answers.iter().map(|answer| answer.question_key.as_str()).collect::<Vec<_>>(),
        ["satisfied", "effort", "recommend"]
    );
    assert_eq!((response.technician_id.as_str(), response.service_point_id.as_str()), ("te_second", "sp_1"));
    assert!(!response.low && house.follow_ups().await.is_empty());

    // The same call again is the same answer; another one finds the link used.
    assert_eq!(house.submit(&token, "r1", given.clone()).await.unwrap(), thanks);
    let status = house.submit(&token, "r1", answers(1, 0)).await.unwrap_err();
    assert_eq!(reason(&status), "REQUEST_ID_REUSED");
    for status in [
        house.submit(&token, "r2", given).await.unwrap_err(),
        house.save(&token, answers(1, 0)).await.unwrap_err(),
        house.page(&token).await.unwrap_err(),
    ] {
        assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::FailedPrecondition, "LINK_USED"));
    }
    let facts = house.response_facts().await;
    assert_eq!(facts.len(), 1);
    assert_eq!(
        (facts[0].nps, facts[0].csat, facts[0].low, facts[0].technician_id.as_str()),
        (10, 5, false, "te_second")
    );
    let list = ListResponsesRequest { technician_id: "te_second".to_owned(), ..Default::default() };
    let listed = house.client().list_responses(house.agent(list)).await.unwrap().into_inner().responses;
    assert_eq!(listed, [response]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_forged_link_opens_nothing_and_an_old_one_has_run_out(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let sent = house.sent(&REPAIR).await;
    let token = token(&sent);
    let mut forged = token.clone();
    let flipped = if forged.ends_with('A') { "Q" } else { "A" };
    forged.replace_range(forged.len() - 1.., flipped);
    for bad in [forged.as_str(), "x", &token[1..], sent.invitation_id.as_str()] {
        for status in [house.page(bad).await.unwrap_err(), house.submit(bad, "", answers(5, 10)).await.unwrap_err()] {
            assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::NotFound, "LINK_INVALID"), "{bad}");
        }
    }
    assert_eq!(house.get(&sent.invitation_id).await, sent);
    house.bench.core.clock.advance(Duration::days(14));
    let status = house.submit(&token, "", answers(5, 10)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::FailedPrecondition, "LINK_EXPIRED"));
    assert!(house.response_facts().await.is_empty());
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn answers_that_do_not_fit_are_refused_and_change_nothing(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let sent = house.sent(&REPAIR).await;
    let token = token(&sent);
    for (given, at) in [
        (vec![score("satisfied", 5)], "answers.recommend"),
        (vec![score("satisfied", 6), score("recommend", 10)], "answers[0].score"),
        (vec![score("satisfied", 5), score("recommend", 10), chosen("why", &["late"])], "answers[2].question_key"),
        (
            vec![score("satisfied", 5), score("recommend", 10), chosen("punctual", &["perhaps"])],
            "answers[2].option_keys",
        ),
        (vec![score("satisfied", 5), score("recommend", 10), score("colour", 1)], "answers[2].question_key"),
        (vec![score("satisfied", 5), Answer { text: "x".to_owned(), ..score("recommend", 10) }], "answers[1]"),
    ] {
        let status = house.submit(&token, "", given.clone()).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::InvalidArgument, "INVALID_FIELDS"));
        assert_eq!(fields(&status), [at], "{given:?}");
    }
    assert_eq!(house.get(&sent.invitation_id).await, sent);
    assert!(house.page(&token).await.unwrap().answers.is_empty());
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_unhappy_answer_opens_a_follow_up_that_somebody_closes(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let sent = house.sent(&REPAIR).await;
    assert!(house.submit(&token(&sent), "", answers(2, 6)).await.unwrap().we_will_call);
    let answer = response(&house, &sent).await;
    assert_eq!((answer.low, answer.route()), (true, FollowUpRoute::Supervisor));
    let opened = house.follow_ups().await.remove(0);
    assert_eq!((opened.state(), opened.route()), (FollowUpState::Open, FollowUpRoute::Supervisor));
    assert_eq!((&opened.response_id, &opened.follow_up_id), (&answer.response_id, &answer.follow_up_id));
    assert_eq!(instant(opened.due_time.as_ref()), house.now() + Duration::days(1));
    assert_eq!(house.response_facts().await[0].follow_up, "follow_up");

    house.advance(Duration::days(1)).await;
    house.advance(Duration::days(1)).await;
    let get = || house.agent(GetFollowUpRequest { follow_up_id: opened.follow_up_id.clone() });
    let overdue = house.client().get_follow_up(get()).await.unwrap().into_inner();
    assert!(overdue.overdue);
    assert_eq!(overdue.etag, "2", "marked once");
    let close = |etag: &str| {
        let close = CloseFollowUpRequest {
            follow_up_id: opened.follow_up_id.clone(),
            etag: etag.to_owned(),
            outcome: FollowUpOutcome::Satisfied.into(),
            note: "called, apologised, second visit free".to_owned(),
            ..Default::default()
        };
        house.by(Role::Supervisor, close)
    };
    let status = house.client().close_follow_up(close("1")).await.unwrap_err();
    assert_eq!(reason(&status), "STALE_ETAG");
    let closed = house.client().close_follow_up(close("")).await.unwrap().into_inner();
    assert_eq!(
        (closed.state(), closed.outcome(), closed.closed_by.as_str()),
        (FollowUpState::Closed, FollowUpOutcome::Satisfied, "supervisor-1")
    );
    let status = house.client().close_follow_up(close("")).await.unwrap_err();
    assert_eq!((reason(&status).as_str(), fact(&status, "state").as_str()), ("ILLEGAL_TRANSITION", "closed"));
    let followed_up = response(&house, &sent).await;
    assert_eq!(instant(followed_up.followed_up_time.as_ref()), house.now());
    assert_eq!((&followed_up.answers, followed_up.nps), (&answer.answers, answer.nps));
    assert_eq!(house.response_facts().await[1].fact(), ResponseFact::FollowedUp);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_angry_answer_opens_a_complaint_linked_both_ways_that_closes_the_loop(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let sent = house.sent(&REPAIR).await;
    let mut given = answers(4, 9);
    given.push(words("师傅态度恶劣,我要投诉"));
    house.submit(&token(&sent), "", given).await.unwrap();
    let answer = response(&house, &sent).await;
    assert_eq!(
        (answer.route(), answer.tags.clone()),
        (FollowUpRoute::Complaint, vec!["angry".to_owned(), "attitude".to_owned()])
    );
    assert_eq!(house.response_facts().await[0].follow_up, "complaint");

    // Received, and heard twice.
    house.complaint(ComplaintFact::Received, &REPAIR, 1, &answer.response_id).await;
    house.complaint(ComplaintFact::Received, &REPAIR, 1, &answer.response_id).await;
    let linked = response(&house, &sent).await;
    assert_eq!((linked.opened_complaint_id.as_str(), linked.etag.as_str()), ("cp_1", "2"));
    let open = house.follow_ups().await.remove(0);
    assert_eq!((open.state(), open.complaint_id.as_str()), (FollowUpState::Open, "cp_1"));
    let close = CloseFollowUpRequest {
        follow_up_id: open.follow_up_id.clone(),
        outcome: FollowUpOutcome::Explained.into(),
        note: "x".to_owned(),
        ..Default::default()
    };
    let status = house.client().close_follow_up(house.by(Role::Supervisor, close)).await.unwrap_err();
    assert_eq!((reason(&status).as_str(), fact(&status, "complaint_id").as_str()), ("COMPLAINT_DEALS_WITH_IT", "cp_1"));

    house.advance(Duration::hours(5)).await;
    house.complaint(ComplaintFact::Closed, &REPAIR, 9, &answer.response_id).await;
    house.complaint(ComplaintFact::Closed, &REPAIR, 9, &answer.response_id).await;
    let closed = house.follow_ups().await.remove(0);
    assert_eq!((closed.state(), closed.outcome()), (FollowUpState::Closed, FollowUpOutcome::Satisfied));
    assert!(response(&house, &sent).await.followed_up_time.is_some());
    let facts: Vec<_> = house.response_facts().await.iter().map(ResponseEvent::fact).collect();
    assert_eq!(facts, [ResponseFact::Answered, ResponseFact::Linked, ResponseFact::FollowedUp]);
    // Closed and opened again: what was planned about the closing is not asked.
    let list = ListInvitationsRequest { complaint_id: "cp_1".to_owned(), ..Default::default() };
    house.complaint(ComplaintFact::Reopened, &REPAIR, 10, &answer.response_id).await;
    let about = house.client().list_invitations(house.agent(list)).await.unwrap().into_inner().invitations;
    assert_eq!(about.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>(), ["complaint_reopened"]);
}
