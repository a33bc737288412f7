//! Parts and locations.

use common::testing::Backend;
use proto::aftercare::parts_inventory::v1::*;
use rstest::rstest;

use crate::world::{World, a_part, call, reason};

#[rstest]
#[tokio::test]
async fn a_part_is_kept_changed_and_found(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let mut request = a_part("HINGE-1", PartTracking::Batch);
    request.models = vec!["CAB-9".into()];
    request.substitutes = vec!["HINGE-2".into()];
    request.return_old_part = true;
    request.barcode = "690123".into();
    let made = call!(world, Warehouse, create_part, request.clone()).unwrap();
    assert_eq!((made.etag.as_str(), made.return_old_part, made.org_unit_id.as_str()), ("1", true, "ou_1"));

    let update = UpdatePartRequest {
        part_id: made.part_id.clone(),
        etag: made.etag.clone(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["name".into(), "decimals".into()] }),
        name: "Soft hinge".into(),
        decimals: 1,
        unit: "ignored".into(),
        ..Default::default()
    };
    let changed = call!(world, Warehouse, update_part, update.clone()).unwrap();
    assert_eq!((changed.name.as_str(), changed.decimals, changed.unit.as_str()), ("Soft hinge", 1, "pcs"));
    assert_eq!(call!(world, Warehouse, get_part, GetPartRequest { part_id: made.part_id.clone() }).unwrap(), changed);

    let stale = call!(world, Warehouse, update_part, update.clone()).unwrap_err();
    assert_eq!((stale.code(), reason(&stale).as_str()), (tonic::Code::Aborted, "STALE_ETAG"));
    let mut unknown = update;
    unknown.etag = changed.etag;
    unknown.update_mask = Some(prost_types::FieldMask { paths: vec!["sku".into()] });
    assert_eq!(reason(&call!(world, Warehouse, update_part, unknown).unwrap_err()), "INVALID_FIELDS");

    let taken = call!(world, Warehouse, create_part, request).unwrap_err();
    assert_eq!((taken.code(), reason(&taken).as_str()), (tonic::Code::AlreadyExists, "SKU_TAKEN"));
}

#[rstest]
#[tokio::test]
async fn a_repeated_request_makes_one_part(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let mut request = a_part("A", PartTracking::Plain);
    request.request_id = "r-1".into();
    let first = call!(world, Warehouse, create_part, request.clone()).unwrap();
    assert_eq!(call!(world, Warehouse, create_part, request.clone()).unwrap(), first);
    request.name = "Another".into();
    assert_eq!(reason(&call!(world, Warehouse, create_part, request).unwrap_err()), "REQUEST_ID_REUSED");
    let all = call!(world, Warehouse, list_parts, ListPartsRequest::default()).unwrap();
    assert_eq!(all.parts.len(), 1);
}

#[rstest]
#[tokio::test]
async fn parts_are_listed_filtered_ordered_and_paged(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    for number in 1..=5 {
        let mut request = a_part(&format!("P-{number}"), PartTracking::Plain);
        request.kind = if number == 5 { PartKind::Gift } else { PartKind::Spare } as i32;
        request.models = if number % 2 == 0 { vec!["LAMP-1".into()] } else { vec!["SOFA".into(), "LAMP".into()] };
        call!(world, Warehouse, create_part, request).unwrap();
    }
    world.part("ANY", PartTracking::Plain).await;
    let skus = |answer: &ListPartsResponse| answer.parts.iter().map(|part| part.sku.clone()).collect::<Vec<_>>();

    let page = ListPartsRequest { page_size: 4, order_by: "sku desc".into(), ..Default::default() };
    let first = call!(world, Agent, list_parts, page.clone()).unwrap();
    assert_eq!(skus(&first), ["P-5", "P-4", "P-3", "P-2"]);
    let next = ListPartsRequest { page_token: first.next_page_token, ..page };
    let second = call!(world, Agent, list_parts, next).unwrap();
    assert_eq!((skus(&second), second.next_page_token.as_str()), (vec!["P-1".to_owned(), "ANY".to_owned()], ""));

    let fits = ListPartsRequest { model: "LAMP".into(), order_by: "sku".into(), ..Default::default() };
    assert_eq!(skus(&call!(world, Agent, list_parts, fits).unwrap()), ["ANY", "P-1", "P-3", "P-5"]);
    let gifts = ListPartsRequest { kind: PartKind::Gift as i32, ..Default::default() };
    assert_eq!(skus(&call!(world, Agent, list_parts, gifts).unwrap()), ["P-5"]);
    let text = ListPartsRequest { text: "P-2".into(), ..Default::default() };
    assert_eq!(skus(&call!(world, Agent, list_parts, text).unwrap()), ["P-2"]);
    let order = ListPartsRequest { order_by: "weight".into(), ..Default::default() };
    assert_eq!(reason(&call!(world, Agent, list_parts, order).unwrap_err()), "INVALID_ORDER");
}

#[rstest]
#[tokio::test]
async fn locations_make_a_tree(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    let van = |code: &str, parent: &str, technician: &str| CreateLocationRequest {
        code: code.into(),
        name: code.into(),
        kind: LocationKind::Van as i32,
        parent_id: parent.into(),
        technician_id: technician.into(),
        ..Default::default()
    };
    for (request, expected) in [
        (van("V1", &tree.point, "te_9"), "LOCATION_CODE_TAKEN"),
        (van("V9", &tree.point, "te_1"), "VAN_TAKEN"),
        (van("V9", &tree.region, "te_9"), "WRONG_PLACE_IN_TREE"),
        (van("V9", &tree.point, ""), "WRONG_PLACE_IN_TREE"),
        (van("V9", "loc_x", "te_9"), "INVALID_ID"),
        (van("V9", "loc_0000000000000000000000zzzz", "te_9"), "NOT_FOUND"),
    ] {
        assert_eq!(reason(&call!(world, Warehouse, create_location, request).unwrap_err()), expected);
    }
    let below =
        ListLocationsRequest { parent_id: tree.point.clone(), order_by: "code desc".into(), ..Default::default() };
    let found = call!(world, Warehouse, list_locations, below).unwrap().locations;
    assert_eq!(found.iter().map(|place| place.code.as_str()).collect::<Vec<_>>(), ["V2", "V1"]);
    let far = ListLocationsRequest { kind: LocationKind::InTransit as i32, ..Default::default() };
    assert_eq!(call!(world, Warehouse, list_locations, far).unwrap().locations.len(), 1);
}

#[rstest]
#[tokio::test]
async fn only_an_empty_location_is_closed(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let world = World::new(backend).await;
    let tree = world.tree().await;
    world.part("A", PartTracking::Plain).await;
    world.stock(&tree.van, "A", 1).await;
    let close = |id: &str| UpdateLocationRequest {
        location_id: id.into(),
        etag: "1".into(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["closed".into()] }),
        closed: true,
        ..Default::default()
    };
    assert_eq!(reason(&call!(world, Warehouse, update_location, close(&tree.van)).unwrap_err()), "LOCATION_NOT_EMPTY");
    assert!(call!(world, Warehouse, update_location, close(&tree.other_van)).unwrap().closed);
    let refused = world.receive(&tree.other_van, vec![crate::world::line("A", 1, "")]).await.unwrap_err();
    assert_eq!(reason(&refused), "LOCATION_NOT_USABLE");
    let far = close(parts_inventory::domain::location::SCRAP);
    assert_eq!(reason(&call!(world, Warehouse, update_location, far).unwrap_err()), "LOCATION_NOT_USABLE");
}
