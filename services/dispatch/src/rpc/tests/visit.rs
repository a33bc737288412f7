//! Whole visits, from the release to the verified record, and what is refused on the way.

use common::testing::Backend;
use proto::aftercare::{
    common::v1::{Money, PartLine, UsedPart},
    dispatch::v1::*,
    parts_inventory::v1::{ReservationEvent, ReservationFact},
};
use rstest::rstest;

use super::world::{World, call, entries, fields, reason, signature};

fn line(sku: &str) -> PartLine {
    PartLine { sku: sku.to_owned(), quantity_milli: 1_000 }
}

fn used(sku: &str, used: i64, returned: i64, van_reason: &str) -> PartUse {
    let part = UsedPart {
        sku: sku.to_owned(),
        used_milli: used,
        returned_milli: returned,
        new_serial: "N-1".to_owned(),
        old_serial: "O-1".to_owned(),
        old_part_taken_back: true,
    };
    PartUse { part: Some(part), van_reason: van_reason.to_owned() }
}

async fn reserve(world: &World, order: &WorkOrder, fact: ReservationFact, lines: Vec<PartLine>) {
    let event = ReservationEvent {
        fact: fact.into(),
        reservation_id: "rv_1".to_owned(),
        work_order_id: order.work_order_id.clone(),
        short_skus: lines.iter().map(|line| line.sku.clone()).collect(),
        lines,
        ..ReservationEvent::default()
    };
    world.bench.deliver("parts-inventory", "reservation", "rv_1", 1, &event).await.unwrap();
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_repair_goes_from_release_to_the_verified_record(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let order = world.order_with_parts("sr_1", vec![line("DRV-1")]).await;
    assert_eq!((order.state(), order.parts_state()), (WorkOrderState::Unassigned, PartsState::Pending));
    assert_eq!(order.required_skills[0], Skill { code: "lighting".to_owned(), level: 3 });
    assert_eq!((order.required_certificates.clone(), order.duration_minutes), (vec!["electrician".to_owned()], 90));
    reserve(&world, &order, ReservationFact::Reserved, vec![line("DRV-1")]).await;
    let begun = world.begun(&order, &technician).await;
    assert_eq!((begun.state(), begun.parts_state()), (WorkOrderState::InProgress, PartsState::Ready));
    let record = findings(&order);
    call!(world, Technician, record_work, record).unwrap();
    // Everything that is missing is named at once.
    let bare = CompleteWorkOrderRequest { work_order_id: order.work_order_id.clone(), ..Default::default() };
    let missing = call!(world, Technician, complete_work_order, bare).unwrap_err();
    assert_eq!(
        fields(&missing),
        ["checklist.photos_after", "checklist.site_cleaned", "parts.DRV-1", "functional_test", "signature"]
    );
    let mut complete = world.complete_request(&order);
    complete.parts = vec![used("DRV-1", 1_000, 0, ""), used("CLIP-2", 500, 0, "own van stock")];
    let done = call!(world, Technician, complete_work_order, complete).unwrap();
    assert_eq!(done.state(), WorkOrderState::Completed);
    let steps: Vec<_> = done.record.as_ref().unwrap().steps.iter().map(|step| step.action.as_str()).collect();
    assert_eq!(steps, ["depart", "arrive", "start", "record", "complete"]);
    assert_eq!(done.record.as_ref().unwrap().readings[0].value, "12.1");
    let told = world.events().await.pop().unwrap();
    assert_eq!((told.fact(), told.state.as_str(), told.parts_used.len()), (WorkOrderFact::Completed, "completed", 2));
    assert_eq!((told.parts_used[0].used_milli, told.technician_id.as_str()), (1_000, technician.as_str()));
    let verify = VerifyWorkOrderRequest { work_order_id: order.work_order_id.clone(), ..Default::default() };
    assert_eq!(call!(world, Dispatcher, verify_work_order, verify).unwrap().state(), WorkOrderState::Verified);
    let facts = world.facts().await;
    use WorkOrderFact as F;
    assert_eq!(
        facts,
        [
            F::Created,
            F::PartsReady,
            F::Assigned,
            F::Accepted,
            F::Departed,
            F::Arrived,
            F::Started,
            F::Recorded,
            F::Completed,
            F::Verified
        ]
    );
}

fn findings(order: &WorkOrder) -> RecordWorkRequest {
    RecordWorkRequest {
        work_order_id: order.work_order_id.clone(),
        diagnosis: Some(Diagnosis {
            fault_code: "F-12".to_owned(),
            cause_code: "C-3".to_owned(),
            text: "burnt".to_owned(),
        }),
        readings: vec![Reading { name: "voltage".to_owned(), value: "12.1".to_owned(), unit: "V".to_owned() }],
        labour: vec![LabourLine { code: "L-1".to_owned(), text: "replace".to_owned(), minutes: 40 }],
        ..RecordWorkRequest::default()
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_charged_repair_needs_a_price_and_takes_no_more_than_agreed(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let mut event = world.released("sr_1", 1);
    event.charge_kind = "charged".to_owned();
    world.tell(&event).await;
    let order = world.of_request("sr_1").await.remove(0);
    world.to_site(&order.work_order_id, &technician).await;
    let mut start = world.start_request(&order);
    let refused = call!(world, Technician, start_work_order, start.clone()).unwrap_err();
    assert_eq!(fields(&refused), ["consent.price"]);
    let yuan = |minor_units| Some(Money { minor_units, currency_code: "CNY".to_owned() });
    start.consent.as_mut().unwrap().price = yuan(26_900);
    start.consent.as_mut().unwrap().agreed = false;
    let refused = call!(world, Technician, start_work_order, start.clone()).unwrap_err();
    assert_eq!(fields(&refused), ["consent.agreed"]);
    assert_eq!(world.get(&order.work_order_id).await.state(), WorkOrderState::OnSite);
    start.consent.as_mut().unwrap().agreed = true;
    call!(world, Technician, start_work_order, start).unwrap();
    let mut complete = world.complete_request(&order);
    complete.fee_collected = yuan(27_000);
    let refused = call!(world, Technician, complete_work_order, complete.clone()).unwrap_err();
    assert_eq!(fields(&refused), ["fee_collected"]);
    complete.fee_collected = yuan(26_900);
    call!(world, Technician, complete_work_order, complete).unwrap();
    assert_eq!(world.events().await.pop().unwrap().fee_collected, yuan(26_900));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_missing_part_ends_the_visit_and_is_wanted_by_the_next_one(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let order = world.order_with_parts("sr_1", vec![line("DRV-1")]).await;
    reserve(&world, &order, ReservationFact::Short, vec![line("DRV-1")]).await;
    let refused = world.assign(&order.work_order_id, &technician).await.unwrap_err();
    assert_eq!(super::world::fact(&refused, "rules"), "parts_unavailable");
    reserve(&world, &order, ReservationFact::Reserved, vec![line("DRV-1")]).await;
    world.begun(&order, &technician).await;
    let mut fail = FailWorkOrderRequest {
        work_order_id: order.work_order_id.clone(),
        reason: FailReason::PartsMissing.into(),
        ..Default::default()
    };
    let unnamed = call!(world, Technician, fail_work_order, fail.clone()).unwrap_err();
    assert_eq!(fields(&unnamed), ["parts_wanted"]);
    fail.parts_wanted = vec![line("LED-9")];
    let failed = call!(world, Technician, fail_work_order, fail).unwrap();
    assert_eq!((failed.state(), failed.fail_reason()), (WorkOrderState::Failed, FailReason::PartsMissing));
    assert_eq!(world.events().await.pop().unwrap().reason, "parts_missing");
    let mut needed = world.released("sr_1", 2);
    needed.fact = proto::aftercare::intake::v1::ServiceRequestFact::VisitNeeded.into();
    world.tell(&needed).await;
    let second = world.of_request("sr_1").await.pop().unwrap();
    assert_eq!((second.visit_number, second.parts_wanted), (2, vec![line("DRV-1"), line("LED-9")]));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_item_is_taken_away_with_a_receipt_and_comes_back(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let order = world.order("sr_1").await;
    let id = order.work_order_id.clone();
    world.begun(&order, &technician).await;
    let mut away = SuspendWorkOrderRequest {
        work_order_id: id.clone(),
        cause: SuspendCause::TakeAway.into(),
        ..Default::default()
    };
    assert_eq!(fields(&call!(world, Technician, suspend_work_order, away.clone()).unwrap_err()), ["receipt"]);
    away.receipt = Some(TakeAwayReceipt {
        item: "ceiling lamp".to_owned(),
        serial_number: "S-77".to_owned(),
        signature: Some(signature()),
        ..TakeAwayReceipt::default()
    });
    let suspended = call!(world, Technician, suspend_work_order, away).unwrap();
    let receipt = suspended.record.as_ref().unwrap().receipt.clone().unwrap();
    assert_eq!(receipt.receipt_number, format!("{}-R", order.number));
    let told = world.events().await.pop().unwrap();
    assert_eq!((told.fact(), told.reason.as_str(), told.taken_away), (WorkOrderFact::Suspended, "take_away", true));
    let resume = ResumeWorkOrderRequest { work_order_id: id.clone(), ..Default::default() };
    call!(world, Technician, resume_work_order, resume).unwrap();
    let complete = world.complete_request(&order);
    let early = call!(world, Technician, complete_work_order, complete.clone()).unwrap_err();
    assert_eq!(fields(&early), ["receipt"]);
    let back = ReturnTakenItemRequest { work_order_id: id, note: "paper taken back".to_owned(), ..Default::default() };
    let returned = call!(world, Technician, return_taken_item, back.clone()).unwrap();
    assert!(returned.record.unwrap().receipt.unwrap().returned_at.is_some());
    assert_eq!(reason(call!(world, Technician, return_taken_item, back)), "NO_ITEM_AWAY");
    call!(world, Technician, complete_work_order, complete).unwrap();
    assert!(!world.events().await.pop().unwrap().taken_away);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_record_is_sent_back_once(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let order = world.order("sr_1").await;
    let id = order.work_order_id.clone();
    world.begun(&order, &technician).await;
    call!(world, Technician, complete_work_order, world.complete_request(&order)).unwrap();
    let bounce =
        BounceWorkOrderRequest { work_order_id: id.clone(), reason: "photo missing".to_owned(), ..Default::default() };
    let bounced = call!(world, Quality, bounce_work_order, bounce.clone()).unwrap();
    assert_eq!((bounced.state(), bounced.bounce.unwrap().answered_at), (WorkOrderState::Completed, None));
    let verify = VerifyWorkOrderRequest { work_order_id: id.clone(), ..Default::default() };
    assert_eq!(reason(call!(world, Dispatcher, verify_work_order, verify.clone())), "BOUNCE_OPEN");
    let mut answer = RecordWorkRequest {
        work_order_id: id,
        answer: "photo added".to_owned(),
        parts: vec![used("DRV-1", 1_000, 0, "van")],
        ..Default::default()
    };
    assert_eq!(reason(call!(world, Technician, record_work, answer.clone())), "PARTS_POSTED");
    answer.parts.clear();
    call!(world, Technician, record_work, answer).unwrap();
    assert_eq!(reason(call!(world, Quality, bounce_work_order, bounce)), "ALREADY_BOUNCED");
    call!(world, Dispatcher, verify_work_order, verify).unwrap();
    let completed = world.facts().await.into_iter().filter(|fact| *fact == WorkOrderFact::Completed).count();
    assert_eq!(completed, 1, "a record sent back does not complete the visit twice");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_stale_etag_a_repeat_and_a_reused_request_id_change_nothing(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let order = world.order("sr_1").await;
    let mut assign = world.assign_request(&order.work_order_id, &technician);
    assign.etag = "7".to_owned();
    assert_eq!(reason(call!(world, Dispatcher, assign_work_order, assign.clone())), "STALE_ETAG");
    assign.etag = order.etag.clone();
    assign.request_id = "r-1".to_owned();
    let first = call!(world, Dispatcher, assign_work_order, assign.clone()).unwrap();
    let repeat = call!(world, Dispatcher, assign_work_order, assign.clone()).unwrap();
    assert_eq!((repeat.etag.as_str(), &repeat), ("2", &first));
    assign.override_reason = "another body".to_owned();
    assert_eq!(reason(call!(world, Dispatcher, assign_work_order, assign)), "REQUEST_ID_REUSED");
    assert_eq!(world.get(&order.work_order_id).await, first);
    assert_eq!(world.facts().await, [WorkOrderFact::Created, WorkOrderFact::Assigned]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn bad_input_is_refused_with_its_reason_and_changes_nothing(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let order = world.order("sr_1").await;
    let unknown = "wo_00000000000000000000000000";
    assert_eq!(reason(world.accept(unknown).await), "NOT_FOUND");
    assert_eq!(reason(world.accept("te_00000000000000000000000000").await), "INVALID_ID");
    assert_eq!(fields(&world.accept("").await.unwrap_err()), ["work_order_id"]);
    let early = CompleteWorkOrderRequest { checklist: entries(&order, "start"), ..world.complete_request(&order) };
    let status = call!(world, Dispatcher, complete_work_order, early).unwrap_err();
    assert_eq!(super::world::fact(&status, "allowed"), "update, assign, reschedule, cancel");
    assert_eq!(status.code(), tonic::Code::FailedPrecondition);
    let fail = FailWorkOrderRequest { work_order_id: order.work_order_id.clone(), reason: 99, ..Default::default() };
    let status = call!(world, Technician, fail_work_order, fail).unwrap_err();
    assert_eq!((status.code(), fields(&status)), (tonic::Code::InvalidArgument, vec!["reason".to_owned()]));
    let assign = world.assign(&order.work_order_id, "te_00000000000000000000000000").await;
    assert_eq!(reason(assign), "NOT_FOUND");
    assert_eq!(world.get(&order.work_order_id).await, order);
}
