//! One technician refuses, the next one does not answer: both are counted, the visit escalates by itself, and a third offer
//! is taken.

use harness::{Platform, steps, world::World};
use proto::aftercare::{
    dispatch::v1::{EscalationCause, RefuseWorkOrderRequest, WorkOrder, WorkOrderState},
    intake::v1::{RequestState, ServiceRequest},
};

pub(crate) async fn travel(platform: &Platform, _: &World) {
    let agent = platform.person("agent", "us_wang");
    let dispatcher = platform.person("dispatcher", "us_zhao");
    let household = steps::household(&agent, 60).await;
    let request: ServiceRequest = agent.call(steps::repair(&household, &[])).await;
    steps::triage_and_release(&agent, &request).await;
    let id = &request.service_request_id;
    let order = steps::visit(&dispatcher, id, 1, "is there", |_| true).await;

    let first = steps::assign(&dispatcher, &order).await;
    let refuse = RefuseWorkOrderRequest {
        work_order_id: order.work_order_id.clone(),
        reason: "car broke down".to_owned(),
        ..Default::default()
    };
    let refused: WorkOrder = platform.person("technician", &first).call(refuse).await;
    assert_eq!(refused.state(), WorkOrderState::Unassigned);
    assert_eq!(refused.refusals, 1);

    steps::assign(&dispatcher, &order).await;
    let ignored = steps::visit(&dispatcher, id, 1, "is taken back", |order| order.refusals == 2).await;
    assert_eq!(ignored.state(), WorkOrderState::Unassigned);
    let outcomes: Vec<&str> = ignored.past_offers.iter().map(|offer| offer.outcome.as_str()).collect();
    assert_eq!(outcomes, ["refused", "offer_expired"]);
    let escalated = steps::visit(&dispatcher, id, 1, "has gone up a step", |order| order.escalations.len() >= 2).await;
    assert!(escalated.escalated);
    let causes: Vec<EscalationCause> = escalated.escalations.iter().map(|step| step.cause()).collect();
    assert!(
        causes.contains(&EscalationCause::Refused) || causes.contains(&EscalationCause::OfferExpired),
        "{causes:?}"
    );

    let third = steps::assign(&dispatcher, &order).await;
    let technician = platform.person("technician", &third);
    steps::accept(&technician, &order).await;
    let order = steps::order(&dispatcher, &order).await;
    steps::begin(&technician, &order, steps::consent()).await;
    let completed: WorkOrder = technician.call(steps::completion(&order, Vec::new())).await;
    assert_eq!(completed.state(), WorkOrderState::Completed);
    steps::request_in(&agent, id, RequestState::Resolved).await;
    assert_eq!(steps::work_orders(&dispatcher, id).await.len(), 1);
}
