//! Plans: started, watched, compared, applied, dropped; repaired after somebody fell ill.

use chrono::{DateTime, Duration, Utc};
use common::{
    convert::{Window, timestamp},
    testing::Backend,
};
use futures::StreamExt as _;
use proto::aftercare::{common::v1::LatLng, dispatch::v1::*};
use rstest::rstest;

use super::world::{World, call, fact, reason};

async fn orders(world: &World, count: usize) -> Vec<WorkOrder> {
    let mut orders = Vec::new();
    for index in 0..count {
        let step = f64::from(u32::try_from(index).unwrap()) * 0.004;
        let mut event = world.released(&format!("sr_{index}"), 1);
        event.position = Some(LatLng { latitude: 30.24 + step, longitude: 120.14 + step });
        event.windows.clear();
        world.tell(&event).await;
        orders.push(world.of_request(&event.service_request_id).await.remove(0));
    }
    orders
}

fn start() -> StartPlanRequest {
    StartPlanRequest { days: 2, seconds: 30, max_iterations: 300, ..Default::default() }
}

async fn watched(world: &World, plan: &Plan) -> Plan {
    let watch = WatchPlanRequest { plan_id: plan.plan_id.clone() };
    let mut stream = call!(world, Dispatcher, watch_plan, watch).unwrap();
    let mut last = None;
    while let Some(told) = stream.next().await {
        last = Some(told.unwrap());
    }
    last.unwrap()
}

async fn changes(world: &World, plan: &Plan) -> Vec<PlanChange> {
    let compare = ComparePlanRequest { plan_id: plan.plan_id.clone(), page_size: 100, ..Default::default() };
    call!(world, Dispatcher, compare_plan, compare).unwrap().changes
}

fn apply(plan: &Plan) -> ApplyPlanRequest {
    ApplyPlanRequest { plan_id: plan.plan_id.clone(), ..Default::default() }
}

async fn planned(world: &World) -> Plan {
    let begun = call!(world, Dispatcher, start_plan, start()).unwrap();
    assert_eq!(begun.state(), PlanState::Running);
    let ready = watched(world, &begun).await;
    assert_eq!((ready.state(), ready.failure.as_str()), (PlanState::Ready, ""));
    ready
}

fn instant(at: Option<prost_types::Timestamp>) -> DateTime<Utc> {
    common::convert::instant(&at.unwrap(), "at").unwrap()
}

