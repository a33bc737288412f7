//! Facts of others: each acts once, twice told or told in another order.

use common::{record::Role, testing::Backend};
use prost::Message as _;
use proto::aftercare::{
    complaint::v1::{
        ActionDecision, Complaint, ComplaintChannel, ComplaintEvent, ComplaintFact, ComplaintState,
        DecideActionRequest, ListComplaintsRequest, RemedyActionState, Severity,
    },
    intake::v1::{ServiceRequestEvent, ServiceRequestFact},
    survey::v1::{ResponseEvent, ResponseFact},
};
use rstest::rstest;

use crate::rpc::testing::*;

fn complained(kind: &str) -> ServiceRequestEvent {
    ServiceRequestEvent {
        service_request_id: "sr_7".to_owned(),
        number: "SR-2026-000007".to_owned(),
        kind: kind.to_owned(),
        urgency: "normal".to_owned(),
        customer_id: "cu_7".to_owned(),
        org_unit_id: "ou_2".to_owned(),
        product_id: "pr_7".to_owned(),
        survey_consent: true,
        ..Default::default()
    }
}

fn rework(complaint: &Complaint) -> ServiceRequestEvent {
    ServiceRequestEvent {
        service_request_id: "sr_8".to_owned(),
        kind: "repair".to_owned(),
        customer_id: complaint.customer_id.clone(),
        complaint_id: complaint.complaint_id.clone(),
        reason: "customer_away".to_owned(),
        ..Default::default()
    }
}

async fn all(desk: &Desk) -> Vec<Complaint> {
    run!(desk, desk.call(Role::Agent), list_complaints, ListComplaintsRequest::default()).unwrap().complaints
}

