//! Out of warranty: a survey on site, a quote that needs a manager, the customer's consent, and a fee that is not above it.

use harness::{
    Platform, steps,
    world::{PUMP, World},
};
use proto::aftercare::{
    common::v1::UsedPart,
    dispatch::v1::{PartUse, PartsState, WorkOrder, WorkOrderState},
    intake::v1::{
        AcceptQuoteRequest, ApproveServiceRequestRequest, AskApprovalRequest, ChargeKind, CreateServiceRequestRequest,
        QuoteLineInput, QuoteServiceRequestRequest, ReleaseServiceRequestRequest, RequestKind, RequestState,
        ServiceRequest, TriageServiceRequestRequest,
    },
};

const PUMP_PRICE: i64 = 8_900;
const LABOUR: i64 = 600_000;

pub(crate) async fn travel(platform: &Platform, _: &World) {
    let agent = platform.person("agent", "us_wang");
    let dispatcher = platform.person("dispatcher", "us_zhao");
    let household = steps::household(&agent, 1_500).await;

    // Somebody looks at it first; the customer agrees to the price of that on site.
    let look = CreateServiceRequestRequest {
        kind: RequestKind::Inspection.into(),
        fault_code: String::new(),
        ..steps::repair(&household, &[])
    };
    let look: ServiceRequest = agent.call(look).await;
    let service_request_id = || look.service_request_id.clone();
    agent
        .call::<_, ServiceRequest>(TriageServiceRequestRequest {
            service_request_id: service_request_id(),
            ..Default::default()
        })
        .await;
    let release = ReleaseServiceRequestRequest {
        service_request_id: service_request_id(),
        on_site_quote_consent: true,
        ..Default::default()
    };
    agent.call::<_, ServiceRequest>(release).await;
    steps::whole_visit(platform, &look.service_request_id, 1, steps::consent_at(5_000)).await;
    steps::request_in(&agent, &look.service_request_id, RequestState::Resolved).await;

    // The repair that follows from it is charged: no visit without a quote, no such quote without approval.
    let repair =
        CreateServiceRequestRequest { caused_by_id: service_request_id(), ..steps::repair(&household, &[PUMP]) };
    let request: ServiceRequest = agent.call(repair).await;
    assert_eq!(request.charge_kind(), ChargeKind::Charged);
    let id = &request.service_request_id;
    let triage = TriageServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    agent.call::<_, ServiceRequest>(triage).await;
    let release = ReleaseServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    assert_eq!(agent.refused::<_, ServiceRequest>(release).await.reason, "QUOTE_NEEDED");
    let line = |text: &str, sku: &str, price: i64| QuoteLineInput {
        text: text.to_owned(),
        sku: sku.to_owned(),
        quantity_milli: 1000,
        unit_price: Some(steps::fen(price)),
    };
    let quote = QuoteServiceRequestRequest {
        service_request_id: id.clone(),
        lines: vec![line("排水泵", PUMP, PUMP_PRICE), line("人工", "", LABOUR)],
        ..Default::default()
    };
    assert_eq!(agent.refused::<_, ServiceRequest>(quote.clone()).await.reason, "APPROVAL_NEEDED");
    let total = PUMP_PRICE + LABOUR;
    let ask = AskApprovalRequest {
        service_request_id: id.clone(),
        reason: "expensive".to_owned(),
        amount: Some(steps::fen(total)),
        ..Default::default()
    };
    let asked: ServiceRequest = agent.call(ask).await;
    assert_eq!(asked.state(), RequestState::PendingApproval);
    let approve = ApproveServiceRequestRequest { service_request_id: id.clone(), ..Default::default() };
    platform.person("supervisor", "us_sun").refused::<_, ServiceRequest>(approve.clone()).await;
    platform.person("manager", "us_manager").call::<_, ServiceRequest>(approve).await;
    let quoted: ServiceRequest = agent.call(quote).await;
    assert_eq!(quoted.state(), RequestState::PendingQuote);
    let taken = quoted.quotes.last().and_then(|quote| quote.total.clone());
    assert_eq!(taken, Some(steps::fen(total)));
    let accept = AcceptQuoteRequest {
        service_request_id: id.clone(),
        consent: "phone, recording 7".to_owned(),
        ..Default::default()
    };
    agent.call::<_, ServiceRequest>(accept).await;

    // On site nothing above the agreed price can be collected.
    let order =
        steps::visit(&dispatcher, id, 1, "has its part", |order| order.parts_state() == PartsState::Ready).await;
    let technician = platform.person("technician", &steps::assign(&dispatcher, &order).await);
    steps::accept(&technician, &order).await;
    steps::begin(&technician, &order, steps::consent_at(total)).await;
    let used = UsedPart { sku: PUMP.to_owned(), used_milli: 1000, old_part_taken_back: true, ..Default::default() };
    let mut completion = steps::completion(&order, vec![PartUse { part: Some(used), van_reason: String::new() }]);
    completion.fee_collected = Some(steps::fen(total + 1));
    technician.refused::<_, WorkOrder>(completion.clone()).await;
    completion.fee_collected = Some(steps::fen(total));
    let completed: WorkOrder = technician.call(completion).await;
    assert_eq!(completed.state(), WorkOrderState::Completed);
    steps::request_in(&agent, id, RequestState::Resolved).await;
}
