//! Windows that can really be served, and that nobody gets twice.

use chrono::Duration;
use common::{convert::Window, testing::Backend};
use proto::aftercare::{common::v1::LatLng, dispatch::v1::*};
use rstest::rstest;

use super::world::{World, call, fact, reason, skill};

pub(super) fn job() -> JobDescription {
    JobDescription {
        kind: "repair".to_owned(),
        category_code: "lighting.led".to_owned(),
        division_code: "330106".to_owned(),
        position: Some(LatLng { latitude: 30.26, longitude: 120.16 }),
        language: "zh-CN".to_owned(),
        org_unit_id: "ou_1".to_owned(),
        ..JobDescription::default()
    }
}

async fn slots(world: &World, order: &str) -> Vec<Slot> {
    let list = ListSlotsRequest { work_order_id: order.to_owned(), page_size: 100, ..Default::default() };
    call!(world, Agent, list_slots, list).unwrap().slots
}

fn hold(order: &str, slot: &Slot) -> HoldSlotRequest {
    HoldSlotRequest { work_order_id: order.to_owned(), window: slot.window, ..Default::default() }
}

fn book(held: &SlotHold) -> BookSlotRequest {
    BookSlotRequest { slot_hold_id: held.slot_hold_id.clone(), ..Default::default() }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_window_is_offered_held_and_booked(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let order = world.order("sr_1").await;
    let id = order.work_order_id.as_str();
    let offered = slots(&world, id).await;
    // The customer named 16:00 to 18:00: that one comes first, whatever it costs.
    assert!(offered[0].preferred, "{offered:?}");
    assert_eq!((offered[0].window, offered[0].technicians), (order.windows.first().copied(), 1));
    assert!(offered.len() > 20, "five days of windows: {}", offered.len());
    assert!(offered.iter().all(|slot| slot.technician_id == technician && !slot.estimated));
    let first = ListSlotsRequest { work_order_id: id.to_owned(), page_size: 10, ..Default::default() };
    let page = call!(world, Agent, list_slots, first.clone()).unwrap();
    assert_eq!(page.slots[..], offered[..10]);
    let next = ListSlotsRequest { page_token: page.next_page_token, ..first };
    assert_eq!(call!(world, Agent, list_slots, next).unwrap().slots[..], offered[10..20]);

    let held = call!(world, Agent, hold_slot, hold(id, &offered[0])).unwrap();
    assert_eq!((held.state(), &held.technician_ids), (SlotHoldState::Held, &vec![technician.clone()]));
    let booked = call!(world, Agent, book_slot, book(&held)).unwrap();
    assert_eq!((booked.state(), booked.work_order_id.as_str()), (SlotHoldState::Used, id));
    let order = world.get(id).await;
    assert_eq!((order.state(), order.promised_window), (WorkOrderState::Assigned, offered[0].window));
    assert_eq!(order.assignment.as_ref().unwrap().technician_id, technician);
    let told = world.events().await;
    let last = told.last().unwrap();
    assert_eq!((last.fact(), last.window), (WorkOrderFact::Rescheduled, offered[0].window), "intake learns the window");
    assert_eq!(reason(call!(world, Agent, book_slot, book(&held))), "ILLEGAL_TRANSITION");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_is_held_is_gone_for_others_until_it_runs_out(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.technician().await;
    let (first, second) = (world.order("sr_1").await.work_order_id, world.order("sr_2").await.work_order_id);
    let offered = slots(&world, &first).await;
    let held = call!(world, Agent, hold_slot, hold(&first, &offered[0])).unwrap();
    // Ninety minutes of work fit once into two hours.
    assert!(!slots(&world, &second).await.iter().any(|slot| slot.window == offered[0].window));
    let refused = call!(world, Agent, hold_slot, hold(&second, &offered[0])).unwrap_err();
    assert_eq!(reason::<()>(Err(refused.clone())), "SLOT_TAKEN");
    assert_eq!(fact(&refused, "alternatives").split(", ").count(), 5);
    // A dispatcher cannot take it by hand either.
    let by_hand = world.assign(&second, &held.technician_ids[0]).await.unwrap_err();
    assert_eq!(fact(&by_hand, "rules"), "visit_overlap");
    world.bench.advance(Duration::minutes(10)).await.unwrap();
    let get = GetSlotHoldRequest { slot_hold_id: held.slot_hold_id.clone() };
    assert_eq!(call!(world, Agent, get_slot_hold, get).unwrap().state(), SlotHoldState::Expired);
    assert_eq!(reason(call!(world, Agent, book_slot, book(&held))), "SLOT_EXPIRED");
    let second_hold = call!(world, Agent, hold_slot, hold(&second, &offered[0])).unwrap();
    // Another window for the same job frees the one before.
    // (One of another day: the next hours are too near by now.)
    let later = offered.last().unwrap();
    let other = call!(world, Agent, hold_slot, hold(&second, later)).unwrap();
    let get = GetSlotHoldRequest { slot_hold_id: second_hold.slot_hold_id };
    assert_eq!(call!(world, Agent, get_slot_hold, get).unwrap().state(), SlotHoldState::Released);
    assert!(!slots(&world, &first).await.iter().any(|slot| slot.window == later.window));
    let release = ReleaseSlotRequest { slot_hold_id: other.slot_hold_id, ..Default::default() };
    assert_eq!(call!(world, Agent, release_slot, release).unwrap().state(), SlotHoldState::Released);
    assert!(slots(&world, &first).await.iter().any(|slot| slot.window == later.window), "it is free again");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_repeated_call_gets_its_own_hold_again(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.technician().await;
    let order = world.order("sr_1").await.work_order_id;
    let offered = slots(&world, &order).await;
    let request = HoldSlotRequest { request_id: "my-hold".to_owned(), ..hold(&order, &offered[0]) };
    let first = call!(world, Agent, hold_slot, request.clone()).unwrap();
    assert_eq!(call!(world, Agent, hold_slot, request).unwrap(), first);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_window_booked_on_the_telephone_waits_for_its_work_order(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let list = ListSlotsRequest { job: Some(job()), ..Default::default() };
    let offered = call!(world, Agent, list_slots, list).unwrap().slots;
    let nameless = HoldSlotRequest { job: Some(job()), window: offered[0].window, ..Default::default() };
    let status = call!(world, Agent, hold_slot, nameless.clone()).unwrap_err();
    assert_eq!(super::world::fields(&status), ["service_request_id"]);
    let request = HoldSlotRequest { service_request_id: "sr_1".to_owned(), ..nameless };
    let held = call!(world, Agent, hold_slot, request).unwrap();
    let booked = call!(world, Agent, book_slot, book(&held)).unwrap();
    assert_eq!((booked.state(), booked.work_order_id.as_str()), (SlotHoldState::Booked, ""));
    world.bench.advance(Duration::minutes(30)).await.unwrap();
    let order = world.order("sr_1").await;
    assert_eq!((order.state(), order.promised_window), (WorkOrderState::Assigned, offered[0].window));
    assert_eq!(order.assignment.unwrap().technician_id, technician);
    let get = GetSlotHoldRequest { slot_hold_id: held.slot_hold_id };
    let used = call!(world, Agent, get_slot_hold, get).unwrap();
    assert_eq!((used.state(), used.work_order_id), (SlotHoldState::Used, order.work_order_id));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_crew_comes_together_or_not_at_all(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.technician().await;
    let order = world.order("sr_1").await;
    let change = UpdateWorkOrderRequest {
        work_order_id: order.work_order_id.clone(),
        etag: order.etag.clone(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["crew_size".to_owned()] }),
        crew_size: 2,
        ..Default::default()
    };
    call!(world, Dispatcher, update_work_order, change).unwrap();
    assert!(slots(&world, &order.work_order_id).await.is_empty(), "one is not two");
    let second = world.technician().await.technician_id;
    let offered = slots(&world, &order.work_order_id).await;
    assert!(!offered.is_empty());
    let held = call!(world, Agent, hold_slot, hold(&order.work_order_id, &offered[0])).unwrap();
    assert_eq!(held.technician_ids.len(), 2);
    call!(world, Agent, book_slot, book(&held)).unwrap();
    let booked = world.get(&order.work_order_id).await.assignment.unwrap();
    assert_eq!(booked.crew_technician_ids.len(), 1);
    // Who comes along is as busy as who leads.
    let other = world.order("sr_2").await.work_order_id;
    assert!(!slots(&world, &other).await.iter().any(|slot| slot.window == offered[0].window));
    let refused = world.assign(&other, &second).await.unwrap_err();
    assert_eq!(fact(&refused, "rules"), "visit_overlap");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn who_is_over_qualified_is_spared_and_explained(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let master = world.technician_request(&[skill("lighting", 5), skill("curtain", 5)]);
    let master = call!(world, Dispatcher, create_technician, master).unwrap().technician_id;
    let fitting = world.technician().await.technician_id;
    let order = world.order("sr_1").await.work_order_id;
    let ask = SuggestAssignmentRequest { work_order_id: order.clone(), limit: 0 };
    let best = call!(world, Dispatcher, suggest_assignment, ask).unwrap().placements;
    assert_eq!(best.iter().map(|place| place.technician_id.as_str()).collect::<Vec<_>>(), [&fitting, &master]);
    assert!(best[1].parts.iter().any(|part| part.code == "over_qualification" && part.amount > 0), "{best:?}");
    world.assign(&order, &fitting).await.unwrap();
    let explain = ExplainAssignmentRequest { work_order_id: order };
    let why = call!(world, Dispatcher, explain_assignment, explain).unwrap();
    assert!(why.assigned && why.runner_up.unwrap().technician_id == master);
    assert!(why.summary.contains("would cost"), "{}", why.summary);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn every_technician_who_cannot_come_says_why(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let without_skill = world.technician_request(&[skill("curtain", 5)]);
    call!(world, Dispatcher, create_technician, without_skill).unwrap();
    let mut without_paper = world.technician_request(&[skill("lighting", 3)]);
    without_paper.certificates[0].valid_until = "2026-01-31".to_owned();
    call!(world, Dispatcher, create_technician, without_paper).unwrap();
    let mut not_yet = world.technician_request(&[skill("lighting", 3)]);
    not_yet.certificates[0].valid_from = "2026-06-01".to_owned();
    call!(world, Dispatcher, create_technician, not_yet).unwrap();
    let ill = world.technician().await;
    let absence = AddAbsenceRequest {
        technician_id: ill.technician_id,
        window: Some(Window { start: world.now(), end: world.now() + Duration::days(30) }.message()),
        reason: "sick".to_owned(),
        ..Default::default()
    };
    call!(world, Dispatcher, add_absence, absence).unwrap();
    let order = world.order("sr_1").await.work_order_id;
    let explain = ExplainAssignmentRequest { work_order_id: order };
    let why = call!(world, Dispatcher, explain_assignment, explain).unwrap();
    let counts: Vec<_> = why.refusals.iter().map(|count| (count.code.as_str(), count.technicians)).collect();
    assert_eq!(counts, [("absent", 1), ("certificate_expired", 1), ("certificate_missing", 1), ("skill_missing", 1)]);
    assert!(why.refusals.iter().all(|count| !count.text.is_empty()));
    assert_eq!((why.assigned, why.technicians.len()), (false, 4));
}