fn states(complaint: &Complaint) -> Vec<RemedyActionState> {
    complaint.implementation.as_ref().unwrap().actions.iter().map(|action| action.state()).collect()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_request_of_kind_complaint_opens_one_complaint(#[case] backend: Backend) {
    let desk = desk(backend).await;
    desk.request(ServiceRequestFact::Created, complained("repair")).await;
    assert_eq!(all(&desk).await, []);
    desk.request(ServiceRequestFact::Created, complained("complaint")).await;
    desk.request(ServiceRequestFact::Created, complained("complaint")).await;
    desk.request(ServiceRequestFact::Updated, complained("complaint")).await;
    let opened = all(&desk).await;
    assert_eq!(opened.len(), 1);
    let complaint = &opened[0];
    assert_eq!(complaint.service_request_ids, ["sr_7"]);
    assert_eq!(complaint.product_ids, ["pr_7"]);
    assert_eq!((&*complaint.org_unit_id, &*complaint.about_org_unit_id), ("ou_2", "ou_2"));
    assert_eq!((complaint.joined_count, complaint.severity()), (0, Severity::Normal));
    assert!(complaint.survey_consent);
    assert_eq!(desk.facts(complaint).await, [ComplaintFact::Received]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_unhappy_answer_opens_one_complaint(#[case] backend: Backend) {
    let desk = desk(backend).await;
    let answer = |follow_up: &str, id: &str| ResponseEvent {
        fact: ResponseFact::Answered.into(),
        response_id: id.to_owned(),
        customer_id: "cu_7".to_owned(),
        service_request_id: "sr_7".to_owned(),
        work_order_id: "wo_7".to_owned(),
        technician_id: "te_7".to_owned(),
        org_unit_id: "ou_2".to_owned(),
        nps: 1,
        low: true,
        follow_up: follow_up.to_owned(),
        ..Default::default()
    };
    for (follow_up, id) in [("follow_up", "rp_0"), ("complaint", "rp_1"), ("complaint", "rp_1"), ("complaint", "rp_2")]
    {
        desk.bench.deliver("survey", "response", id, 1, &answer(follow_up, id)).await.unwrap();
    }
    let opened = all(&desk).await;
    assert_eq!(opened.len(), 1);
    let complaint = &opened[0];
    assert_eq!(complaint.channel(), ComplaintChannel::Survey);
    assert_eq!(complaint.work_order_ids, ["wo_7"]);
    assert_eq!(complaint.technician_ids, ["te_7"]);
    assert_eq!(
        (&complaint.survey_response_ids[..], complaint.joined_count),
        (&["rp_1".to_owned(), "rp_2".to_owned()][..], 1)
    );
    assert_eq!(desk.facts(complaint).await, [ComplaintFact::Received, ComplaintFact::Linked]);
    // The linking event names the answer that joined, so that survey can link it back.
    let last = desk.bench.events().await.unwrap().pop().unwrap();
    assert_eq!(ComplaintEvent::decode(last.payload.as_slice()).unwrap().survey_response_id, "rp_2");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_request_made_for_it_does_not_change_its_matter(#[case] backend: Backend) {
    let desk = desk(backend).await;
    let mut bare = receive_request();
    bare.service_request_id = String::new();
    let complaint = run!(desk, desk.call(Role::Agent), receive_complaint, bare.clone()).unwrap();
    desk.request(ServiceRequestFact::Created, rework(&complaint)).await;
    assert_eq!(desk.get(&complaint).await.service_request_ids, ["sr_8"]);
    let joined = run!(desk, desk.call(Role::Agent), receive_complaint, bare).unwrap();
    assert_eq!((&joined.complaint_id, joined.joined_count), (&complaint.complaint_id, 1));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_rework_request_does_its_action_and_the_customer_is_asked(#[case] backend: Backend) {
    let desk = desk(backend).await;
    let complaint = desk.implementing().await;
    desk.request(ServiceRequestFact::Created, rework(&complaint)).await;
    desk.request(ServiceRequestFact::Created, rework(&complaint)).await;
    let linked = desk.get(&complaint).await;
    assert_eq!(states(&linked), [RemedyActionState::InProgress, RemedyActionState::Open]);
    assert_eq!(linked.service_request_ids, ["sr_1", "sr_8"]);

    let complaint = desk.agree(&complaint).await;
    desk.complete(&complaint, 2).await.unwrap();
    desk.request(ServiceRequestFact::Resolved, rework(&complaint)).await;
    let asked = desk.get(&complaint).await;
    assert_eq!(asked.state(), ComplaintState::FollowUp);
    assert_eq!(states(&asked), [RemedyActionState::Done, RemedyActionState::Done]);
    // Told again, or told that it closed: nothing more happens.
    desk.request(ServiceRequestFact::Resolved, rework(&complaint)).await;
    desk.request(ServiceRequestFact::Closed, rework(&complaint)).await;
    desk.request(ServiceRequestFact::Cancelled, rework(&complaint)).await;
    unchanged(&desk, &asked).await;
    let facts = desk.facts(&complaint).await;
    let last: Vec<_> = facts.into_iter().rev().take(4).collect();
    assert_eq!(
        last,
        [ComplaintFact::Implemented, ComplaintFact::ActionDone, ComplaintFact::Agreed, ComplaintFact::Linked]
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn resolved_before_created_counts_once(#[case] backend: Backend) {
    let desk = desk(backend).await;
    let complaint = desk.implementing().await;
    desk.request(ServiceRequestFact::Resolved, rework(&complaint)).await;
    let done = desk.get(&complaint).await;
    assert_eq!(states(&done), [RemedyActionState::Done, RemedyActionState::Open]);
    desk.request(ServiceRequestFact::Created, rework(&complaint)).await;
    unchanged(&desk, &done).await;
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_cancelled_rework_waits_for_a_decision(#[case] backend: Backend) {
    let desk = desk(backend).await;
    let complaint = desk.implementing().await;
    desk.request(ServiceRequestFact::Created, rework(&complaint)).await;
    let complaint = desk.agree(&complaint).await;
    let decide = |decision: ActionDecision| DecideActionRequest {
        complaint_id: complaint.complaint_id.clone(),
        action_no: 1,
        decision: decision.into(),
        reason: "the customer is away".to_owned(),
        ..Default::default()
    };
    let early = run!(desk, desk.call(Role::Supervisor), decide_action, decide(ActionDecision::Drop));
    assert_eq!(refusal(early), "ACTION_NOT_OPEN");
    desk.request(ServiceRequestFact::Cancelled, rework(&complaint)).await;
    desk.request(ServiceRequestFact::Cancelled, rework(&complaint)).await;
    let waiting = desk.get(&complaint).await;
    assert_eq!(states(&waiting), [RemedyActionState::NeedsDecision, RemedyActionState::Open]);
    assert_eq!(waiting.state(), ComplaintState::Implementing);

    let again = run!(desk, desk.call(Role::Supervisor), decide_action, decide(ActionDecision::Retry)).unwrap();
    assert_eq!(states(&again), [RemedyActionState::Open, RemedyActionState::Open]);
    let mut second = rework(&complaint);
    second.service_request_id = "sr_9".to_owned();
    desk.request(ServiceRequestFact::Created, second.clone()).await;
    desk.request(ServiceRequestFact::Cancelled, second).await;
    desk.complete(&complaint, 2).await.unwrap();
    let dropped = run!(desk, desk.call(Role::Supervisor), decide_action, decide(ActionDecision::Drop)).unwrap();
    assert_eq!(states(&dropped), [RemedyActionState::Dropped, RemedyActionState::Done]);
    assert_eq!(dropped.state(), ComplaintState::FollowUp);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_request_of_an_unknown_complaint_harms_nothing(#[case] backend: Backend) {
    let desk = desk(backend).await;
    let complaint = desk.implementing().await;
    let mut lost = rework(&complaint);
    lost.complaint_id = "cp_00000000000000000000000000".to_owned();
    for fact in [ServiceRequestFact::Created, ServiceRequestFact::Resolved, ServiceRequestFact::Cancelled] {
        desk.request(fact, lost.clone()).await;
    }
    unchanged(&desk, &complaint).await;
}
