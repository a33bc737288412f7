//! What happens by itself: warnings, breaches, the ladder, closing, releases that nobody takes up. Each once.

use std::collections::HashMap;

use chrono::Duration;
use common::{testing::Backend, timer};
use proto::aftercare::{dispatch::v1::WorkOrderFact, intake::v1::*};
use rstest::rstest;

use super::{World, world};
use crate::rpc::*;

fn steps(request: &ServiceRequest, target: &str) -> Vec<(i32, String, i64)> {
    let asked = request.requested_at.unwrap().seconds;
    let ours = request.escalations.iter().filter(|one| one.target == target);
    ours.map(|one| (one.step, one.level.clone(), (one.at.unwrap().seconds - asked) / 60)).collect()
}

fn step(step: i32, level: &str, minute: i64) -> (i32, String, i64) {
    (step, level.to_owned(), minute)
}

/// A request with somebody who looks after it, whom reminders can reach.
async fn assigned(world: &World) -> String {
    let customer = world.customer("13800138000").await;
    let product = world.product(&customer, "", "2026-01-10").await;
    let wanted = CreateServiceRequestRequest { assignee_id: "agent-1".to_owned(), ..world.wanted(&customer, &product) };
    world.create(wanted).await.service_request_id
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_ladder_is_climbed_step_by_step_each_recorded_and_told_once(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = assigned(&world).await;
    world.advance(Duration::hours(9)).await;
    let request = world.get(&id).await;
    // Asked for at 10:00, a call owed within 30 minutes.
    let wanted = [
        step(0, "assignee", 22),
        step(1, "assignee", 30),
        step(2, "assignee", 60),
        step(3, "assignee", 90),
        step(4, "supervisor", 120),
        step(5, "manager", 180),
        step(6, "head_office", 420),
    ];
    assert_eq!(steps(&request, "callback"), wanted);
    let told: Vec<_> = world
        .facts(&id)
        .await
        .into_iter()
        .filter(|told| told.target == "callback")
        .map(|told| told.escalation_step)
        .collect();
    assert_eq!(told, [0, 1, 2, 3, 4, 5, 6]);
    let breached = ListServiceRequestsRequest { breached: true, ..Default::default() };
    assert_eq!(
        list_service_requests::handle(&world.ctx, &world.agent(), breached).await.unwrap().service_requests.len(),
        1
    );
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn with_nobody_to_remind_the_supervisor_is_told_at_once(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = world.request().await.service_request_id;
    world.advance(Duration::minutes(31)).await;
    let wanted = [step(0, "assignee", 22), step(1, "assignee", 30), step(4, "supervisor", 30)];
    assert_eq!(steps(&world.get(&id).await, "callback"), wanted);
    assert_eq!(world.facts(&id).await.last().unwrap().escalation_step, 4);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn two_replicas_fire_a_timer_once_and_a_restart_loses_none(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = assigned(&world).await;
    // Nobody ran for a while: what is due waits in the table.
    world.bench.core.clock.advance(Duration::minutes(23));
    let handlers: HashMap<_, _> = world.bench.service.timers.iter().cloned().collect();
    let (one, two) =
        tokio::join!(timer::fire_due(&world.ctx.core, &handlers), timer::fire_due(&world.ctx.core, &handlers));
    one.unwrap();
    two.unwrap();
    assert_eq!(world.get(&id).await.escalations.len(), 1);
    assert_eq!(world.facts(&id).await.len(), 2);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_solved_request_closes_after_a_week_and_not_before(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = world.solved().await.service_request_id;
    world.advance(Duration::days(7) - Duration::seconds(1)).await;
    assert_eq!(world.get(&id).await.state(), RequestState::Resolved);
    world.advance(Duration::seconds(1)).await;
    let closed = world.get(&id).await;
    assert_eq!((closed.state(), closed.state_reason.as_str()), (RequestState::Closed, "no_answer"));
    let count = world.facts(&id).await.len();
    world.advance(Duration::days(60)).await;
    assert_eq!(world.facts(&id).await.len(), count, "nothing more happens to a closed request");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_release_that_dispatch_does_not_take_up_is_told_once_per_visit(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = assigned(&world).await;
    world.triage(&id).await;
    world.release(&id).await;
    world.advance(Duration::minutes(10)).await;
    assert_eq!(steps(&world.get(&id).await, "fulfilment"), [step(4, "supervisor", 2)]);
    world.visit(&id, "wo_1", 1, WorkOrderFact::Created).await;
    world.visit(&id, "wo_1", 1, WorkOrderFact::Failed).await;
    world.advance(Duration::minutes(1)).await;
    world.visit(&id, "wo_2", 2, WorkOrderFact::Created).await;
    world.advance(Duration::minutes(10)).await;
    assert_eq!(steps(&world.get(&id).await, "fulfilment").len(), 1, "the second visit was taken up in time");
    let released =
        world.facts(&id).await.into_iter().filter(|told| told.fact() == ServiceRequestFact::Released).count();
    assert_eq!(released, 1);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_cancelled_request_expects_nothing_more(#[case] backend: Backend) {
    let world = world(backend).await;
    let id = assigned(&world).await;
    world.triage(&id).await;
    world.release(&id).await;
    let cancel =
        CancelServiceRequestRequest { service_request_id: id.clone(), reason: "sold".to_owned(), ..Default::default() };
    cancel_service_request::handle(&world.ctx, &world.agent(), cancel).await.unwrap();
    let count = world.facts(&id).await.len();
    world.advance(Duration::days(30)).await;
    assert_eq!(world.facts(&id).await.len(), count);
}
