//! The customer calls it off after a technician has taken the visit: the visit is cancelled and the part is free again.

use harness::{
    Platform, eventually, steps,
    world::{PUMP, World},
};
use proto::aftercare::{
    dispatch::v1::{DepartWorkOrderRequest, PartsState, WorkOrder, WorkOrderState},
    intake::v1::{CancelServiceRequestRequest, RequestState, ServiceRequest},
};

pub(crate) async fn travel(platform: &Platform, world: &World) {
    let agent = platform.person("agent", "us_wang");
    let dispatcher = platform.person("dispatcher", "us_zhao");
    let (before, _) = world.stock_of(platform, PUMP).await;
    let household = steps::household(&agent, 60).await;
    let request: ServiceRequest = agent.call(steps::repair(&household, &[PUMP])).await;
    steps::triage_and_release(&agent, &request).await;
    let id = &request.service_request_id;
    let order =
        steps::visit(&dispatcher, id, 1, "has its part", |order| order.parts_state() == PartsState::Ready).await;
    let technician_id = steps::assign(&dispatcher, &order).await;
    let technician = platform.person("technician", &technician_id);
    steps::accept(&technician, &order).await;
    assert_eq!(world.stock_of(platform, PUMP).await, (before, 1000));

    let cancel = CancelServiceRequestRequest {
        service_request_id: id.clone(),
        reason: "customer bought a new one".to_owned(),
        ..Default::default()
    };
    let cancelled: ServiceRequest = agent.call(cancel).await;
    assert_eq!(cancelled.state(), RequestState::Cancelled);
    steps::visit(&dispatcher, id, 1, "is cancelled", |order| order.state() == WorkOrderState::Cancelled).await;
    eventually("the pump is free again", async || match world.stock_of(platform, PUMP).await {
        found if found == (before, 0) => Ok(()),
        other => Err(other),
    })
    .await;

    // Nobody drives to a cancelled visit.
    let depart = DepartWorkOrderRequest { work_order_id: order.work_order_id.clone(), ..Default::default() };
    let refusal = technician.refused::<_, WorkOrder>(depart).await;
    assert_eq!(refusal.reason, "ILLEGAL_TRANSITION", "{refusal:?}");
    steps::request_in(&agent, id, RequestState::Cancelled).await;
    assert_eq!(steps::work_orders(&dispatcher, id).await.len(), 1);
}
