//! Other services' facts: in order, twice, late, of things we do not know.

use common::testing::Backend;
use proto::aftercare::{
    complaint::v1::{ComplaintEvent, ComplaintFact},
    dispatch::v1::WorkOrderFact,
    intake::v1::*,
    parts_inventory::v1::{ReturnEvent, ReturnFact},
    survey::v1::{ResponseEvent, ResponseFact},
};
use rstest::rstest;

use super::{World, names, world};
use crate::rpc::*;

async fn requests(world: &World) -> Vec<ServiceRequest> {
    let request = ListServiceRequestsRequest::default();
    list_service_requests::handle(&world.ctx, &world.agent(), request).await.unwrap().service_requests
}

async fn complaint(world: &World, event: &ComplaintEvent) {
    world.bench.deliver("complaint", "complaint", &event.complaint_id, 1, event).await.unwrap();
}

async fn returned(world: &World, event: &ReturnEvent) {
    world.bench.deliver("parts-inventory", "return", &event.return_id, 1, event).await.unwrap();
}

async fn answered(world: &World, event: &ResponseEvent) {
    world.bench.deliver("survey", "response", &event.response_id, 1, event).await.unwrap();
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_failed_visit_asks_for_the_next_one_and_repeats_change_nothing(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = world.request().await.service_request_id;
    world.triage(&id).await;
    world.release(&id).await;
    for fact in [WorkOrderFact::Created, WorkOrderFact::Created, WorkOrderFact::Failed, WorkOrderFact::Failed] {
        world.visit(&id, "wo_1", 1, fact).await;
    }
    let next = world.get(&id).await;
    assert_eq!((next.state(), next.visit_number, next.work_order_id.as_str()), (RequestState::Ready, 2, ""));
    world.visit(&id, "wo_1", 1, WorkOrderFact::Completed).await;
    world.visit(&id, "wo_2", 1, WorkOrderFact::Created).await;
    world.visit(&id, "wo_2", 2, WorkOrderFact::Created).await;
    world.visit(&id, "wo_2", 2, WorkOrderFact::Cancelled).await;
    world.visit("sr_unknown", "wo_9", 1, WorkOrderFact::Created).await;
    let told = world.facts(&id).await;
    use ServiceRequestFact::{Created, Released, Scheduled, Triaged, VisitNeeded};
    assert_eq!(names(&told), [Created, Triaged, Released, Scheduled, VisitNeeded, Scheduled, VisitNeeded]);
    assert_eq!((told[4].visit_number, told[6].visit_number), (2, 3));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_exchange_registers_the_new_product_and_its_warranty_starts_anew(#[case] backend: Backend) {
    let world = world(backend).await;
    let customer = world.customer("13800138000").await;
    let product = world.product(&customer, "LX2601A", "2026-01-10").await;
    let wanted =
        CreateServiceRequestRequest { kind: RequestKind::Exchange.into(), ..world.wanted(&customer, &product) };
    let id = world.create(wanted).await.service_request_id;
    let mut event = ReturnEvent {
        fact: ReturnFact::Disposed.into(),
        return_id: "rt_1".to_owned(),
        service_request_id: id.clone(),
        product_id: product.product_id.clone(),
        disposition: "exchange".to_owned(),
        new_serial: "LX2602B".to_owned(),
        ..Default::default()
    };
    returned(&world, &event).await;
    assert_eq!(world.get(&id).await.state(), RequestState::New, "only a closed return settles it");
    event.fact = ReturnFact::Closed.into();
    returned(&world, &event).await;
    returned(&world, &event).await;
    let settled = world.get(&id).await;
    assert_eq!(settled.state(), RequestState::Resolved);
    let get = |id: &str| GetProductRequest { product_id: id.to_owned() };
    let new = get_product::handle(&world.ctx, &world.agent(), get(&settled.replacement_product_id)).await.unwrap();
    assert_eq!(
        (new.serial_number.as_str(), new.install_date.as_str(), new.replaces_id),
        ("LX2602B", "2026-03-02", product.product_id.clone())
    );
    let old = get_product::handle(&world.ctx, &world.agent(), get(&product.product_id)).await.unwrap();
    assert_eq!((old.state.as_str(), old.replaced_by_id), ("exchanged", new.product_id.clone()));
    let ask = ResolveWarrantyRequest { product_id: new.product_id, ..Default::default() };
    let answer = resolve_warranty::handle(&world.ctx, &world.agent(), ask).await.unwrap();
    assert_eq!((answer.end_date.as_str(), answer.deductions.len()), ("2027-03-01", 0));
    assert_eq!(names(&world.facts(&id).await), [ServiceRequestFact::Created, ServiceRequestFact::Resolved]);
    let list = ListProductsRequest { customer_id: customer.customer_id, ..Default::default() };
    assert_eq!(list_products::handle(&world.ctx, &world.agent(), list).await.unwrap().products.len(), 2);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_refund_settles_and_a_repair_is_not_settled_by_goods(#[case] backend: Backend) {
    let world = world(backend).await;
    let repair = world.request().await;
    let customer = Customer { customer_id: repair.customer_id.clone(), ..Default::default() };
    let product = Product { product_id: repair.product_id.clone(), ..Default::default() };
    let wanted = CreateServiceRequestRequest { kind: RequestKind::Return.into(), ..world.wanted(&customer, &product) };
    let refund = world.create(wanted).await;
    for request in [&repair, &refund] {
        let event = ReturnEvent {
            fact: ReturnFact::Closed.into(),
            return_id: "rt_1".to_owned(),
            service_request_id: request.service_request_id.clone(),
            disposition: "refund".to_owned(),
            ..Default::default()
        };
        returned(&world, &event).await;
    }
    assert_eq!(world.get(&repair.service_request_id).await.state(), RequestState::New);
    let settled = world.get(&refund.service_request_id).await;
    assert_eq!((settled.state(), settled.state_reason.as_str()), (RequestState::Resolved, "refund"));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_approved_complaint_makes_one_request_per_remedy(#[case] backend: Backend) {
    let world = world(backend).await;
    let before = world.solved().await;
    let approved = ComplaintEvent {
        fact: ComplaintFact::Approved.into(),
        complaint_id: "cp_1".to_owned(),
        number: "CP-2026-000001".to_owned(),
        customer_id: before.customer_id.clone(),
        service_request_id: before.service_request_id.clone(),
        remedies: vec!["apology".to_owned(), "rework".to_owned(), "refund".to_owned()],
        ..Default::default()
    };
    complaint(&world, &approved).await;
    complaint(&world, &approved).await;
    let mut made: Vec<_> = requests(&world).await.into_iter().filter(|one| one.complaint_id == "cp_1").collect();
    made.sort_by(|one, two| one.number.cmp(&two.number));
    let kinds: Vec<_> = made.iter().map(|one| (one.kind(), one.charge_kind(), one.caused_by_id.clone())).collect();
    let cause = before.service_request_id.clone();
    let repair = (RequestKind::Repair, ChargeKind::InWarranty, cause.clone());
    assert_eq!(kinds, [repair, (RequestKind::Return, ChargeKind::InWarranty, cause)]);
    assert_eq!(made[0].product_id, before.product_id);
    assert_ne!(made[0].number, made[1].number);
    assert_eq!(world.facts(&made[0].service_request_id).await[0].complaint_id, "cp_1");
    let cancel = CancelServiceRequestRequest {
        service_request_id: made[0].service_request_id.clone(),
        reason: "no".to_owned(),
        ..Default::default()
    };
    cancel_service_request::handle(&world.ctx, &world.agent(), cancel).await.unwrap();
    complaint(&world, &approved).await;
    assert_eq!(
        requests(&world).await.iter().filter(|one| one.complaint_id == "cp_1").count(),
        3,
        "approved anew after the first came to nothing"
    );
    let stranger = ComplaintEvent {
        complaint_id: "cp_2".to_owned(),
        customer_id: String::new(),
        service_request_id: String::new(),
        product_id: "no such product".to_owned(),
        ..approved
    };
    let unknown = ComplaintEvent { customer_id: "cu_01k00000000000000000000000".to_owned(), ..stranger.clone() };
    complaint(&world, &unknown).await;
    complaint(&world, &stranger).await;
    assert_eq!(requests(&world).await.len(), 4, "without a customer there is nobody to go to");
    let known = ComplaintEvent { customer_id: before.customer_id, remedies: vec!["repair".to_owned()], ..stranger };
    complaint(&world, &known).await;
    let made = requests(&world).await.into_iter().find(|one| one.complaint_id == "cp_2").unwrap();
    assert_eq!((made.product_id.as_str(), made.kind()), ("", RequestKind::Repair));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_request_of_kind_complaint_is_linked_and_ends_with_the_complaint(#[case] backend: Backend) {
    let world = world(backend).await;
    let customer = world.customer("13800138000").await;
    let wanted = CreateServiceRequestRequest {
        kind: RequestKind::Complaint.into(),
        ..world.wanted(&customer, &Product::default())
    };
    let id = world.create(wanted).await.service_request_id;
    let event = |fact: ComplaintFact| ComplaintEvent {
        fact: fact.into(),
        complaint_id: "cp_1".to_owned(),
        service_request_id: id.clone(),
        ..Default::default()
    };
    for fact in [
        ComplaintFact::Received,
        ComplaintFact::Received,
        ComplaintFact::Judged,
        ComplaintFact::Closed,
        ComplaintFact::Closed,
    ] {
        complaint(&world, &event(fact)).await;
    }
    let ended = world.get(&id).await;
    assert_eq!((ended.state(), ended.complaint_id.as_str()), (RequestState::Resolved, "cp_1"));
    use ServiceRequestFact::{Created, Resolved, Updated};
    assert_eq!(names(&world.facts(&id).await), [Created, Updated, Resolved]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_satisfied_answer_closes_and_a_low_one_does_not(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = world.solved().await.service_request_id;
    let event = |low: bool, fact: ResponseFact| ResponseEvent {
        fact: fact.into(),
        response_id: "rs_1".to_owned(),
        service_request_id: id.clone(),
        low,
        ..Default::default()
    };
    answered(&world, &event(true, ResponseFact::Answered)).await;
    answered(&world, &event(false, ResponseFact::Linked)).await;
    assert_eq!(world.get(&id).await.state(), RequestState::Resolved);
    answered(&world, &event(false, ResponseFact::Answered)).await;
    answered(&world, &event(false, ResponseFact::Answered)).await;
    let closed = world.get(&id).await;
    assert_eq!((closed.state(), closed.state_reason.as_str()), (RequestState::Closed, "survey_answered"));
    assert_eq!(names(&world.facts(&id).await).last(), Some(&ServiceRequestFact::Closed));
}
