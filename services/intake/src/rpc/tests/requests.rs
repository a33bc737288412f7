//! Registering and changing requests.

use chrono::Duration;
use common::{error::reason, record::Role, testing::Backend};
use prost_types::FieldMask;
use proto::aftercare::intake::v1::*;
use rstest::rstest;

use super::{address, at, names, world};
use crate::{
    error::{EXTERNAL_REFERENCE_TAKEN, PRODUCT_OF_ANOTHER, TOO_LATE_TO_CHANGE},
    rpc::*,
};

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_request_is_filled_from_customer_and_product(#[case] backend: Backend) {
    let world = world(backend).await;
    let request = world.request().await;
    assert_eq!(request.number, "SR-2026-000001");
    assert_eq!((request.contact_name.as_str(), request.contact_phone.as_str()), ("Li Ming", "+8613800138000"));
    assert_eq!((request.org_unit_id.as_str(), request.category_code.as_str()), ("office-east", "fridge"));
    assert_eq!(
        (request.state(), request.charge_kind(), request.urgency()),
        (RequestState::New, ChargeKind::InWarranty, Urgency::Normal)
    );
    assert_eq!(request.warranty.as_ref().unwrap().rule_id, "whole_unit_term");
    assert_eq!(request.allowed_actions, ["triage", "answer", "hold", "update", "cancel", "merge"]);
    let targets: Vec<_> = request.deadlines.iter().map(|one| (one.target.as_str(), one.state.as_str())).collect();
    assert_eq!(
        targets,
        [("callback", "running"), ("response", "running"), ("on_site", "running"), ("resolution", "running")]
    );
    let told = world.facts(&request.service_request_id).await;
    assert_eq!(names(&told), [ServiceRequestFact::Created]);
    assert_eq!(
        (told[0].kind.as_str(), told[0].state.as_str(), told[0].charge_kind.as_str()),
        ("repair", "new", "in_warranty")
    );
    assert_eq!((told[0].division_code.as_str(), told[0].survey_consent), ("310104", true));
    assert!(told[0].resolution_due_at.is_some());
    assert_eq!(world.get(&request.service_request_id).await, request);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn deadlines_start_when_the_customer_asked_and_never_in_the_future(#[case] backend: Backend) {
    let world = world(backend).await;
    let customer = world.customer("13800138000").await;
    let product = world.product(&customer, "", "2026-01-10").await;
    let asked = world.now() - Duration::minutes(20);
    let early = world
        .create(CreateServiceRequestRequest { requested_at: at(asked), ..world.wanted(&customer, &product) })
        .await;
    assert_eq!((early.requested_at, early.create_time), (at(asked), at(world.now())));
    assert_eq!(early.deadlines[0].due_at, at(asked + Duration::minutes(30)));
    let late = CreateServiceRequestRequest {
        requested_at: at(world.now() + Duration::seconds(1)),
        ..world.wanted(&customer, &product)
    };
    let refused = create_service_request::handle(&world.ctx, &world.agent(), late).await.unwrap_err();
    assert_eq!(refused.fields[0].field, "requested_at");
    let phone = world
        .create(CreateServiceRequestRequest { channel: Channel::Hotline.into(), ..world.wanted(&customer, &product) })
        .await;
    assert_eq!(phone.deadlines[0].state, "met", "who is on the phone is owed no callback");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn an_emergency_code_makes_an_emergency_with_script_and_the_manager_told(#[case] backend: Backend) {
    let world = world(backend).await;
    let customer = world.customer("13800138000").await;
    let product = world.product(&customer, "", "2026-01-10").await;
    let shock =
        CreateServiceRequestRequest { fault_code: "electric_shock".to_owned(), ..world.wanted(&customer, &product) };
    let request = world.create(shock).await;
    assert_eq!(request.urgency(), Urgency::Emergency);
    assert!(request.safety_script.contains("main breaker"));
    assert_eq!(
        (request.escalations[0].target.as_str(), request.escalations[0].level.as_str()),
        ("emergency", "manager")
    );
    assert_eq!(request.deadlines[0].allowed_seconds, 300);
    let told = world.facts(&request.service_request_id).await;
    assert_eq!(names(&told), [ServiceRequestFact::Created, ServiceRequestFact::Escalated]);
    assert_eq!((told[1].target.as_str(), told[1].escalation_step), ("emergency", 5));
    let mut call = world.agent();
    call.language = common::catalog::Language::Chinese;
    let get = GetServiceRequestRequest { service_request_id: request.service_request_id };
    assert!(get_service_request::handle(&world.ctx, &call, get).await.unwrap().safety_script.contains("总电源"));
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_partners_number_is_unique_per_partner(#[case] backend: Backend) {
    let world = world(backend).await;
    let customer = world.customer("13800138000").await;
    let product = world.product(&customer, "", "2026-01-10").await;
    let wanted =
        CreateServiceRequestRequest { external_reference: "T-1".to_owned(), ..world.wanted(&customer, &product) };
    let create = |partner: &str| {
        let (ctx, call, wanted) = (&world.ctx, world.bench.call_by(partner, Role::Partner, ""), wanted.clone());
        async move { create_service_request::handle(ctx, &call, wanted).await }
    };
    let first = create("partner-1").await.unwrap();
    assert_eq!(first.partner_id, "partner-1");
    let again = create("partner-1").await.unwrap_err();
    assert_eq!((again.reason, again.facts["number"].clone()), (EXTERNAL_REFERENCE_TAKEN, first.number));
    create("partner-2").await.unwrap();
    let nobody = create_service_request::handle(&world.ctx, &world.agent(), wanted).await.unwrap_err();
    assert_eq!(nobody.fields[0].field, "partner_id");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn duplicates_are_shown_before_and_named_after_saving(#[case] backend: Backend) {
    let world = world(backend).await;
    let first = world.request().await;
    let find = FindDuplicatesRequest {
        contact_phone: "138-0013-8000".to_owned(),
        address: Some(address("310104", "1, Long Road")),
        category_code: "fridge".to_owned(),
        fault_code: "no_cooling".to_owned(),
        ..Default::default()
    };
    let found = find_duplicates::handle(&world.ctx, &world.agent(), find.clone()).await.unwrap().candidates;
    assert_eq!((found[0].number.as_str(), found[0].state()), (first.number.as_str(), RequestState::New));
    assert_eq!(found[0].signals, ["phone", "address", "category", "fault"]);
    let customer = Customer { customer_id: first.customer_id.clone(), ..Default::default() };
    let product = Product { product_id: first.product_id.clone(), ..Default::default() };
    let second = world.create(world.wanted(&customer, &product)).await;
    assert_eq!(second.possible_duplicate_ids, std::slice::from_ref(&first.service_request_id));
    let merge = MergeServiceRequestRequest {
        service_request_id: second.service_request_id.clone(),
        duplicate_of_id: first.service_request_id.clone(),
        ..Default::default()
    };
    let merged = merge_service_request::handle(&world.ctx, &world.agent(), merge).await.unwrap();
    assert_eq!((merged.state(), merged.duplicate_of_id), (RequestState::Merged, first.service_request_id.clone()));
    assert_eq!(find_duplicates::handle(&world.ctx, &world.agent(), find.clone()).await.unwrap().candidates.len(), 1);
    world.advance(Duration::days(15)).await;
    assert!(find_duplicates::handle(&world.ctx, &world.agent(), find.clone()).await.unwrap().candidates.is_empty());
    let longer = FindDuplicatesRequest { days: 30, ..find };
    assert_eq!(find_duplicates::handle(&world.ctx, &world.agent(), longer).await.unwrap().candidates.len(), 1);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn details_change_by_mask_and_urgency_moves_the_deadlines(#[case] backend: Backend) {
    let world = world(backend).await;
    let made = world.request().await;
    let update = |etag: &str, paths: &[&str]| UpdateServiceRequestRequest {
        service_request_id: made.service_request_id.clone(),
        etag: etag.to_owned(),
        update_mask: Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() }),
        urgency: Urgency::Urgent.into(),
        address: Some(address("440106", "2 River Road")),
        assignee_id: "agent-7".to_owned(),
        contact_phone: "13900139000".to_owned(),
        ..Default::default()
    };
    let handle = async |request| update_service_request::handle(&world.ctx, &world.agent(), request).await;
    let urgent = handle(update("1", &["urgency", "address", "assignee_id", "contact_phone"])).await.unwrap();
    assert_eq!((urgent.org_unit_id.as_str(), urgent.assignee_id.as_str()), ("office-south", "agent-7"));
    assert_eq!(urgent.contact_phone, "+8613900139000");
    assert_eq!(urgent.description, made.description);
    assert_eq!(urgent.deadlines[1].allowed_seconds, 4 * 3600);
    assert_eq!(handle(update("1", &["urgency"])).await.unwrap_err().reason, reason::STALE_ETAG);
    assert_eq!(handle(update("2", &["state"])).await.unwrap_err().reason, reason::INVALID_FIELDS);
    assert_eq!(handle(update("2", &[])).await.unwrap_err().fields[0].field, "update_mask");
    let unregistered = handle(update("2", &["product_id"])).await.unwrap();
    assert_eq!((unregistered.product_id.as_str(), unregistered.warranty), ("", None));
    let other = world.customer("13700137000").await;
    let foreign = world.product(&other, "", "2026-01-10").await;
    let request = UpdateServiceRequestRequest { product_id: foreign.product_id, ..update("3", &["product_id"]) };
    assert_eq!(handle(request).await.unwrap_err().reason, PRODUCT_OF_ANOTHER);
    world.triage(&made.service_request_id).await;
    world.release(&made.service_request_id).await;
    assert_eq!(handle(update("5", &["address"])).await.unwrap_err().reason, TOO_LATE_TO_CHANGE);
    assert_eq!(world.get(&made.service_request_id).await.etag, "5");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_repair_of_something_unregistered_is_charged_for_want_of_proof(#[case] backend: Backend) {
    let world = world(backend).await;
    let customer = world.customer("13800138000").await;
    let request = world.create(world.wanted(&customer, &Product::default())).await;
    assert_eq!(
        (request.charge_kind(), request.warranty.unwrap().charged_reason.as_str()),
        (ChargeKind::Charged, "missing_proof")
    );
    let product = world.product(&customer, "", "2026-01-10").await;
    let damaged = CreateServiceRequestRequest {
        warranty_exclusion: WarrantyExclusion::CustomerDamage.into(),
        ..world.wanted(&customer, &product)
    };
    assert_eq!(world.create(damaged).await.warranty.unwrap().charged_reason, "customer_damage");
    let install =
        CreateServiceRequestRequest { kind: RequestKind::Installation.into(), ..world.wanted(&customer, &product) };
    let install = world.create(install).await;
    assert_eq!((install.charge_kind(), install.warranty), (ChargeKind::Unspecified, None));
    let other = world.customer("13900139000").await;
    let foreign = create_service_request::handle(&world.ctx, &world.agent(), world.wanted(&other, &product)).await;
    assert_eq!(foreign.unwrap_err().reason, PRODUCT_OF_ANOTHER);
    let nowhere =
        CreateServiceRequestRequest { org_unit_id: "nowhere".to_owned(), ..world.wanted(&customer, &product) };
    assert_eq!(
        create_service_request::handle(&world.ctx, &world.agent(), nowhere).await.unwrap_err().fields[0].field,
        "org_unit_id"
    );
}
