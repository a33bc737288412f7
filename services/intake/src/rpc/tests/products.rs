//! Products and the warranty's answer.

use chrono::Duration;
use common::testing::Backend;
use prost_types::FieldMask;
use proto::aftercare::{dispatch::v1::WorkOrderFact, intake::v1::*};
use rstest::rstest;

use super::{World, world};
use crate::{error::SERIAL_TAKEN, rpc::*};

async fn warranty(world: &World, product: &Product, date: &str) -> WarrantyAnswer {
    let request = ResolveWarrantyRequest {
        product_id: product.product_id.clone(),
        date: date.to_owned(),
        fault_code: "no_cooling".to_owned(),
        ..Default::default()
    };
    resolve_warranty::handle(&world.ctx, &world.agent(), request).await.unwrap()
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_serial_number_is_unique_per_model(#[case] backend: Backend) {
    let world = world(backend).await;
    let customer = world.customer("13800138000").await;
    let first = world.product(&customer, "LX2601A", "2026-01-10").await;
    let again = CreateProductRequest {
        customer_id: customer.customer_id.clone(),
        model: "KX-1".to_owned(),
        category_code: "fridge".to_owned(),
        serial_number: " LX2601A ".to_owned(),
        ..Default::default()
    };
    let refused = create_product::handle(&world.ctx, &world.agent(), again.clone()).await.unwrap_err();
    assert_eq!((refused.reason, refused.facts["product_id"].clone()), (SERIAL_TAKEN, first.product_id.clone()));
    let other_model = CreateProductRequest { model: "KX-2".to_owned(), ..again.clone() };
    create_product::handle(&world.ctx, &world.agent(), other_model).await.unwrap();
    let unknown = CreateProductRequest { serial_number: String::new(), ..again };
    create_product::handle(&world.ctx, &world.agent(), unknown.clone()).await.unwrap();
    let free = create_product::handle(&world.ctx, &world.agent(), unknown).await.unwrap();
    let taken = UpdateProductRequest {
        product_id: free.product_id.clone(),
        etag: free.etag,
        update_mask: Some(FieldMask { paths: vec!["serial_number".to_owned()] }),
        serial_number: "LX2601A".to_owned(),
        ..Default::default()
    };
    assert_eq!(update_product::handle(&world.ctx, &world.agent(), taken).await.unwrap_err().reason, SERIAL_TAKEN);
    let by_serial = ListProductsRequest { serial_number: "LX2601A".to_owned(), ..Default::default() };
    assert_eq!(list_products::handle(&world.ctx, &world.agent(), by_serial).await.unwrap().products.len(), 2);
    // Installed where the customer lives, unless said otherwise.
    assert_eq!(first.install_address.unwrap().division_code, "310104");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_warranty_explains_itself_and_counts_our_own_repairs(#[case] backend: Backend) {
    let world = world(backend).await;
    let request = world.request().await;
    let id = request.service_request_id;
    let get = GetProductRequest { product_id: request.product_id.clone() };
    let product = get_product::handle(&world.ctx, &world.agent(), get).await.unwrap();
    let answer = warranty(&world, &product, "").await;
    assert_eq!(
        (answer.verdict(), answer.rule_id.as_str(), answer.rule_version.as_str()),
        (WarrantyVerdict::InWarranty, "whole_unit_term", "2026-11")
    );
    assert_eq!(
        (answer.start_event.as_str(), answer.start_date.as_str(), answer.months),
        ("install_date", "2026-01-10", 12)
    );
    assert_eq!((answer.end_date.as_str(), answer.burden_of_proof_ours), ("2027-01-09", true));
    world.triage(&id).await;
    world.release(&id).await;
    world.visit(&id, "wo_1", 1, WorkOrderFact::Created).await;
    world.visit(&id, "wo_1", 1, WorkOrderFact::Started).await;
    world.advance(Duration::days(5)).await;
    world.visit(&id, "wo_1", 1, WorkOrderFact::Completed).await;
    let after = warranty(&world, &product, "2026-05-01").await;
    assert_eq!((after.end_date.as_str(), after.deductions[0].days), ("2027-01-14", 5));
    assert_eq!((after.repeat_visit, after.caused_by_id, after.rule_id.as_str()), (true, id.clone(), "repair_warranty"));
    // The same fault again, while the repair's own warranty holds.
    let customer = Customer { customer_id: request.customer_id, ..Default::default() };
    let again = world.create(world.wanted(&customer, &product)).await;
    assert_eq!(
        (again.repeat_visit, again.caused_by_id.clone(), again.charge_kind()),
        (true, id, ChargeKind::InWarranty)
    );
    assert_eq!(warranty(&world, &product, "2027-03-01").await.verdict(), WarrantyVerdict::Charged);
}
