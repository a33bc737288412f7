//! An unhappy answer opens a complaint by itself; it is judged, its cause is found, the work is done again for nothing, and
//! the customer is satisfied.

use harness::{Platform, eventually, steps, world::World};
use proto::aftercare::{
    common::v1::Attachment,
    complaint::v1::{
        AcknowledgeComplaintRequest, AgreementKind, ApproveSolutionRequest, ArchiveComplaintRequest, Complaint,
        ComplaintChannel, ComplaintState, FollowUpResult, GetComplaintRequest, InvestigateComplaintRequest,
        JudgeComplaintRequest, ListComplaintsRequest, ListComplaintsResponse, PlannedRemedy, ProposeSolutionsRequest,
        ProposedSolution, RecordAgreementRequest, RecordFollowUpRequest, Remedy, ResponsibilityShare, Verdict,
    },
    intake::v1::{ChargeKind, ListServiceRequestsRequest, ListServiceRequestsResponse, RequestState, ServiceRequest},
};

pub(crate) async fn travel(platform: &Platform, _: &World) {
    let agent = platform.person("agent", "us_wang");
    let quality = platform.person("quality", "us_chen");
    let household = steps::household(&agent, 60).await;
    let request: ServiceRequest = agent.call(steps::repair(&household, &[])).await;
    steps::triage_and_release(&agent, &request).await;
    let id = &request.service_request_id;
    let technician_id = steps::whole_visit(platform, id, 1, steps::consent()).await;
    steps::request_in(&agent, id, RequestState::Resolved).await;
    let invitation = steps::invitation(&quality, id).await;
    let thanks = steps::answer(&platform.person("customer_link", "link"), &invitation, 1, 0).await;
    assert!(thanks.we_will_call);

    // The complaint opens by itself, and names what it is about.
    let of_customer = || ListComplaintsRequest { customer_id: household.customer_id.clone(), ..Default::default() };
    let complaint = eventually("there is a complaint", async || {
        let found = quality.call::<_, ListComplaintsResponse>(of_customer()).await.complaints;
        found.first().cloned().ok_or("none")
    })
    .await;
    assert_eq!(complaint.state(), ComplaintState::Received);
    assert_eq!(complaint.channel(), ComplaintChannel::Survey);
    assert!(complaint.service_request_ids.contains(id));
    let complaint_id = || complaint.complaint_id.clone();
    let file = || vec![Attachment { file_id: "photo-1".to_owned(), label: "photo".to_owned() }];

    let acknowledge = AcknowledgeComplaintRequest { complaint_id: complaint_id(), ..Default::default() };
    agent.call::<_, Complaint>(acknowledge).await;
    let judge = JudgeComplaintRequest {
        complaint_id: complaint_id(),
        verdict: Verdict::Founded.into(),
        grounds: "photos".to_owned(),
        ..Default::default()
    };
    let judged: Complaint = quality.call(judge).await;
    assert_eq!(judged.state(), ComplaintState::Investigating);
    let share = ResponsibilityShare {
        org_unit_id: harness::world::OFFICE.to_owned(),
        person_id: technician_id,
        percent: 100,
        ..Default::default()
    };
    let investigate = InvestigateComplaintRequest {
        complaint_id: complaint_id(),
        cause_code: "repair.bad_work".to_owned(),
        cause: "the hose was loose".to_owned(),
        shares: vec![share],
        evidence: file(),
        ..Default::default()
    };
    quality.call::<_, Complaint>(investigate).await;
    let rework = PlannedRemedy { remedy: Remedy::Rework.into(), ..Default::default() };
    let propose = ProposeSolutionsRequest {
        complaint_id: complaint_id(),
        solutions: vec![ProposedSolution { description: "do it again".to_owned(), remedies: vec![rework] }],
        ..Default::default()
    };
    quality.call::<_, Complaint>(propose).await;
    let approve = ApproveSolutionRequest { complaint_id: complaint_id(), solution_no: 1, ..Default::default() };
    let approved: Complaint = platform.person("manager", "us_manager").call(approve).await;
    assert_eq!(approved.state(), ComplaintState::Implementing);
    let agree = RecordAgreementRequest {
        complaint_id: complaint_id(),
        kind: AgreementKind::Recording.into(),
        file_id: "recording-1".to_owned(),
        ..Default::default()
    };
    agent.call::<_, Complaint>(agree).await;

    // The work is done again, once, and for nothing.
    let of_customer_requests =
        || ListServiceRequestsRequest { customer_id: household.customer_id.clone(), ..Default::default() };
    let again = eventually("the rework is asked for", async || {
        let found = agent.call::<_, ListServiceRequestsResponse>(of_customer_requests()).await.service_requests;
        found.iter().find(|one| one.caused_by_id == *id).cloned().ok_or(found.len())
    })
    .await;
    assert_eq!(again.charge_kind(), ChargeKind::InWarranty);
    assert_eq!(again.complaint_id, complaint.complaint_id);
    steps::triage_and_release(&agent, &again).await;
    steps::whole_visit(platform, &again.service_request_id, 1, steps::consent()).await;
    eventually("the complaint is followed up", async || {
        let now: Complaint = quality.call(GetComplaintRequest { complaint_id: complaint_id() }).await;
        if now.state() == ComplaintState::FollowUp { Ok(()) } else { Err(now.state()) }
    })
    .await;
    let satisfied = RecordFollowUpRequest {
        complaint_id: complaint_id(),
        result: FollowUpResult::Satisfied.into(),
        ..Default::default()
    };
    let closed: Complaint = agent.call(satisfied).await;
    assert_eq!(closed.state(), ComplaintState::Closed);
    let archive = ArchiveComplaintRequest {
        complaint_id: complaint_id(),
        lesson: "check the hoses".to_owned(),
        prevention: "training".to_owned(),
        ..Default::default()
    };
    let archived: Complaint = platform.person("quality", "us_deng").call(archive).await;
    assert_eq!(archived.state(), ComplaintState::Archived);

    assert_eq!(quality.call::<_, ListComplaintsResponse>(of_customer()).await.complaints.len(), 1);
    let requests = agent.call::<_, ListServiceRequestsResponse>(of_customer_requests()).await.service_requests;
    assert_eq!(requests.len(), 2, "the first request and its rework, nothing else");
}
