//! The board, live positions, lateness that is told before it happens, and durations that are learned.

use chrono::Duration;
use common::testing::Backend;
use futures::StreamExt as _;
use proto::aftercare::{common::v1::LatLng, dispatch::v1::*};
use rstest::rstest;

use super::world::{World, call, reason, skill};

fn report(technician: &str) -> ReportPositionRequest {
    ReportPositionRequest {
        technician_id: technician.to_owned(),
        position: Some(LatLng { latitude: 30.9, longitude: 120.9 }),
        ..Default::default()
    }
}

async fn consenting(world: &World) -> String {
    let request =
        CreateTechnicianRequest { position_consent: true, ..world.technician_request(&[skill("lighting", 3)]) };
    call!(world, Dispatcher, create_technician, request).unwrap().technician_id
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_board_shows_days_ways_and_positions_and_tells_changes(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = consenting(&world).await;
    let order = world.order("sr_1").await.work_order_id;
    let board = call!(world, Dispatcher, get_board, GetBoardRequest::default()).unwrap();
    assert_eq!((board.lanes.len(), board.unassigned.len(), board.whole), (1, 1, true));
    let mut watch = call!(world, Dispatcher, watch_board, WatchBoardRequest::default()).unwrap();
    assert_eq!(watch.next().await.unwrap().unwrap(), board);
    world.assign(&order, &technician).await.unwrap();
    call!(world, Technician, report_position, report(&technician)).unwrap();
    let changed = watch.next().await.unwrap().unwrap();
    assert!(!changed.whole && changed.unassigned.is_empty());
    let lane = &changed.lanes[0];
    let kinds: Vec<_> = lane.items.iter().map(|item| item.kind()).collect();
    for kind in [BoardItemKind::Shift, BoardItemKind::Break, BoardItemKind::Travel, BoardItemKind::Visit] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert_eq!((lane.work_minutes, lane.technician_id.as_str()), (90, technician.as_str()));
    let now = call!(world, Dispatcher, get_board, GetBoardRequest::default()).unwrap();
    assert!(now.lanes[0].position.is_some());
    // Who resumes is told what was missed; who was away for long gets the whole board.
    let resume = WatchBoardRequest { version: board.version, ..Default::default() };
    let mut resumed = call!(world, Dispatcher, watch_board, resume).unwrap();
    let first = resumed.next().await.unwrap().unwrap();
    assert!(!first.whole && first.lanes.len() == 1);
    let nonsense = WatchBoardRequest { version: "nonsense".to_owned(), ..Default::default() };
    assert!(call!(world, Dispatcher, watch_board, nonsense).unwrap().next().await.unwrap().unwrap().whole);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn positions_need_consent_and_working_hours(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let shy = world.technician().await.technician_id;
    assert_eq!(reason(call!(world, Technician, report_position, report(&shy))), "POSITION_WITHOUT_CONSENT");
    let open = consenting(&world).await;
    assert!(call!(world, Technician, report_position, report(&open)).is_ok());
    // Fourteen hours later it is midnight in Shanghai.
    world.bench.advance(Duration::hours(14)).await.unwrap();
    assert_eq!(reason(call!(world, Technician, report_position, report(&open))), "POSITION_OFF_DUTY");
    let board = call!(world, Dispatcher, get_board, GetBoardRequest::default()).unwrap();
    assert!(board.lanes.iter().all(|lane| lane.position.is_none()), "an old position is not shown");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn lateness_is_told_once_before_it_happens(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = consenting(&world).await;
    let order = world.order("sr_1").await.work_order_id;
    world.assign(&order, &technician).await.unwrap();
    world.accept(&order).await.unwrap();
    let contact = ContactCustomerRequest {
        work_order_id: order.clone(),
        result: ContactResult::WindowConfirmed.into(),
        ..Default::default()
    };
    call!(world, Technician, contact_customer, contact).unwrap();
    world.forecast().await;
    assert!(!world.get(&order).await.escalated, "there is time enough");
    // Half an hour before the window ends, a hundred kilometres away.
    world.bench.advance(Duration::minutes(7 * 60 + 30)).await.unwrap();
    call!(world, Technician, report_position, report(&technician)).unwrap();
    world.forecast().await;
    world.forecast().await;
    let late = world.get(&order).await;
    let steps: Vec<_> = late.escalations.iter().map(|step| step.cause()).collect();
    assert_eq!((late.escalated, steps), (true, vec![EscalationCause::Late]));
    assert!(late.assignment.unwrap().expected_arrival_at.is_some());
    let board = call!(world, Dispatcher, get_board, GetBoardRequest::default()).unwrap();
    assert_eq!(board.lanes[0].late_visits, 1);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn durations_are_learned_from_completed_visits(#[case] backend: Backend) {
    let world = World::with(backend, &[("floor = 12", "floor = 2")], "[durations]\nfloor = 2\n").await;
    let technician = world.technician().await.technician_id;
    for request in ["sr_1", "sr_2"] {
        let order = world.order(request).await;
        let begun = world.begun(&order, &technician).await;
        world.bench.advance(Duration::minutes(50)).await.unwrap();
        call!(world, Technician, complete_work_order, world.complete_request(&begun)).unwrap();
    }
    let list = ListDurationsRequest { kind: "repair".to_owned(), ..Default::default() };
    let learned = call!(world, Dispatcher, list_durations, list).unwrap().durations;
    let of = |category: &str, technician: &str| {
        learned.iter().find(|row| row.category_code == category && row.technician_id == technician).unwrap()
    };
    let row = of("lighting.led", "");
    assert_eq!((row.standard_minutes, row.learned_minutes, row.samples, row.used), (90, 50, 2, true));
    assert_eq!(of("lighting.led", &technician).learned_minutes, 50);
    // The next work order is expected to take as long as the others did.
    let next = world.order("sr_3").await;
    assert_eq!((next.duration_minutes, next.standard_minutes), (50, 90));
}