/// No technician is in two places.
async fn nobody_twice(world: &World) {
    let list = ListWorkOrdersRequest { page_size: 200, ..Default::default() };
    let orders = call!(world, Dispatcher, list_work_orders, list).unwrap().work_orders;
    let mut taken: Vec<(String, DateTime<Utc>, DateTime<Utc>)> = orders
        .iter()
        .filter_map(|order| order.assignment.as_ref().filter(|_| order.state() != WorkOrderState::Unassigned))
        .map(|at| (at.technician_id.clone(), instant(at.planned_start), instant(at.planned_end)))
        .collect();
    taken.sort();
    for pair in taken.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        assert!(pair[0].2 + Duration::minutes(29) < pair[1].1, "{pair:?}");
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_computed_compared_and_applied(#[case] backend: Backend) {
    let world = World::new(backend).await;
    for _ in 0..3 {
        world.technician().await;
    }
    let orders = orders(&world, 9).await;
    let plan = planned(&world).await;
    assert_eq!((plan.jobs, plan.assigned, plan.unassigned, plan.technicians), (9, 9, 0, 3));
    let before: i64 = plan.cost_before.iter().map(|part| part.amount).sum();
    let after: i64 = plan.cost_after.iter().map(|part| part.amount).sum();
    assert!(after < before, "{after} {before}");
    let told = changes(&world, &plan).await;
    assert!(told.len() == 9 && told.iter().all(|change| change.kind() == PlanChangeKind::Assigned));
    let applied = call!(world, Dispatcher, apply_plan, apply(&plan)).unwrap();
    assert_eq!((applied.state(), applied.skipped), (PlanState::Applied, 0));
    for order in &orders {
        let order = world.get(&order.work_order_id).await;
        assert_eq!(order.state(), WorkOrderState::Assigned);
        let at = order.assignment.unwrap();
        let window = Window::read(&at.window.unwrap(), "window").unwrap();
        assert!(window.start <= instant(at.planned_start) && instant(at.planned_start) < window.end);
    }
    nobody_twice(&world).await;
    assert_eq!(reason(call!(world, Dispatcher, apply_plan, apply(&plan))), "ILLEGAL_TRANSITION");
    // Once more: everything stays, and the same seed gives the same plan.
    let again = planned(&world).await;
    assert_eq!((again.customers_moved, again.assigned), (0, 9));
    let third = planned(&world).await;
    assert_eq!(changes(&world, &again).await, changes(&world, &third).await);
    let drop = DropPlanRequest { plan_id: again.plan_id, reason: "not better".to_owned(), ..Default::default() };
    assert_eq!(call!(world, Dispatcher, drop_plan, drop).unwrap().state(), PlanState::Dropped);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_is_named_and_left_alone_when_asked(#[case] backend: Backend) {
    let world = World::new(backend).await;
    for _ in 0..3 {
        world.technician().await;
    }
    let orders = orders(&world, 8).await;
    let plan = planned(&world).await;
    let cancel = CancelWorkOrderRequest {
        work_order_id: orders[0].work_order_id.clone(),
        reason: "the customer repaired it".to_owned(),
        ..Default::default()
    };
    call!(world, Dispatcher, cancel_work_order, cancel).unwrap();
    let refused = call!(world, Dispatcher, apply_plan, apply(&plan)).unwrap_err();
    assert_eq!(reason::<()>(Err(refused.clone())), "PLAN_CONFLICTS");
    assert_eq!(fact(&refused, "numbers"), orders[0].number);
    assert_eq!(world.get(&orders[1].work_order_id).await.state(), WorkOrderState::Unassigned, "nothing was applied");
    let rebase = ApplyPlanRequest { on_conflict: PlanConflictPolicy::Rebase.into(), ..apply(&plan) };
    let applied = call!(world, Dispatcher, apply_plan, rebase).unwrap();
    assert_eq!((applied.state(), applied.skipped), (PlanState::Applied, 1));
    assert_eq!(world.get(&orders[1].work_order_id).await.state(), WorkOrderState::Assigned);
    nobody_twice(&world).await;
    // When too much changed, nobody gets it applied.
    let stale = planned(&world).await;
    for order in &orders[1..4] {
        let pin = PinWorkOrderRequest { work_order_id: order.work_order_id.clone(), ..Default::default() };
        call!(world, Dispatcher, pin_work_order, pin).unwrap();
    }
    // A plan that changes nothing has nothing that could be outdated; this one is compared with pinned visits.
    let told = call!(
        world,
        Dispatcher,
        apply_plan,
        ApplyPlanRequest { on_conflict: PlanConflictPolicy::Rebase.into(), ..apply(&stale) }
    );
    match told {
        Ok(applied) => assert_eq!(applied.customers_moved, 0),
        Err(status) => assert_eq!(reason::<()>(Err(status)), "PLAN_OUTDATED"),
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn after_somebody_fell_ill_confirmed_windows_are_kept_or_asked_for(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let ill = world.technician().await;
    let orders = orders(&world, 3).await;
    let plan = planned(&world).await;
    call!(world, Dispatcher, apply_plan, apply(&plan)).unwrap();
    // The first customer confirmed the window.
    let first = orders[0].work_order_id.clone();
    world.sent_to(&first, &ill.technician_id);
    world.accept(&first).await.unwrap();
    let confirm = ContactCustomerRequest {
        work_order_id: first.clone(),
        result: ContactResult::WindowConfirmed.into(),
        ..Default::default()
    };
    let promised = call!(world, Technician, contact_customer, confirm).unwrap().promised_window;
    let absence = AddAbsenceRequest {
        technician_id: ill.technician_id.clone(),
        window: Some(Window { start: world.now(), end: world.now() + Duration::days(10) }.message()),
        reason: "sick".to_owned(),
        ..Default::default()
    };
    call!(world, Dispatcher, add_absence, absence).unwrap();
    let repair = RepairPlanRequest { technician_ids: vec![ill.technician_id.clone()], days: 2, ..Default::default() };
    // Nobody else is there: all three lose their technician, and the confirmed one must be asked.
    let lost = call!(world, Dispatcher, repair_plan, repair.clone()).unwrap();
    assert_eq!((lost.state(), lost.assigned, lost.customers_moved, lost.consents_needed), (PlanState::Ready, 0, 3, 1));
    let told = changes(&world, &lost).await;
    assert!(told.iter().all(|change| change.refusals.iter().any(|rule| rule.code == "absent")), "{told:?}");
    // With a substitute everybody is served, and the confirmed window stays.
    let substitute = world.technician().await.technician_id;
    let mended = call!(world, Dispatcher, repair_plan, repair).unwrap();
    assert_eq!((mended.assigned, mended.unassigned, mended.consents_needed), (3, 0, 0));
    call!(world, Dispatcher, apply_plan, apply(&mended)).unwrap();
    let order = world.get(&first).await;
    let at = order.assignment.unwrap();
    assert_eq!((order.promised_window, at.window, at.technician_id), (promised, promised, substitute));
    nobody_twice(&world).await;
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn one_plan_at_a_time_stopped_by_hand_and_failed_by_the_watchdog(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.technician().await;
    orders(&world, 4).await;
    let long = StartPlanRequest { days: 2, seconds: 600, ..Default::default() };
    let begun = call!(world, Dispatcher, start_plan, long.clone()).unwrap();
    assert_eq!(reason(call!(world, Dispatcher, start_plan, long)), "PLAN_RUNNING");
    let stop = StopPlanRequest { plan_id: begun.plan_id.clone(), ..Default::default() };
    assert_eq!(call!(world, Dispatcher, stop_plan, stop).unwrap().state(), PlanState::Stopped);
    let stopped = watched(&world, &begun).await;
    assert_eq!((stopped.state(), stopped.assigned), (PlanState::Stopped, 4));
    assert_eq!(call!(world, Dispatcher, apply_plan, apply(&stopped)).unwrap().state(), PlanState::Applied);
    // A process that dies leaves a running plan behind; nobody waits for it for ever.
    let lost = world.lost_plan().await;
    world.bench.advance(Duration::seconds(61)).await.unwrap();
    let get = GetPlanRequest { plan_id: lost };
    let failed = call!(world, Dispatcher, get_plan, get).unwrap();
    assert_eq!((failed.state(), failed.failure.as_str()), (PlanState::Failed, "worker_lost"));
    let listed = call!(
        world,
        Dispatcher,
        list_plans,
        ListPlansRequest { state: PlanState::Failed.into(), ..Default::default() }
    );
    assert_eq!(listed.unwrap().plans.len(), 1);
    assert_eq!(planned(&world).await.customers_moved, 0, "the scope is free again");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn pinned_visits_stay_and_missing_parts_are_told(#[case] backend: Backend) {
    use proto::aftercare::parts_inventory::v1::{ReservationEvent, ReservationFact};
    let world = World::new(backend).await;
    let technicians = [world.technician().await.technician_id, world.technician().await.technician_id];
    let orders = orders(&world, 4).await;
    let pinned = orders[0].work_order_id.clone();
    let assign = AssignWorkOrderRequest {
        window: Some(super::world::window(world.now(), 24)),
        planned_start: Some(timestamp(world.now() + Duration::hours(24))),
        ..world.assign_request(&pinned, &technicians[1])
    };
    call!(world, Dispatcher, assign_work_order, assign).unwrap();
    let pin = PinWorkOrderRequest { work_order_id: pinned.clone(), ..Default::default() };
    assert!(call!(world, Dispatcher, pin_work_order, pin).unwrap().pinned);
    let told = ReservationEvent {
        fact: ReservationFact::Short.into(),
        work_order_id: orders[1].work_order_id.clone(),
        short_skus: vec!["LAMP-1".to_owned()],
        ..ReservationEvent::default()
    };
    world.bench.deliver("parts-inventory", "reservation", "rs_1", 1, &told).await.unwrap();
    let plan = planned(&world).await;
    let changes = changes(&world, &plan).await;
    let of = |id: &str| changes.iter().find(|change| change.work_order_id == id).unwrap();
    assert_eq!(of(&pinned).kind(), PlanChangeKind::Kept);
    let without = of(&orders[1].work_order_id);
    assert_eq!((without.kind(), without.refusals[0].code.as_str()), (PlanChangeKind::Open, "parts_unavailable"));
    assert_eq!((plan.assigned, plan.unassigned), (3, 1));
    let unpin = UnpinWorkOrderRequest { work_order_id: pinned, ..Default::default() };
    assert!(!call!(world, Dispatcher, unpin_work_order, unpin).unwrap().pinned);
}
