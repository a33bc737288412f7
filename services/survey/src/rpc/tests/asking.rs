//! Who is asked, when, and who is not.

use proto::aftercare::survey::v1::{InvitationFact, Trigger, WithdrawInvitationRequest};
use rstest::rstest;

use super::*;

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_solved_case_is_asked_about_after_three_days_reminded_once_and_runs_out(#[case] backend: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let house = open(backend, &format!("[channel]\nfolder = {:?}", folder.path().display().to_string())).await;
    let solved = house.now();
    house.resolved(&REPAIR, 5).await;
    // The same fact again, as a replay of the bus would bring it.
    house.resolved(&REPAIR, 5).await;
    let planned = house.invitation(&REPAIR).await;
    assert_eq!((planned.state(), planned.trigger()), (InvitationState::Planned, Trigger::VisitCompleted));
    assert_eq!(instant(planned.send_time.as_ref()), solved + Duration::days(3));
    assert!(planned.link_path.is_empty() && planned.questionnaire_id.is_empty());

    house.advance(Duration::days(3) - Duration::seconds(1)).await;
    assert_eq!(house.invitation(&REPAIR).await.state(), InvitationState::Planned);
    house.advance(Duration::seconds(1)).await;
    let sent = house.get(&planned.invitation_id).await;
    assert_eq!(sent.state(), InvitationState::Sent);
    assert!(sent.link_path.starts_with("/s/") && !sent.questionnaire_id.is_empty());
    assert_eq!(instant(sent.expire_time.as_ref()), house.now() + Duration::days(14));
    let invite = std::fs::read_to_string(folder.path().join(format!("{}-invite.json", sent.invitation_id))).unwrap();
    assert!(invite.contains(&sent.link_path) && invite.contains("感谢"), "{invite}");

    house.advance(Duration::days(3)).await;
    let reminded = house.get(&planned.invitation_id).await;
    assert_eq!(instant(reminded.reminded_time.as_ref()), house.now());
    assert_eq!(reminded.link_path, sent.link_path);
    assert!(folder.path().join(format!("{}-remind.json", sent.invitation_id)).exists());

    house.advance(Duration::days(30)).await;
    let expired = house.get(&planned.invitation_id).await;
    assert_eq!((expired.state(), expired.link_path.as_str()), (InvitationState::Expired, ""));
    use InvitationFact::{Expired, Planned, Reminded, Sent};
    let facts: Vec<_> = house.invitation_facts().await.into_iter().map(|(fact, _)| fact).collect();
    assert_eq!(facts, [Planned, Sent, Reminded, Expired].map(i32::from));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn nobody_is_asked_in_rest_hours(#[case] backend: Backend) {
    let house = open(backend, "").await;
    // 13:30 in Shanghai; three days later it is 13:30 again.
    house.advance(Duration::minutes(210)).await;
    house.resolved(&REPAIR, 5).await;
    let planned = house.invitation(&REPAIR).await;
    assert_eq!(instant(planned.send_time.as_ref()), house.now() + Duration::days(3) + Duration::minutes(30));
    house.advance(Duration::days(4)).await;
    let sent = house.invitation(&REPAIR).await;
    assert_eq!(instant(sent.sent_time.as_ref()), instant(planned.send_time.as_ref()));
    // A timer that fires late, at night, because the service was down: the morning comes first.
    let night = Case { id: "sr_9", customer: "cu_9", ..REPAIR };
    house.resolved(&night, 5).await;
    house.bench.core.clock.advance(Duration::days(3) + Duration::hours(12));
    assert_eq!(house.now(), "2026-03-09T17:30:00Z".parse::<DateTime<Utc>>().unwrap());
    house.advance(Duration::seconds(1)).await;
    let deferred = house.invitation(&night).await;
    assert_eq!((deferred.state(), deferred.reason.as_str()), (InvitationState::Planned, "rest_hours"));
    house.advance(Duration::days(1)).await;
    let sent = house.invitation(&night).await;
    assert_eq!(instant(sent.sent_time.as_ref()), "2026-03-10T00:00:00Z".parse::<DateTime<Utc>>().unwrap());
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn nobody_is_asked_without_consent_or_without_a_cause(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let unwilling = Case { consent: false, ..REPAIR };
    house.resolved(&unwilling, 5).await;
    let skipped = house.invitation(&unwilling).await;
    assert_eq!((skipped.state(), skipped.reason.as_str()), (InvitationState::Suppressed, "no_consent"));
    // Consent taken back between plan and sending.
    house.resolved(&MEMBER, 5).await;
    house.advance(Duration::hours(1)).await;
    house.request(ServiceRequestFact::Updated, &Case { consent: false, ..MEMBER }, 6).await;
    house.advance(Duration::days(9)).await;
    let withdrawn = house.invitation(&MEMBER).await;
    assert_eq!((withdrawn.state(), withdrawn.reason.as_str()), (InvitationState::Suppressed, "no_consent"));
    // A suggestion is nothing to ask about.
    let suggestion = Case { id: "sr_3", kind: "suggestion", customer: "cu_3", ..REPAIR };
    house.resolved(&suggestion, 5).await;
    assert!(house.invitations(&suggestion).await.is_empty());
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_older_word_about_consent_does_not_undo_a_newer_one(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let known = |consent: bool, seen_at| crate::store::customer::Model {
        customer_id: "cu_1".to_owned(),
        tier: "A".to_owned(),
        language: "en".to_owned(),
        consent,
        seen_at,
    };
    let tx = house.bench.core.db.begin().await.unwrap();
    crate::store::customer::remember(&tx, known(false, house.now())).await.unwrap();
    crate::store::customer::remember(&tx, known(true, house.now() - Duration::hours(1))).await.unwrap();
    assert!(!crate::store::customer::find(&tx, "cu_1").await.unwrap().unwrap().consent);
    crate::store::customer::remember(&tx, known(true, house.now() + Duration::hours(1))).await.unwrap();
    assert!(crate::store::customer::find(&tx, "cu_1").await.unwrap().unwrap().consent);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_reopened_case_is_not_asked_about_until_it_is_solved_again(#[case] backend: Backend) {
    let house = open(backend, "").await;
    house.resolved(&REPAIR, 5).await;
    house.advance(Duration::days(1)).await;
    house.request(ServiceRequestFact::Reopened, &REPAIR, 6).await;
    house.advance(Duration::days(8)).await;
    let withdrawn = house.invitation(&REPAIR).await;
    assert_eq!((withdrawn.state(), withdrawn.reason.as_str()), (InvitationState::Suppressed, "request_reopened"));
    house.resolved(&REPAIR, 9).await;
    house.advance(Duration::days(3)).await;
    let states: Vec<_> = house.invitations(&REPAIR).await.iter().map(Invitation::state).collect();
    assert_eq!(states, [InvitationState::Suppressed, InvitationState::Sent]);
    // One that was sent stays what it is.
    house.request(ServiceRequestFact::Reopened, &REPAIR, 10).await;
    assert_eq!(house.invitations(&REPAIR).await[1].state(), InvitationState::Sent);
    // Cancelled after being planned: the same.
    house.resolved(&MEMBER, 5).await;
    house.request(ServiceRequestFact::Cancelled, &MEMBER, 6).await;
    assert_eq!(house.invitation(&MEMBER).await.reason, "request_cancelled");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_customer_is_asked_once_in_the_cooldown_and_the_rare_survey_keeps_its_turn(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let first = house.sent(&REPAIR).await;
    let second = Case { id: "sr_8", ..REPAIR };
    house.resolved(&second, 5).await;
    house.complaint(ComplaintFact::Closed, &REPAIR, 9, "").await;
    house.advance(Duration::days(4)).await;
    let skipped = house.invitation(&second).await;
    assert_eq!((skipped.state(), skipped.reason.as_str()), (InvitationState::Suppressed, "asked_recently"));
    let list = ListInvitationsRequest { complaint_id: "cp_1".to_owned(), ..Default::default() };
    let complaints = async || {
        let page = house.client().list_invitations(house.agent(list.clone())).await.unwrap().into_inner();
        page.invitations.into_iter().next().unwrap()
    };
    let waiting = complaints().await;
    assert_eq!((waiting.state(), waiting.reason.as_str()), (InvitationState::Planned, "cooldown"));
    assert_eq!(instant(waiting.send_time.as_ref()), instant(first.sent_time.as_ref()) + Duration::days(30));
    // A third visit comes due before the cooldown ends, and one right after it: the complaint goes first.
    let third = Case { id: "sr_7", ..REPAIR };
    house.advance(Duration::days(23)).await;
    house.resolved(&third, 5).await;
    house.advance(Duration::days(4)).await;
    let sent = complaints().await;
    assert_eq!(sent.state(), InvitationState::Sent);
    assert_eq!(instant(sent.sent_time.as_ref()), instant(first.sent_time.as_ref()) + Duration::days(30));
    let yielded = house.invitation(&third).await;
    assert_eq!((yielded.state(), yielded.reason.as_str()), (InvitationState::Planned, "cooldown"));
    house.advance(Duration::days(31)).await;
    let sent_at = instant(house.invitation(&third).await.sent_time.as_ref());
    assert_eq!(sent_at, instant(sent.sent_time.as_ref()) + Duration::days(30));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn of_two_who_decided_on_the_same_turn_one_has_to_decide_again(#[case] backend: Backend) {
    use crate::{domain::occasion::Trigger, store::turn};
    let house = open(backend, "").await;
    let db = &house.bench.core.db;
    for round in 0..2 {
        let seen = turn::load(&db.everything(), "cu_1").await.unwrap();
        let seen_too = seen.clone();
        let tx = db.begin().await.unwrap();
        turn::take(&tx, "cu_1", seen, Trigger::VisitCompleted, house.now()).await.unwrap();
        tx.commit().await.unwrap();
        let tx = db.begin().await.unwrap();
        let lost = turn::take(&tx, "cu_1", seen_too, Trigger::ComplaintClosed, house.now()).await.unwrap_err();
        assert_eq!(lost.reason, common::error::reason::CONFLICT, "round {round}");
        drop(tx);
        let last = turn::load(&db.everything(), "cu_1").await.unwrap().last;
        assert_eq!(last.keys().copied().collect::<Vec<_>>(), [Trigger::VisitCompleted]);
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn working_days_are_those_of_the_calendar(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let installation = Case { kind: "installation", ..REPAIR };
    house.resolved(&installation, 5).await;
    // Monday 2 March 2026 and seven working days: Wednesday of the next week.
    let planned = house.invitation(&installation).await;
    assert_eq!(instant(planned.send_time.as_ref()), "2026-03-11T02:00:00Z".parse::<DateTime<Utc>>().unwrap());
    assert_eq!(planned.trigger(), Trigger::Installation);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn answered_on_the_phone_is_asked_the_same_day(#[case] backend: Backend) {
    let house = open(backend, "").await;
    house.request(ServiceRequestFact::Answered, &MEMBER, 2).await;
    house.advance(Duration::hours(1)).await;
    let sent = house.invitation(&MEMBER).await;
    assert_eq!((sent.state(), sent.trigger()), (InvitationState::Sent, Trigger::Consultation));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_planned_invitation_is_withdrawn_and_a_sent_one_is_not(#[case] backend: Backend) {
    let house = open(backend, "").await;
    house.resolved(&REPAIR, 5).await;
    let planned = house.invitation(&REPAIR).await;
    let withdraw = |etag: &str, request_id: &str| {
        house.agent(WithdrawInvitationRequest {
            invitation_id: planned.invitation_id.clone(),
            etag: etag.to_owned(),
            request_id: request_id.to_owned(),
            reason: "asked not to be asked".to_owned(),
        })
    };
    let status = house.client().withdraw_invitation(withdraw("7", "")).await.unwrap_err();
    assert_eq!((reason(&status).as_str(), fact(&status, "present").as_str()), ("STALE_ETAG", "1"));
    let withdrawn = house.client().withdraw_invitation(withdraw("1", "r")).await.unwrap().into_inner();
    assert_eq!((withdrawn.state(), withdrawn.reason.as_str()), (InvitationState::Suppressed, "asked not to be asked"));
    assert_eq!(house.client().withdraw_invitation(withdraw("1", "r")).await.unwrap().into_inner(), withdrawn);
    house.advance(Duration::days(10)).await;
    assert_eq!(house.get(&planned.invitation_id).await, withdrawn);

    let sent = house.sent(&MEMBER).await;
    let again = WithdrawInvitationRequest {
        invitation_id: sent.invitation_id.clone(),
        reason: "too late".to_owned(),
        ..Default::default()
    };
    let status = house.client().withdraw_invitation(house.agent(again)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::FailedPrecondition, "ILLEGAL_TRANSITION"));
    assert_eq!(fact(&status, "allowed"), "remind, save_answers, answer, expire, open_callback");
    assert_eq!(house.get(&sent.invitation_id).await, sent);
}
