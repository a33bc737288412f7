//! Who can take a job, who gets it, and that nobody gets two at once.

use std::sync::Arc;

use chrono::Duration;
use common::{convert::timestamp, record::Role, testing::Backend};
use prost_types::FieldMask;
use proto::aftercare::dispatch::v1::{dispatch_service_server::DispatchService as _, *};
use rstest::rstest;
use tonic_types::StatusExt as _;

use super::world::{World, call, contract, fact, reason, skill, window};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn candidates_are_ranked_and_everybody_else_is_told_why_not(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let fitting = world.technician().await;
    let master =
        call!(world, Dispatcher, create_technician, world.technician_request(&[skill("lighting", 5)])).unwrap();
    let mut other = world.technician_request(&[skill("curtain", 5)]);
    other.certificates.clear();
    other.shifts.truncate(0);
    let other = call!(world, Dispatcher, create_technician, other).unwrap();
    let order = world.order("sr_1").await;
    let ask = ListCandidatesRequest { work_order_id: order.work_order_id.clone(), ..Default::default() };
    let found = call!(world, Dispatcher, list_candidates, ask.clone()).unwrap().candidates;
    let ids: Vec<_> = found.iter().map(|candidate| candidate.technician_id.clone()).collect();
    assert_eq!(ids, [fitting.technician_id, master.technician_id, other.technician_id]);
    assert_eq!(found.iter().map(|candidate| candidate.eligible).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!((found[0].over_qualification, found[1].over_qualification), (0, 2));
    assert_eq!(found[0].distance_km, 1);
    let codes: Vec<_> = found[2].refusals.iter().map(|refusal| refusal.code.as_str()).collect();
    assert_eq!(codes, ["skill_missing", "certificate_missing", "outside_shift"]);
    assert_eq!((found[2].refusals[0].subject.as_str(), found[2].refusals[0].needed.as_str()), ("lighting", "3"));
    assert!(!found[2].refusals[0].soft && found[2].refusals[2].soft);
    // Page by page, and only those who can.
    let mut paged = ListCandidatesRequest { page_size: 1, eligible_only: true, ..ask };
    let first = call!(world, Dispatcher, list_candidates, paged.clone()).unwrap();
    paged.page_token = first.next_page_token.clone();
    let second = call!(world, Dispatcher, list_candidates, paged.clone()).unwrap();
    assert_eq!([&first.candidates[0].technician_id, &second.candidates[0].technician_id], [&ids[0], &ids[1]]);
    assert_eq!(second.next_page_token, "");
    paged.eligible_only = false;
    assert_eq!(reason(call!(world, Dispatcher, list_candidates, paged)), "INVALID_PAGE_TOKEN");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_hard_rule_stands_and_a_soft_one_is_overridden_with_a_reason(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let (id, technician) = (world.order("sr_1").await.work_order_id, world.technician().await.technician_id);
    let mut request = world.assign_request(&id, &technician);
    // At night, when the customer did not ask for it.
    request.window = Some(window(world.now(), 13));
    let refused = call!(world, Dispatcher, assign_work_order, request.clone()).unwrap_err();
    assert_eq!(fact(&refused, "rules"), "outside_shift, window_not_accepted");
    assert_eq!(fact(&refused, "overridable"), "true");
    request.override_rules = vec![RefusalRule::OutsideShift.into(), RefusalRule::WindowNotAccepted.into()];
    assert_eq!(reason(call!(world, Dispatcher, assign_work_order, request.clone())), "OVERRIDE_WITHOUT_REASON");
    request.override_reason = "the customer asked by phone".to_owned();
    let assigned = call!(world, Dispatcher, assign_work_order, request.clone()).unwrap();
    assert_eq!(assigned.state(), WorkOrderState::Assigned);
    let assignment = assigned.assignment.unwrap();
    assert_eq!(assignment.overridden.len(), 2);
    assert_eq!(assignment.offer_expires_at, Some(timestamp(world.now() + Duration::minutes(15))));
    // Hard rules are not overridden.
    let novice =
        call!(world, Dispatcher, create_technician, world.technician_request(&[skill("lighting", 1)])).unwrap();
    let other = world.order("sr_2").await.work_order_id;
    let mut hard = world.assign_request(&other, &novice.technician_id);
    hard.override_rules = vec![RefusalRule::LevelTooLow.into()];
    hard.override_reason = "nobody else".to_owned();
    let refused = call!(world, Dispatcher, assign_work_order, hard).unwrap_err();
    assert_eq!(
        (fact(&refused, "rules"), fact(&refused, "overridable")),
        ("level_too_low".to_owned(), "false".to_owned())
    );
    assert_eq!(world.get(&other).await.state(), WorkOrderState::Unassigned, "a refusal changes nothing");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn limits_exclusions_and_absences_refuse(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let mut request = world.technician_request(&[skill("lighting", 3)]);
    request.daily_job_limit = 1;
    let technician = call!(world, Dispatcher, create_technician, request).unwrap().technician_id;
    let (first, second) = (world.order("sr_1").await.work_order_id, world.order("sr_2").await);
    world.assign(&first, &technician).await.unwrap();
    let refused = world.assign(&second.work_order_id, &technician).await.unwrap_err();
    assert_eq!(fact(&refused, "rules"), "visit_overlap, daily_limit");
    let free = world.technician().await.technician_id;
    let exclude = UpdateWorkOrderRequest {
        work_order_id: second.work_order_id.clone(),
        etag: second.etag,
        update_mask: Some(FieldMask { paths: vec!["excluded_technician_ids".to_owned()] }),
        excluded_technician_ids: vec![free.clone()],
        ..Default::default()
    };
    call!(world, Dispatcher, update_work_order, exclude).unwrap();
    let absence = AddAbsenceRequest {
        technician_id: free.clone(),
        window: Some(window(world.now(), 7)),
        reason: "doctor".to_owned(),
        ..Default::default()
    };
    call!(world, Technician, add_absence, absence).unwrap();
    let refused = world.assign(&second.work_order_id, &free).await.unwrap_err();
    assert_eq!(fact(&refused, "rules"), "absent, excluded");
    // A suspended service point gets no new work.
    let suspend = SuspendServicePointRequest {
        service_point_id: world.point.clone(),
        reason: "complaints".to_owned(),
        ..Default::default()
    };
    call!(world, Manager, suspend_service_point, suspend).unwrap();
    let third = world.order("sr_3").await.work_order_id;
    let refused = world.assign(&third, &world.technician().await.technician_id).await.unwrap_err();
    assert_eq!(fact(&refused, "rules"), "service_point_inactive");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_overlapping_visits_assigned_at_once_exactly_one_wins(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let mut requests = Vec::new();
    for index in 0..6 {
        let order = world.order(&format!("sr_{index}")).await.work_order_id;
        let mut request = world.assign_request(&order, &technician);
        // All overlap: they begin a few minutes apart.
        request.planned_start = Some(timestamp(world.now() + Duration::hours(6) + Duration::minutes(index)));
        requests.push(request);
    }
    assert_eq!(race(&world, requests).await, (1, vec!["visit_overlap".to_owned(); 5]));
    let busy = ListWorkOrdersRequest { technician_id: technician, ..Default::default() };
    assert_eq!(call!(world, Dispatcher, list_work_orders, busy).unwrap().work_orders.len(), 1);
}

/// Sends all requests at once and gives the rules, or else the reason, by which the losers were refused.
async fn race(world: &World, requests: Vec<AssignWorkOrderRequest>) -> (usize, Vec<String>) {
    let tries: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let (api, request) = (Arc::clone(&world.api), world.request(Role::Dispatcher, request));
            tokio::spawn(async move { api.assign_work_order(request).await })
        })
        .collect();
    let (mut won, mut lost) = (0, Vec::new());
    for attempt in tries {
        match attempt.await.unwrap() {
            Ok(_) => won += 1,
            Err(status) if status.get_error_details().error_info().unwrap().metadata.contains_key("rules") => {
                lost.push(fact(&status, "rules"));
            }
            Err(status) => lost.push(reason(Err::<(), _>(status))),
        }
    }
    (won, lost)
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_last_place_of_a_service_points_day_is_given_once(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let sign = ContractServicePointRequest {
        service_point_id: world.point.clone(),
        contract: Some(ServiceContract { capacity_per_day: 1, ..contract() }),
        ..Default::default()
    };
    call!(world, Manager, contract_service_point, sign).unwrap();
    let mut requests = Vec::new();
    for index in 0..5 {
        let order = world.order(&format!("sr_{index}")).await.work_order_id;
        requests.push(world.assign_request(&order, &world.technician().await.technician_id));
    }
    assert_eq!(race(&world, requests).await, (1, vec!["capacity".to_owned(); 4]));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_work_order_is_offered_to_one_technician(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let order = world.order("sr_1").await.work_order_id;
    let mut requests = Vec::new();
    for _ in 0..4 {
        requests.push(world.assign_request(&order, &world.technician().await.technician_id));
    }
    assert_eq!(race(&world, requests).await, (1, vec!["ILLEGAL_TRANSITION".to_owned(); 3]));
    assert_eq!(world.facts().await, [WorkOrderFact::Created, WorkOrderFact::Assigned]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_confirmed_window_moves_only_with_the_customers_consent(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let (id, technician) = (world.order("sr_1").await.work_order_id, world.technician().await.technician_id);
    world.assign(&id, &technician).await.unwrap();
    world.accept(&id).await.unwrap();
    let confirm = ContactCustomerRequest {
        work_order_id: id.clone(),
        result: ContactResult::WindowConfirmed.into(),
        ..Default::default()
    };
    let confirmed = call!(world, Technician, contact_customer, confirm).unwrap();
    assert_eq!(confirmed.promised_window, confirmed.assignment.unwrap().window);
    let mut later = RescheduleWorkOrderRequest {
        work_order_id: id.clone(),
        asked_by: RescheduleAsker::Office.into(),
        reason: "technician ill".to_owned(),
        window: Some(window(world.now(), 9)),
        technician_id: technician,
        ..Default::default()
    };
    assert_eq!(reason(call!(world, Dispatcher, reschedule_work_order, later.clone())), "WINDOW_PROMISED");
    later.consent_method = ConsentMethod::Phone.into();
    let moved = call!(world, Dispatcher, reschedule_work_order, later.clone()).unwrap();
    assert_eq!((moved.state(), moved.promised_window), (WorkOrderState::Assigned, later.window));
    assert!(moved.reschedules[0].customer_consent);
    assert_eq!(moved.past_offers[0].outcome, "rescheduled");
}
