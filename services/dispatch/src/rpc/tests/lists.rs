//! Lists with their filters, orders and pages, and the timeline.

use chrono::Duration;
use common::{convert::timestamp, testing::Backend};
use proto::aftercare::{common::v1::ListTimelineRequest, dispatch::v1::*};
use rstest::rstest;

use super::world::{World, call, point_request, reason, skill};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn work_orders_are_found_by_every_filter(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let mut orders = Vec::new();
    for request in ["sr_a", "sr_b", "sr_c"] {
        orders.push(world.order(request).await);
        world.bench.advance(Duration::minutes(1)).await.unwrap();
    }
    world.assign(&orders[0].work_order_id, &technician).await.unwrap();
    world.assign(&orders[1].work_order_id, &technician).await.unwrap_err();
    let mut exclusive = world.assign_request(&orders[1].work_order_id, &world.technician().await.technician_id);
    exclusive.request_id = "r-1".to_owned();
    call!(world, Dispatcher, assign_work_order, exclusive).unwrap();
    world.refuse(&orders[1].work_order_id).await.unwrap();
    let all = ListWorkOrdersRequest::default();
    let start = |minutes| Some(timestamp(world.now() + Duration::minutes(minutes)));
    let first_start = 6 * 60 - 3;
    for (wanted, filter) in [
        (vec![0, 1, 2], all.clone()),
        (vec![2, 1, 0], ListWorkOrdersRequest { order_by: "create_time desc".to_owned(), ..all.clone() }),
        (vec![2, 1, 0], ListWorkOrdersRequest { order_by: "window_start desc".to_owned(), ..all.clone() }),
        (vec![1, 2], ListWorkOrdersRequest { states: vec![WorkOrderState::Unassigned.into()], ..all.clone() }),
        (
            vec![0, 1, 2],
            ListWorkOrdersRequest {
                states: vec![WorkOrderState::Unassigned.into(), WorkOrderState::Assigned.into()],
                ..all.clone()
            },
        ),
        (vec![0], ListWorkOrdersRequest { technician_id: technician.clone(), ..all.clone() }),
        (vec![0], ListWorkOrdersRequest { service_point_id: world.point.clone(), ..all.clone() }),
        (vec![0, 1, 2], ListWorkOrdersRequest { org_unit_id: "ou_1".to_owned(), ..all.clone() }),
        (vec![], ListWorkOrdersRequest { org_unit_id: "ou_2".to_owned(), ..all.clone() }),
        (vec![2], ListWorkOrdersRequest { service_request_id: "sr_c".to_owned(), ..all.clone() }),
        (vec![0, 1, 2], ListWorkOrdersRequest { customer_id: "cu_1".to_owned(), ..all.clone() }),
        (vec![1], ListWorkOrdersRequest { escalated_only: true, ..all.clone() }),
        (vec![1], ListWorkOrdersRequest { text: "sr_b".to_owned(), ..all.clone() }),
        (vec![], ListWorkOrdersRequest { kind: "cleaning".to_owned(), ..all.clone() }),
        (vec![1, 2], ListWorkOrdersRequest { window_from: start(first_start + 1), ..all.clone() }),
        (vec![0], ListWorkOrdersRequest { window_until: start(first_start + 1), ..all.clone() }),
    ] {
        let found = call!(world, Dispatcher, list_work_orders, filter.clone()).unwrap().work_orders;
        let ids: Vec<_> = found.iter().map(|order| order.work_order_id.as_str()).collect();
        let expected: Vec<_> = wanted.iter().map(|index: &usize| orders[*index].work_order_id.as_str()).collect();
        assert_eq!(ids, expected, "{filter:?}");
    }
    let unknown = ListWorkOrdersRequest { order_by: "customer".to_owned(), ..all.clone() };
    assert_eq!(reason(call!(world, Dispatcher, list_work_orders, unknown)), "INVALID_ORDER");
    let mut page = ListWorkOrdersRequest { page_size: 2, ..all };
    let first = call!(world, Dispatcher, list_work_orders, page.clone()).unwrap();
    page.page_token = first.next_page_token;
    let last = call!(world, Dispatcher, list_work_orders, page.clone()).unwrap();
    assert_eq!((first.work_orders.len(), last.work_orders.len(), last.next_page_token.as_str()), (2, 1, ""));
    page.kind = "repair".to_owned();
    assert_eq!(reason(call!(world, Dispatcher, list_work_orders, page)), "INVALID_PAGE_TOKEN");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn service_points_and_technicians_are_found_by_what_they_serve_and_can(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let applied = call!(world, Dispatcher, create_service_point, point_request()).unwrap();
    let points = async |filter| {
        let found = call!(world, Dispatcher, list_service_points, filter).unwrap().service_points;
        found.into_iter().map(|point| point.service_point_id).collect::<Vec<_>>()
    };
    let division = |code: &str| ListServicePointsRequest { division_code: code.to_owned(), ..Default::default() };
    assert_eq!(points(division("330106")).await, [world.point.as_str()]);
    assert_eq!(points(division("310101")).await, Vec::<String>::new());
    let state = ListServicePointsRequest { state: ServicePointState::Applied.into(), ..Default::default() };
    assert_eq!(points(state).await, [applied.service_point_id.as_str()]);
    let text = ListServicePointsRequest { text: applied.number.clone(), ..Default::default() };
    assert_eq!(points(text).await, [applied.service_point_id]);
    let able = world.technician().await;
    let master = world.technician_request(&[skill("lighting", 5), skill("curtain", 2)]);
    let master = call!(world, Dispatcher, create_technician, master).unwrap();
    for (wanted, filter) in [
        (2, ListTechniciansRequest { skill: "lighting".to_owned(), ..Default::default() }),
        (1, ListTechniciansRequest { skill: "lighting".to_owned(), min_level: 4, ..Default::default() }),
        (0, ListTechniciansRequest { skill: "gas_appliance".to_owned(), ..Default::default() }),
        (2, ListTechniciansRequest { service_point_id: world.point.clone(), ..Default::default() }),
        (0, ListTechniciansRequest { state: TechnicianState::Suspended.into(), ..Default::default() }),
        (2, ListTechniciansRequest { org_unit_id: "ou_1".to_owned(), ..Default::default() }),
    ] {
        let found = call!(world, Dispatcher, list_technicians, filter.clone()).unwrap().technicians;
        assert_eq!(found.len(), wanted, "{filter:?}");
    }
    let order = ListTechniciansRequest { order_by: "number desc".to_owned(), ..Default::default() };
    let found = call!(world, Dispatcher, list_technicians, order).unwrap().technicians;
    assert_eq!([&found[0].number, &found[1].number], [&master.number, &able.number]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_timeline_tells_every_change_with_who_and_why(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let technician = world.technician().await.technician_id;
    let id = world.order("sr_1").await.work_order_id;
    world.assign(&id, &technician).await.unwrap();
    world.bench.advance(Duration::minutes(1)).await.unwrap();
    world.refuse(&id).await.unwrap();
    let ask = ListTimelineRequest { service_request_id: "sr_1".to_owned(), ..Default::default() };
    let told = call!(world, Agent, list_timeline, ask).unwrap().entries;
    let refused = told.iter().find(|entry| entry.action == "refuse").unwrap();
    assert_eq!((refused.from_state.as_str(), refused.to_state.as_str()), ("assigned", "unassigned"));
    assert_eq!((refused.reason.as_str(), refused.actor.as_ref().unwrap().role.as_str()), ("ill", "technician"));
    assert_eq!((told.len(), told[0].action.as_str(), told[0].customer_id.as_str()), (4, "create", "cu_1"));
    let versions: Vec<_> = told.iter().map(|entry| entry.record_version).collect();
    assert_eq!(
        {
            let mut sorted = versions;
            sorted.sort_unstable();
            sorted
        },
        [1, 2, 3, 4]
    );
}
