//! What is refused before any rule is asked, and the history of what was done.

use proto::aftercare::{
    common::v1::ListTimelineRequest,
    survey::v1::{CloseFollowUpRequest, GetFollowUpRequest, GetResponseRequest, RecordCallbackTryRequest, TryResult},
};
use rstest::rstest;

use super::*;

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn bad_ids_unknown_records_and_unknown_values_are_told_apart(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let mut client = house.client();
    let get = |id: &str| house.agent(GetInvitationRequest { invitation_id: id.to_owned() });
    for (id, code, why) in [
        ("", tonic::Code::InvalidArgument, "INVALID_FIELDS"),
        ("sr_01k0000000000000000000000a", tonic::Code::InvalidArgument, "INVALID_ID"),
        ("iv_01k0000000000000000000000a", tonic::Code::NotFound, "NOT_FOUND"),
    ] {
        let status = client.get_invitation(get(id)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, why), "{id}");
    }
    let status = client
        .get_response(house.agent(GetResponseRequest { response_id: "rp_01k0000000000000000000000a".into() }))
        .await;
    assert_eq!(status.unwrap_err().code(), tonic::Code::NotFound);
    let status = client
        .get_follow_up(house.agent(GetFollowUpRequest { follow_up_id: "fu_01k0000000000000000000000a".into() }))
        .await;
    assert_eq!(fact(&status.unwrap_err(), "record_kind"), "follow_up");
    let list = ListInvitationsRequest { state: 77, page_size: -1, ..Default::default() };
    let status = client.list_invitations(house.agent(list)).await.unwrap_err();
    assert_eq!(fields(&status), ["page_size", "state"]);
    let list = ListInvitationsRequest { page_token: "forged".to_owned(), ..Default::default() };
    assert_eq!(reason(&client.list_invitations(house.agent(list)).await.unwrap_err()), "INVALID_PAGE_TOKEN");
    // DONE is made only by the RPC that brings the answers; a time belongs to CALL_AGAIN and nothing else.
    let record = |result: TryResult, at| RecordCallbackTryRequest {
        callback_id: "cb_01k0000000000000000000000a".to_owned(),
        result: result.into(),
        call_again_time: at,
        ..Default::default()
    };
    let soon = Some(common::convert::timestamp(house.now()));
    for (request, at) in [
        (record(TryResult::Done, None), "result"),
        (record(TryResult::Unspecified, None), "result"),
        (record(TryResult::CallAgain, None), "call_again_time"),
        (record(TryResult::Busy, soon), "call_again_time"),
    ] {
        let status = client.record_callback_try(house.agent(request)).await.unwrap_err();
        assert_eq!(fields(&status), [at]);
    }
    let close = CloseFollowUpRequest { follow_up_id: "fu_01k0000000000000000000000a".into(), ..Default::default() };
    assert_eq!(
        fields(&client.close_follow_up(house.by(Role::Supervisor, close)).await.unwrap_err()),
        ["outcome", "note"]
    );
    let anonymous = GetInvitationRequest { invitation_id: "iv_01k0000000000000000000000a".to_owned() };
    let status = client.get_invitation(Request::new(anonymous)).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_history_of_a_case_and_of_a_customer_is_whole(#[case] backend: Backend) {
    let house = open(backend, "").await;
    let sent = house.sent(&REPAIR).await;
    house.advance(Duration::seconds(1)).await;
    house.submit(&token(&sent), "", answers(2, 5)).await.unwrap();
    let timeline = async |request: ListTimelineRequest| {
        let answer = house.client().list_timeline(house.agent(request)).await.unwrap().into_inner();
        answer.entries.into_iter().map(|entry| (entry.record_kind, entry.action)).collect::<Vec<_>>()
    };
    let case = timeline(ListTimelineRequest { service_request_id: REPAIR.id.to_owned(), ..Default::default() }).await;
    let mut sorted: Vec<_> = case.iter().map(|(kind, action)| format!("{kind}.{action}")).collect();
    assert_eq!(sorted[..2], ["invitation.plan", "invitation.send"]);
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        ["follow_up.open", "invitation.answer", "invitation.plan", "invitation.send", "response.answer"]
    );
    let customer =
        timeline(ListTimelineRequest { customer_id: REPAIR.customer.to_owned(), ..Default::default() }).await;
    assert_eq!(customer, case);
    let record = timeline(ListTimelineRequest { record_id: sent.invitation_id.clone(), ..Default::default() }).await;
    assert_eq!(record.len(), 3);
    // Every version has exactly one event.
    let events = house.bench.events().await.unwrap();
    let mut versions: Vec<_> =
        events.iter().map(|event| (event.aggregate_id.as_str(), event.aggregate_version)).collect();
    let all = versions.len();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), all);
}
