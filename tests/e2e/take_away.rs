//! The machine cannot be repaired at home: it is taken away against a receipt, repaired, and brought back.

use harness::{Platform, steps, world::World};
use proto::aftercare::{
    dispatch::v1::{
        ResumeWorkOrderRequest, ReturnTakenItemRequest, Signature, SuspendCause, SuspendWorkOrderRequest,
        TakeAwayReceipt, WorkOrder, WorkOrderState,
    },
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
    let technician = platform.person("technician", &steps::assign(&dispatcher, &order).await);
    steps::accept(&technician, &order).await;
    steps::begin(&technician, &order, steps::consent()).await;

    // Nothing leaves a home without a receipt.
    let mut suspend = SuspendWorkOrderRequest {
        work_order_id: order.work_order_id.clone(),
        cause: SuspendCause::TakeAway.into(),
        ..Default::default()
    };
    technician.refused::<_, WorkOrder>(suspend.clone()).await;
    let signature =
        Signature { file_id: "signature-2".to_owned(), signed_as: "本人".to_owned(), ..Default::default() };
    suspend.receipt =
        Some(TakeAwayReceipt {
            item: "洗衣机，外观完好".to_owned(), signature: Some(signature), ..Default::default()
        });
    let taken: WorkOrder = technician.call(suspend).await;
    assert_eq!(taken.state(), WorkOrderState::Suspended);
    let receipt = taken.record.and_then(|record| record.receipt).unwrap_or_default();
    assert!(!receipt.receipt_number.is_empty() && receipt.taken_at.is_some());

    // Repaired, but not finished before the customer has it back.
    let resume = ResumeWorkOrderRequest { work_order_id: order.work_order_id.clone(), ..Default::default() };
    technician.call::<_, WorkOrder>(resume).await;
    technician.refused::<_, WorkOrder>(steps::completion(&order, Vec::new())).await;
    let back = ReturnTakenItemRequest {
        work_order_id: order.work_order_id.clone(),
        note: "paper taken back".to_owned(),
        ..Default::default()
    };
    technician.call::<_, WorkOrder>(back).await;
    let completed: WorkOrder = technician.call(steps::completion(&order, Vec::new())).await;
    assert_eq!(completed.state(), WorkOrderState::Completed);
    steps::request_in(&agent, id, RequestState::Resolved).await;
}
