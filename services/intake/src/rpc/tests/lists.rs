//! The work list: every filter, every order, pages without gaps; and the units.

use chrono::Duration;
use common::{error::reason, testing::Backend};
use proto::aftercare::intake::v1::*;
use rstest::rstest;

use super::{World, at, world};
use crate::rpc::*;

async fn numbers(world: &World, request: ListServiceRequestsRequest) -> Vec<i32> {
    let found = list_service_requests::handle(&world.ctx, &world.agent(), request).await.unwrap();
    found.service_requests.iter().map(|one| one.number.rsplit('-').next().unwrap().parse().unwrap()).collect()
}

/// 1: a repair, triaged; 2: an urgent cleaning of another customer far away, on hold; 3: a cancelled repair; 4: asked for earlier.
async fn filled(world: &World) -> (Customer, Customer) {
    let near = world.customer("13800138000").await;
    let product = world.product(&near, "", "2026-01-10").await;
    let far = world.customer("13900139000").await;
    let first = world.create(world.wanted(&near, &product)).await;
    let second = CreateServiceRequestRequest {
        kind: RequestKind::Cleaning.into(),
        urgency: Urgency::Urgent.into(),
        address: Some(super::address("440106", "2 River Road")),
        description: "Dust in 100% of the rooms".to_owned(),
        assignee_id: "agent-2".to_owned(),
        ..world.wanted(&far, &Product::default())
    };
    let second = world.create(second).await;
    let third = world.create(world.wanted(&near, &product)).await;
    world
        .create(CreateServiceRequestRequest {
            requested_at: at(world.now() - Duration::days(3)),
            ..world.wanted(&near, &product)
        })
        .await;
    world.triage(&first.service_request_id).await;
    let hold = HoldServiceRequestRequest {
        service_request_id: second.service_request_id,
        hold: HoldReason::Parts.into(),
        reason: "brush".to_owned(),
        ..Default::default()
    };
    hold_service_request::handle(&world.ctx, &world.agent(), hold).await.unwrap();
    let cancel = CancelServiceRequestRequest {
        service_request_id: third.service_request_id,
        reason: "twice".to_owned(),
        ..Default::default()
    };
    cancel_service_request::handle(&world.ctx, &world.agent(), cancel).await.unwrap();
    (near, far)
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn every_filter_selects(#[case] backend: Backend) {
    let world = world(backend).await;
    let (near, far) = filled(&world).await;
    let all = ListServiceRequestsRequest::default();
    let found = list_service_requests::handle(&world.ctx, &world.agent(), all.clone()).await.unwrap().service_requests;
    let product_id = found.iter().find(|one| !one.product_id.is_empty()).unwrap().product_id.clone();
    let text = |text: &str| ListServiceRequestsRequest { text: text.to_owned(), ..Default::default() };
    let cases = [
        (all.clone(), vec![1, 2, 3, 4]),
        (ListServiceRequestsRequest { state: RequestState::Triaged.into(), ..all.clone() }, vec![1]),
        (ListServiceRequestsRequest { kind: RequestKind::Cleaning.into(), ..all.clone() }, vec![2]),
        (ListServiceRequestsRequest { urgency: Urgency::Urgent.into(), ..all.clone() }, vec![2]),
        (ListServiceRequestsRequest { on_hold: HoldReason::Parts.into(), ..all.clone() }, vec![2]),
        (ListServiceRequestsRequest { on_hold: HoldReason::Customer.into(), ..all.clone() }, vec![]),
        (ListServiceRequestsRequest { assignee_id: "agent-2".to_owned(), ..all.clone() }, vec![2]),
        (ListServiceRequestsRequest { org_unit_id: "office-south".to_owned(), ..all.clone() }, vec![2]),
        (ListServiceRequestsRequest { customer_id: far.customer_id, ..all.clone() }, vec![2]),
        (ListServiceRequestsRequest { customer_id: near.customer_id, open: true, ..all.clone() }, vec![1, 4]),
        (ListServiceRequestsRequest { product_id, ..all.clone() }, vec![1, 3, 4]),
        (ListServiceRequestsRequest { due_before: at(world.now() + Duration::minutes(20)), ..all.clone() }, vec![2, 4]),
        (ListServiceRequestsRequest { requested_until: at(world.now()), ..all.clone() }, vec![4]),
        (ListServiceRequestsRequest { requested_from: at(world.now()), ..all.clone() }, vec![1, 2, 3]),
        (ListServiceRequestsRequest { breached: true, ..all.clone() }, vec![]),
        (text("COOL"), vec![1, 3, 4]),
        (text("100%"), vec![2]),
        (text("SR-2026-000003"), vec![3]),
        (text("1_0"), vec![]),
    ];
    for (request, wanted) in cases {
        let mut found = numbers(&world, request.clone()).await;
        found.sort_unstable();
        assert_eq!(found, wanted, "{request:?}");
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn orders_and_pages_have_no_gaps(#[case] backend: Backend) {
    let world = world(backend).await;
    filled(&world).await;
    for order in ["", "create_time", "create_time desc", "requested_at", "next_due_at", "update_time desc"] {
        let request = ListServiceRequestsRequest { order_by: order.to_owned(), ..Default::default() };
        let whole = numbers(&world, request.clone()).await;
        assert_eq!(whole.len(), 4, "{order}");
        let (mut pages, mut token) = (Vec::new(), String::new());
        loop {
            let page = ListServiceRequestsRequest { page_size: 1, page_token: token, ..request.clone() };
            let found = list_service_requests::handle(&world.ctx, &world.agent(), page).await.unwrap();
            pages.extend(
                found.service_requests.iter().map(|one| one.number.rsplit('-').next().unwrap().parse::<i32>().unwrap()),
            );
            token = found.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(pages, whole, "{order}");
    }
    let by_time = ListServiceRequestsRequest { order_by: "requested_at".to_owned(), ..Default::default() };
    assert_eq!(numbers(&world, by_time).await[0], 4);
    // The cancelled one has nothing due and comes last.
    let by_due = ListServiceRequestsRequest { order_by: "next_due_at".to_owned(), ..Default::default() };
    assert_eq!(numbers(&world, by_due).await[3], 3);
    let wrong = ListServiceRequestsRequest { order_by: "number".to_owned(), ..Default::default() };
    let refused = list_service_requests::handle(&world.ctx, &world.agent(), wrong).await.unwrap_err();
    assert_eq!(
        (refused.reason, refused.facts["allowed"].as_str()),
        (reason::INVALID_ORDER, "create_time, requested_at, next_due_at, update_time")
    );
    let foreign = ListServiceRequestsRequest { page_token: "AAAA".to_owned(), ..Default::default() };
    let refused = list_service_requests::handle(&world.ctx, &world.agent(), foreign).await.unwrap_err();
    assert_eq!(refused.reason, reason::INVALID_PAGE_TOKEN);
}

#[tokio::test]
async fn the_responsible_unit_is_named() {
    let world = world(Backend::Sqlite).await;
    let ask = async |code: &str| {
        let request = ListOrgUnitsRequest { division_code: code.to_owned(), ..Default::default() };
        let found = list_org_units::handle(&world.ctx, &world.agent(), request).await.unwrap().org_units;
        found.into_iter().map(|unit| unit.org_unit_id).collect::<Vec<_>>()
    };
    assert_eq!(ask("").await.len(), 5);
    assert_eq!(ask("440106").await, ["office-south"]);
    assert_eq!(ask("650100").await, ["head-office"]);
}
