//! Customers: phones, duplicates, changes, merging, repeats.

use common::{
    error::reason,
    rpc::{Outcome, leave},
    testing::Backend,
};
use prost_types::FieldMask;
use proto::aftercare::intake::v1::*;
use rstest::rstest;

use super::{World, world};
use crate::{
    error::{ALREADY_MERGED, INVALID_PHONE, MERGE_WITH_ITSELF},
    rpc::*,
};

fn mask(paths: &[&str]) -> Option<FieldMask> {
    Some(FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() })
}

async fn by_phone(world: &World, phone: &str) -> Vec<String> {
    let request = ListCustomersRequest { phone: phone.to_owned(), ..Default::default() };
    let found = list_customers::handle(&world.ctx, &world.agent(), request).await.unwrap();
    let mut ids: Vec<_> = found.customers.into_iter().map(|customer| customer.customer_id).collect();
    ids.sort_unstable();
    ids
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_phone_is_found_in_any_writing_and_other_files_with_it_are_named(#[case] backend: Backend) {
    let world = world(backend).await;
    let first = world.customer("138 0013 8000").await;
    assert_eq!((first.phones[0].number.as_str(), first.phones[0].primary), ("+8613800138000", true));
    assert_eq!((first.org_unit_id.as_str(), first.language.as_str()), ("office-east", "zh-CN"));
    assert!(first.possible_duplicate_ids.is_empty());
    let second = world.customer("+8613800138000").await;
    assert_eq!(second.possible_duplicate_ids, std::slice::from_ref(&first.customer_id));
    world.customer("13900139000").await;
    let mut both = [first.customer_id.clone(), second.customer_id.clone()];
    both.sort_unstable();
    assert_eq!(by_phone(&world, "0086-138-0013-8000").await, both);
    let request = ListCustomersRequest { phone: "138 0013 8000".to_owned(), page_size: 1, ..Default::default() };
    let page = list_customers::handle(&world.ctx, &world.agent(), request.clone()).await.unwrap();
    let rest = ListCustomersRequest { page_token: page.next_page_token.clone(), ..request };
    let next = list_customers::handle(&world.ctx, &world.agent(), rest).await.unwrap();
    assert_eq!(page.customers[0].possible_duplicate_ids, [next.customers[0].customer_id.clone()]);
    assert_eq!(next.next_page_token, "");
    let wrong = ListCustomersRequest { phone: "12".to_owned(), ..Default::default() };
    assert_eq!(list_customers::handle(&world.ctx, &world.agent(), wrong).await.unwrap_err().reason, INVALID_PHONE);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn every_change_is_kept_and_a_stale_one_refused(#[case] backend: Backend) {
    let world = world(backend).await;
    let made = world.customer("13800138000").await;
    let update = UpdateCustomerRequest {
        customer_id: made.customer_id.clone(),
        etag: made.etag.clone(),
        update_mask: mask(&["name", "tier", "phones"]),
        name: "Li Ming Jr".to_owned(),
        tier: CustomerTier::A.into(),
        phones: vec![Phone { number: "13900139000".to_owned(), ..Phone::default() }],
        notes: "not in the mask".to_owned(),
        ..Default::default()
    };
    let updated = update_customer::handle(&world.ctx, &world.agent(), update.clone()).await.unwrap();
    assert_eq!((updated.name.as_str(), updated.tier(), updated.notes.as_str()), ("Li Ming Jr", CustomerTier::A, ""));
    assert!(by_phone(&world, "13800138000").await.is_empty());
    assert_eq!(by_phone(&world, "13900139000").await, std::slice::from_ref(&made.customer_id));
    let stale = update_customer::handle(&world.ctx, &world.agent(), update.clone()).await.unwrap_err();
    assert_eq!((stale.reason, stale.facts["present"].as_str()), (reason::STALE_ETAG, "2"));
    let unknown = UpdateCustomerRequest { update_mask: mask(&["version"]), etag: updated.etag, ..update };
    let refused = update_customer::handle(&world.ctx, &world.agent(), unknown).await.unwrap_err();
    assert_eq!((refused.reason, refused.fields[0].field.as_str()), (reason::INVALID_FIELDS, "update_mask.version"));
    let request = ListCustomerChangesRequest { customer_id: made.customer_id.clone(), ..Default::default() };
    let changes = list_customer_changes::handle(&world.ctx, &world.agent(), request).await.unwrap().changes;
    let mut kept: Vec<_> = changes.iter().map(|one| (one.field.as_str(), one.customer_version)).collect();
    kept.sort_unstable();
    assert_eq!(kept, [("name", 2), ("phones", 2), ("tier", 2)]);
    let name = changes.iter().find(|one| one.field == "name").unwrap();
    assert_eq!((name.old_value.as_str(), name.new_value.as_str()), ("\"Li Ming\"", "\"Li Ming Jr\""));
    assert_eq!(name.actor.as_ref().unwrap().id, "agent-1");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_repeated_request_id_has_one_effect_and_another_body_is_refused(#[case] backend: Backend) {
    let world = world(backend).await;
    let request = CreateCustomerRequest { request_id: "r-1".to_owned(), name: "Wang".to_owned(), ..Default::default() };
    let call = world.agent();
    let first = create_customer::handle(&world.ctx, &call, request.clone()).await.unwrap();
    let again = create_customer::handle(&world.ctx, &call, request.clone()).await;
    match leave(&world.ctx.core, &call, 0, again).await {
        Outcome::Done(answer) => assert_eq!(answer.unwrap().into_inner(), first),
        Outcome::Again(_) => panic!("a repeat is answered at once"),
    }
    let other = CreateCustomerRequest { name: "Zhang".to_owned(), ..request };
    let refused = create_customer::handle(&world.ctx, &call, other).await.unwrap_err();
    assert_eq!(refused.reason, reason::REQUEST_ID_REUSED);
    let all = list_customers::handle(&world.ctx, &call, ListCustomersRequest::default()).await.unwrap();
    assert_eq!(all.customers.len(), 1);
    assert_eq!(world.bench.events().await.unwrap().len(), 1);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn merging_moves_everything_and_leaves_a_forward(#[case] backend: Backend) {
    let world = world(backend).await;
    let request = world.request().await;
    let given_up = request.customer_id.clone();
    let contact = RecordContactRequest {
        service_request_id: request.service_request_id.clone(),
        direction: ContactDirection::Outbound.into(),
        channel: "phone".to_owned(),
        summary: "spoke".to_owned(),
        ..Default::default()
    };
    record_contact::handle(&world.ctx, &world.agent(), contact).await.unwrap();
    let kept = world.customer("13900139000").await;
    let merge = MergeCustomersRequest {
        customer_id: kept.customer_id.clone(),
        etag: kept.etag.clone(),
        merged_customer_id: given_up.clone(),
        reason: "same person".to_owned(),
        ..Default::default()
    };
    let stale = MergeCustomersRequest { etag: "9".to_owned(), ..merge.clone() };
    assert_eq!(
        merge_customers::handle(&world.ctx, &world.agent(), stale).await.unwrap_err().reason,
        reason::STALE_ETAG
    );
    let merged = merge_customers::handle(&world.ctx, &world.agent(), merge.clone()).await.unwrap();
    assert_eq!(merged.phones.len(), 2);
    let forwarded = GetCustomerRequest { customer_id: given_up.clone() };
    assert_eq!(
        get_customer::handle(&world.ctx, &world.agent(), forwarded).await.unwrap().customer_id,
        kept.customer_id
    );
    assert_eq!(world.get(&request.service_request_id).await.customer_id, kept.customer_id);
    let of_kept = |id: &str| ListProductsRequest { customer_id: id.to_owned(), ..Default::default() };
    let products = list_products::handle(&world.ctx, &world.agent(), of_kept(&kept.customer_id)).await.unwrap();
    assert_eq!(products.products.len(), 1);
    let contacts = ListContactsRequest { customer_id: kept.customer_id.clone(), ..Default::default() };
    assert_eq!(list_contacts::handle(&world.ctx, &world.agent(), contacts).await.unwrap().contacts.len(), 1);
    let living = list_customers::handle(&world.ctx, &world.agent(), ListCustomersRequest::default()).await.unwrap();
    assert_eq!(living.customers.len(), 1);
    let again = merge_customers::handle(
        &world.ctx,
        &world.agent(),
        MergeCustomersRequest { etag: String::new(), ..merge.clone() },
    )
    .await;
    assert_eq!(again.unwrap_err().reason, ALREADY_MERGED);
    let itself = MergeCustomersRequest { merged_customer_id: kept.customer_id.clone(), etag: String::new(), ..merge };
    assert_eq!(
        merge_customers::handle(&world.ctx, &world.agent(), itself).await.unwrap_err().reason,
        MERGE_WITH_ITSELF
    );
    assert_eq!(by_phone(&world, "13800138000").await, [kept.customer_id]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn names_are_found_literally_and_unknown_files_are_not_found(#[case] backend: Backend) {
    let world = world(backend).await;
    for name in ["100% Light", "100 Light", "李明"] {
        let request = CreateCustomerRequest { name: name.to_owned(), ..Default::default() };
        create_customer::handle(&world.ctx, &world.agent(), request).await.unwrap();
    }
    let find =
        |text: &str| ListCustomersRequest { text: text.to_owned(), order_by: "name".to_owned(), ..Default::default() };
    let count = async |text: &str| {
        list_customers::handle(&world.ctx, &world.agent(), find(text)).await.unwrap().customers.len()
    };
    assert_eq!((count("0%").await, count("LIGHT").await, count("李").await, count("_").await), (1, 2, 1, 0));
    let order = ListCustomersRequest { order_by: "phone".to_owned(), ..Default::default() };
    assert_eq!(
        list_customers::handle(&world.ctx, &world.agent(), order).await.unwrap_err().reason,
        reason::INVALID_ORDER
    );
    let unknown = GetCustomerRequest { customer_id: "cu_01k00000000000000000000000".to_owned() };
    assert_eq!(get_customer::handle(&world.ctx, &world.agent(), unknown).await.unwrap_err().reason, reason::NOT_FOUND);
    let wrong = GetCustomerRequest { customer_id: "pr_01k00000000000000000000000".to_owned() };
    assert_eq!(get_customer::handle(&world.ctx, &world.agent(), wrong).await.unwrap_err().reason, reason::INVALID_ID);
}
