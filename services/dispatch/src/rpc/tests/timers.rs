//! Offers, contacts and windows that run out: told once, step by step.

use chrono::Duration;
use common::testing::Backend;
use proto::aftercare::dispatch::v1::*;
use rstest::rstest;

use super::world::{World, call, reason};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_ignored_offer_is_taken_back_and_climbs_until_somebody_takes_it(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let (id, first) = (world.order("sr_1").await.work_order_id, world.technician().await.technician_id);
    world.assign(&id, &first).await.unwrap();
    world.bench.advance(Duration::minutes(14)).await.unwrap();
    assert_eq!(world.get(&id).await.state(), WorkOrderState::Assigned);
    world.bench.advance(Duration::minutes(1)).await.unwrap();
    let ignored = world.get(&id).await;
    assert_eq!((ignored.state(), ignored.refusals, ignored.escalated), (WorkOrderState::Unassigned, 1, true));
    assert_eq!(ignored.escalations[0].step, 1);
    assert_eq!(ignored.escalations[0].cause(), EscalationCause::OfferExpired);
    // Whose offer it no longer is does not see it any more.
    assert_eq!(reason(world.accept(&id).await), "NOT_FOUND");
    // Nobody reacts: the supervisor, then the manager, and then it is quiet.
    world.bench.advance(Duration::minutes(30)).await.unwrap();
    world.bench.advance(Duration::hours(3)).await.unwrap();
    let steps: Vec<_> = world.get(&id).await.escalations.iter().map(|step| (step.step, step.cause())).collect();
    let still = EscalationCause::StillUnassigned;
    assert_eq!(steps, [(1, EscalationCause::OfferExpired), (2, still), (3, still)]);
    // The one who ignored it is offered it again only on purpose.
    let refused = world.assign(&id, &first).await.unwrap_err();
    assert_eq!(super::world::fact(&refused, "rules"), "refused_before");
    let second = world.technician().await.technician_id;
    world.assign(&id, &second).await.unwrap();
    assert!(!world.accept(&id).await.unwrap().escalated);
    let told = world.facts().await;
    let count = |fact| told.iter().filter(|told| **told == fact).count();
    assert_eq!((count(WorkOrderFact::OfferExpired), count(WorkOrderFact::Escalated)), (1, 3));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_refusal_is_told_at_once_and_its_offer_never_runs_out(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let (id, technician) = (world.order("sr_1").await.work_order_id, world.technician().await.technician_id);
    world.assign(&id, &technician).await.unwrap();
    let refused = world.refuse(&id).await.unwrap();
    assert_eq!((refused.state(), refused.refusals, refused.etag.as_str()), (WorkOrderState::Unassigned, 1, "4"));
    assert_eq!((refused.past_offers[0].outcome.as_str(), refused.past_offers[0].reason.as_str()), ("refused", "ill"));
    world.bench.advance(Duration::minutes(20)).await.unwrap();
    assert_eq!(world.get(&id).await.refusals, 1);
    let events = world.events().await;
    let told: Vec<_> = events.iter().map(|event| (event.fact(), event.escalation_step, event.refusals)).collect();
    assert_eq!(
        told,
        [
            (WorkOrderFact::Created, 0, 0),
            (WorkOrderFact::Assigned, 0, 0),
            (WorkOrderFact::Refused, 0, 1),
            (WorkOrderFact::Escalated, 1, 1),
        ]
    );
    assert_eq!((events[2].technician_id.as_str(), events[2].reason.as_str()), ("", ""), "no free text leaves");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_customer_not_reached_in_time_is_told_once(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let (id, technician) = (world.order("sr_1").await.work_order_id, world.technician().await.technician_id);
    world.assign(&id, &technician).await.unwrap();
    world.accept(&id).await.unwrap();
    let mut contact = ContactCustomerRequest {
        work_order_id: id.clone(),
        result: ContactResult::NoAnswer.into(),
        ..Default::default()
    };
    call!(world, Technician, contact_customer, contact.clone()).unwrap();
    world.bench.advance(Duration::minutes(5)).await.unwrap();
    let missed = world.get(&id).await;
    assert_eq!((missed.escalations.len(), missed.escalations[0].cause()), (1, EscalationCause::ContactMissed));
    world.bench.advance(Duration::minutes(60)).await.unwrap();
    assert_eq!(world.get(&id).await.escalations.len(), 1);
    contact.result = ContactResult::Reached.into();
    assert!(!call!(world, Technician, contact_customer, contact).unwrap().escalated);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_contact_in_time_and_an_arrival_in_time_stop_their_timers(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let (id, technician) = (world.order("sr_1").await.work_order_id, world.technician().await.technician_id);
    world.assign(&id, &technician).await.unwrap();
    world.accept(&id).await.unwrap();
    let contact = ContactCustomerRequest {
        work_order_id: id.clone(),
        result: ContactResult::Reached.into(),
        ..Default::default()
    };
    call!(world, Technician, contact_customer, contact).unwrap();
    let depart = DepartWorkOrderRequest { work_order_id: id.clone(), ..Default::default() };
    call!(world, Technician, depart_work_order, depart).unwrap();
    let arrive = ArriveWorkOrderRequest { work_order_id: id.clone(), ..Default::default() };
    call!(world, Technician, arrive_work_order, arrive).unwrap();
    world.bench.advance(Duration::hours(24)).await.unwrap();
    assert!(world.get(&id).await.escalations.is_empty());
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn lateness_is_told_at_the_end_of_the_window_or_as_soon_as_it_is_foreseen(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let id = world.order("sr_1").await.work_order_id;
    world.assign(&id, &technician).await.unwrap();
    world.accept(&id).await.unwrap();
    let depart = DepartWorkOrderRequest {
        work_order_id: id.clone(),
        expected_arrival_at: Some(common::convert::timestamp(world.now() + Duration::hours(9))),
        ..Default::default()
    };
    let foreseen = call!(world, Technician, depart_work_order, depart).unwrap();
    assert_eq!(foreseen.escalations[0].cause(), EscalationCause::Late);
    world.bench.advance(Duration::hours(10)).await.unwrap();
    assert_eq!(world.get(&id).await.escalations.len(), 1, "told once");
    let other = world.order("sr_2").await.work_order_id;
    let mut request = world.assign_request(&other, &technician);
    // Ten hours later it is evening.
    request.override_rules = vec![RefusalRule::OutsideShift.into(), RefusalRule::BreakOverlap.into()];
    request.override_reason = "urgent".to_owned();
    call!(world, Dispatcher, assign_work_order, request).unwrap();
    world.accept(&other).await.unwrap();
    world.bench.advance(Duration::hours(8)).await.unwrap();
    let causes: Vec<_> = world.get(&other).await.escalations.iter().map(Escalation::cause).collect();
    assert_eq!(causes, [EscalationCause::ContactMissed, EscalationCause::Late]);
}
