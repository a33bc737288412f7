//! On site a part turns out to be missing that is nowhere: an approved supplementary order brings it, and a second visit
//! finishes the job.

use harness::{
    Platform, eventually, steps,
    world::{BOARD, World},
};
use proto::aftercare::{
    common::v1::{PartLine, UsedPart},
    dispatch::v1::{FailReason, FailWorkOrderRequest, PartUse, PartsState, WorkOrder, WorkOrderState},
    intake::v1::{RequestState, ServiceRequest},
    parts_inventory::v1::{
        ApproveSupplementaryOrderRequest, ListReservationsRequest, ListReservationsResponse,
        PlaceSupplementaryOrderRequest, ReceiveSupplementaryOrderRequest, RequestSupplementaryOrderRequest,
        ReservationState, Responsibility, ShipSupplementaryOrderRequest, SupplementaryOrder, SupplementaryOrderState,
    },
};

pub(crate) async fn travel(platform: &Platform, world: &World) {
    let agent = platform.person("agent", "us_wang");
    let dispatcher = platform.person("dispatcher", "us_zhao");
    let keeper = platform.person("warehouse", "us_keeper");
    let supervisor = platform.person("supervisor", "us_sun");
    let household = steps::household(&agent, 60).await;
    let request: ServiceRequest = agent.call(steps::repair(&household, &[])).await;
    steps::triage_and_release(&agent, &request).await;
    let id = &request.service_request_id;

    // The first visit finds out what is missing.
    let first = steps::visit(&dispatcher, id, 1, "is there", |_| true).await;
    let technician = platform.person("technician", &steps::assign(&dispatcher, &first).await);
    steps::accept(&technician, &first).await;
    steps::begin(&technician, &first, steps::consent()).await;
    let board = PartLine { sku: BOARD.to_owned(), quantity_milli: 1000 };
    let fail = FailWorkOrderRequest {
        work_order_id: first.work_order_id.clone(),
        reason: FailReason::PartsMissing.into(),
        parts_wanted: vec![board.clone()],
        ..Default::default()
    };
    let failed: WorkOrder = technician.call(fail).await;
    assert_eq!(failed.state(), WorkOrderState::Failed);

    // The second visit makes itself, and waits for the part.
    let second = steps::visit(&dispatcher, id, 2, "is short", |order| order.parts_state() == PartsState::Short).await;
    assert_eq!(second.short_skus, [BOARD]);

    // Nobody approves an order of their own.
    let ask = RequestSupplementaryOrderRequest {
        work_order_id: second.work_order_id.clone(),
        service_request_id: id.clone(),
        customer_id: household.customer_id.clone(),
        lines: vec![board],
        location_id: world.central.clone(),
        reason: "nowhere_in_stock".to_owned(),
        responsibility: Responsibility::Production.into(),
        ..Default::default()
    };
    let asked: SupplementaryOrder = supervisor.call(ask).await;
    let order_id = || asked.supplementary_order_id.clone();
    let approve = ApproveSupplementaryOrderRequest {
        supplementary_order_id: order_id(),
        signature_file_id: "signature-9".to_owned(),
        ..Default::default()
    };
    supervisor.refused::<_, SupplementaryOrder>(approve.clone()).await;
    let approved: SupplementaryOrder = platform.person("manager", "us_manager").call(approve).await;
    assert_eq!(approved.state(), SupplementaryOrderState::Approved);
    let place = PlaceSupplementaryOrderRequest {
        supplementary_order_id: order_id(),
        factory_reference: "F-1".to_owned(),
        ..Default::default()
    };
    keeper.call::<_, SupplementaryOrder>(place).await;
    let ship = ShipSupplementaryOrderRequest {
        supplementary_order_id: order_id(),
        consignment: "SF-1".to_owned(),
        ..Default::default()
    };
    keeper.call::<_, SupplementaryOrder>(ship).await;
    let receive = ReceiveSupplementaryOrderRequest { supplementary_order_id: order_id(), ..Default::default() };
    let received: SupplementaryOrder = keeper.call(receive).await;
    assert_eq!(received.state(), SupplementaryOrderState::Received);

    // With the part there, the reservation holds and the second visit goes ahead.
    let second =
        steps::visit(&dispatcher, id, 2, "has its part", |order| order.parts_state() == PartsState::Ready).await;
    let technician = platform.person("technician", &steps::assign(&dispatcher, &second).await);
    steps::accept(&technician, &second).await;
    steps::begin(&technician, &second, steps::consent()).await;
    let used = UsedPart { sku: BOARD.to_owned(), used_milli: 1000, old_part_taken_back: true, ..Default::default() };
    let used = PartUse { part: Some(used), van_reason: String::new() };
    let completed: WorkOrder = technician.call(steps::completion(&second, vec![used])).await;
    assert_eq!(completed.state(), WorkOrderState::Completed);
    steps::request_in(&agent, id, RequestState::Resolved).await;

    eventually("the part is booked as used, once", async || {
        let list = ListReservationsRequest { service_request_id: id.clone(), ..Default::default() };
        let found = keeper.call::<_, ListReservationsResponse>(list).await.reservations;
        let consumed = found.iter().filter(|one| one.state() == ReservationState::Consumed).count();
        let stock = world.stock_of(platform, BOARD).await;
        if consumed == 1 && stock == (0, 0) { Ok(()) } else { Err((consumed, stock)) }
    })
    .await;
    assert_eq!(steps::work_orders(&dispatcher, id).await.len(), 2);
}
