//! A washing machine in warranty is repaired at home with a part from stock, and the customer is satisfied.

use std::collections::BTreeSet;

use harness::{
    Faults, Person, Platform, Surface, steps,
    world::{PUMP, World},
};
use proto::aftercare::{
    common::v1::UsedPart,
    dispatch::v1::{CompleteWorkOrderRequest, PartUse, PartsState, WorkOrder, WorkOrderState},
    gateway::v1::{
        CreateLinkRequest, GetLinkedPageRequest, GetLinkedServiceReportRequest, GetServiceReportRequest, LinkPurpose,
        LinkWithToken, LinkedPage,
    },
    intake::v1::{ChargeKind, RequestState, ServiceRequest},
};
use proto::google::api::HttpBody;

pub(crate) async fn travel(platform: &Platform, world: &World) {
    let agent = platform.person("agent", "us_wang");
    let dispatcher = platform.person("dispatcher", "us_zhao");
    let (before, _) = world.stock_of(platform, PUMP).await;

    // The call: what it is, that we pay, and by when we must act.
    let household = steps::household(&agent, 60).await;
    let request: ServiceRequest = agent.call(steps::repair(&household, &[PUMP])).await;
    assert_eq!(request.state(), RequestState::New);
    assert_eq!(request.charge_kind(), ChargeKind::InWarranty);
    assert!(request.number.starts_with("SR-"), "{}", request.number);
    assert!(!request.deadlines.is_empty(), "nobody says by when");
    steps::triage_and_release(&agent, &request).await;

    // Dispatch makes the visit by itself, parts reserves the pump.
    let id = &request.service_request_id;
    let order =
        steps::visit(&dispatcher, id, 1, "has its part", |order| order.parts_state() == PartsState::Ready).await;
    assert_eq!(world.stock_of(platform, PUMP).await, (before, 1000));
    steps::request_in(&agent, id, RequestState::Scheduled).await;

    // The customer takes one of the windows that can really be served; then the technician's day.
    let technician_id = steps::book(&agent, &order).await;
    let technician = platform.person("technician", &technician_id);
    steps::accept(&technician, &order).await;
    let started = steps::begin(&technician, &order, steps::consent()).await;
    steps::request_in(&agent, id, RequestState::InService).await;

    // Without parts, test and signature nothing is finished, and the refusal changes nothing.
    let bare = CompleteWorkOrderRequest { work_order_id: order.work_order_id.clone(), ..Default::default() };
    let refusal = technician.refused::<_, WorkOrder>(bare).await;
    assert_eq!(refusal.code, tonic::Code::FailedPrecondition, "{refusal:?}");
    // (What intake tells dispatch meanwhile may change the order, but not what is written down on site.)
    let still = steps::order(&technician, &order).await;
    assert_eq!((still.state(), still.record), (WorkOrderState::InProgress, started.record));

    let report = GetServiceReportRequest { work_order_id: order.work_order_id.clone(), language: "zh-CN".to_owned() };
    let refusal = technician.refused::<_, HttpBody>(report.clone()).await;
    assert_eq!(refusal.reason, "REPORT_NOT_READY", "{refusal:?}");

    let used = UsedPart { sku: PUMP.to_owned(), used_milli: 1000, old_part_taken_back: true, ..Default::default() };
    let used = PartUse { part: Some(used), van_reason: String::new() };
    let completed: WorkOrder = technician.call(steps::completion(&order, vec![used])).await;
    assert_eq!(completed.state(), WorkOrderState::Completed);
    steps::verify(&dispatcher, &order).await;
    reported(platform, &request, &completed, report).await;

    // Stock, request and survey follow by themselves.
    steps::request_in(&agent, id, RequestState::Resolved).await;
    harness::eventually("the pump has left stock", async || match world.stock_of(platform, PUMP).await {
        found if found == (before - 1000, 0) => Ok(()),
        other => Err(other),
    })
    .await;
    let invitation = steps::invitation(&platform.person("quality", "us_chen"), id).await;
    let thanks = steps::answer(&platform.person("customer_link", "link"), &invitation, 5, 10).await;
    assert!(!thanks.we_will_call);
    steps::request_in(&agent, id, RequestState::Closed).await;

    // Nothing is lost and nothing is there twice.
    assert_eq!(steps::work_orders(&dispatcher, id).await.len(), 1);
    assert_eq!(steps::invitations(&platform.person("quality", "us_chen"), id).await.len(), 1);
    let history = steps::timeline(platform, &household.customer_id).await;
    let services: BTreeSet<&str> = history.entries.iter().map(|entry| entry.service.as_str()).collect();
    for service in ["intake", "dispatch", "parts-inventory", "survey"] {
        assert!(services.contains(service), "{service} is missing in {services:?}");
    }
    let versions: BTreeSet<_> = history.entries.iter().map(|entry| (&entry.record_id, entry.record_version)).collect();
    assert_eq!(versions.len(), history.entries.len(), "a change stands twice in the history");
    let order_of = |entry: &proto::aftercare::common::v1::TimelineEntry| {
        entry.at.map(|at| (at.seconds, at.nanos)).unwrap_or_default()
    };
    assert!(history.entries.is_sorted_by_key(order_of), "the history is out of order");
}

/// The visit as a paper: for the office, and for the customer by a link.
async fn reported(platform: &Platform, request: &ServiceRequest, order: &WorkOrder, report: GetServiceReportRequest) {
    let agent = platform.person("agent", "us_wang");
    let paper: HttpBody = agent.call(report.clone()).await;
    assert_eq!(paper.content_type, "application/pdf");
    let text = read(&paper.data);
    for part in ["服务报告单", &order.number, &request.number, PUMP, "试机正常", "本人", &request.contact_phone]
    {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    assert_eq!(agent.call::<_, HttpBody>(report.clone()).await, paper, "the same record, the same paper");

    let link = CreateLinkRequest {
        purpose: LinkPurpose::Progress.into(),
        record_id: request.service_request_id.clone(),
        ..Default::default()
    };
    // Once only: a repeat does not show the token again.
    let once = Person::new(platform.door().clone(), "agent", "us_wang", Surface::Rest, Faults::None);
    let link: LinkWithToken = once.call(link).await;
    let customer = platform.person("customer_link", "somebody");
    let page: LinkedPage = customer.call(GetLinkedPageRequest { token: link.token.clone() }).await;
    assert!(page.visits.iter().any(|visit| visit.number == order.number && visit.service_report), "{page:?}");
    let asked = |number: &str| GetLinkedServiceReportRequest {
        token: link.token.clone(),
        number: number.to_owned(),
        language: "en".to_owned(),
    };
    let text = read(&customer.call::<_, HttpBody>(asked(&order.number)).await.data);
    assert!(text.contains("Service report") && text.contains(&order.number), "{text}");
    assert!(!text.contains(&request.contact_phone), "whoever holds the link reads the telephone: {text}");
    assert_eq!(customer.refused::<_, HttpBody>(asked("WO-1999-000001")).await.reason, "NOT_FOUND");
}

fn read(pdf: &[u8]) -> String {
    let document = lopdf::Document::load_mem(pdf).unwrap();
    let pages: Vec<u32> = document.get_pages().into_keys().collect();
    document.extract_text(&pages).unwrap().replace('\n', "")
}
