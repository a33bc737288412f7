//! Webhooks over real sockets, on both databases.

mod ssrf;
mod world;

use std::{collections::HashMap, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{
    convert::timestamp,
    record::Role,
    testing::{Backend, start},
};
use hmac::{Hmac, Mac as _};
use proto::aftercare::gateway::v1::*;
use rstest::rstest;
use sha2::Sha256;

use self::world::{World, call, reason};

/// As a receiver checks it.
fn verified(secret: &str, seen: &world::Seen) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{}.{}.{}", seen.header("webhook-id"), seen.header("webhook-timestamp"), seen.body);
    seen.header("webhook-signature").split(' ').any(|signature| {
        let given = STANDARD.decode(signature.strip_prefix("v1,").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(signed.as_bytes());
        mac.verify_slice(&given).is_ok()
    })
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn facts_arrive_signed_thin_and_once_with_two_replicas(#[case] backend: Backend) {
    let world = World::new(backend, |_| {}).await;
    let endpoint = world.endpoint(&["work_order.*"]).await;
    assert!(endpoint.secret.starts_with("whsec_"));
    let shown: WebhookEndpoint =
        call!(world, get_endpoint, GetEndpointRequest { endpoint_id: endpoint.endpoint_id.clone() }).unwrap();
    assert_eq!(shown.secret, "", "it is shown once");
    let second = world.replica();
    let _running = [world.run(&world.ctx), world.run(&second)];
    for case in 0..6 {
        for version in 1..=4 {
            world.happens("work_order", &format!("wo_{case}"), version, &format!("sr_{case}")).await;
        }
        world.happens("complaint", &format!("cp_{case}"), 1, &format!("sr_{case}")).await;
    }
    let seen = world.server.wait_for(24).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.server.seen().len(), 24, "nothing is sent twice, nothing that was not asked for");
    let mut by_case: HashMap<String, Vec<String>> = HashMap::new();
    for one in &seen {
        assert!(verified(&endpoint.secret, one), "{one:?}");
        assert!(!verified(&format!("whsec_{}", STANDARD.encode("another")), one));
        let body: serde_json::Value = serde_json::from_str(&one.body).unwrap();
        assert_eq!(body["type"], "work_order.assigned");
        let data = &body["data"];
        by_case
            .entry(data["serviceRequestId"].as_str().unwrap().to_owned())
            .or_default()
            .push(data["recordVersion"].as_str().unwrap().to_owned());
    }
    assert_eq!(by_case.len(), 6);
    assert!(by_case.values().all(|versions| *versions == ["1", "2", "3", "4"]), "{by_case:?}");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_case_waits_for_its_failed_delivery_and_the_others_do_not(#[case] backend: Backend) {
    let world = World::new(backend, |_| {}).await;
    let endpoint = world.endpoint(&["*"]).await;
    world.server.answer(|seen| if seen.body.contains("sr_bad") { 503 } else { 200 });
    let _running = world.run(&world.ctx);
    for version in 1..=3 {
        world.happens("work_order", "wo_bad", version, "sr_bad").await;
        world.happens("work_order", "wo_good", version, "sr_good").await;
    }
    world.server.wait_for(4).await;
    let bad = |seen: &[world::Seen]| seen.iter().filter(|one| one.body.contains("sr_bad")).count();
    assert_eq!(bad(&world.server.seen()), 1, "the second waits for the first");
    // The endpoint recovers: when the pause is over the rest of the case comes, in order.
    world.server.answer(|_| 204);
    world.bench.core.clock.advance(chrono::Duration::seconds(7));
    let seen = world.server.wait_for(7).await;
    let versions: Vec<String> =
        seen.iter().filter(|one| one.body.contains("sr_bad")).map(world::Seen::version).collect();
    assert_eq!(versions, ["1", "1", "2", "3"]);
    let ids: Vec<&str> =
        seen.iter().filter(|one| one.body.contains("sr_bad")).map(|one| one.header("webhook-id")).collect();
    assert_eq!(ids[0], ids[1], "a repeat has the same id");
    let request = ListDeliveriesRequest {
        endpoint_id: endpoint.endpoint_id.clone(),
        case_id: "sr_bad".to_owned(),
        ..Default::default()
    };
    let listed = world.deliveries(&request, DeliveryState::Delivered, 3).await;
    let first = listed.iter().find(|one| one.attempts.len() == 2).expect("the first of the case was tried twice");
    assert_eq!(first.tries, 2);
    assert_eq!(
        first.attempts.iter().map(|one| (one.status, &*one.error)).collect::<Vec<_>>(),
        [(204, ""), (503, "status")]
    );
    assert_eq!(first.attempts[1].snippet, "answer 503");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn after_three_days_it_is_parked_and_after_five_the_endpoint_is_disabled(#[case] backend: Backend) {
    let world = World::new(backend, |_| {}).await;
    let endpoint = world.endpoint(&["*"]).await;
    let id = endpoint.endpoint_id.clone();
    world.server.answer(|_| 500);
    let running = world.run(&world.ctx);
    world.happens("work_order", "wo_1", 1, "sr_1").await;
    let listing = ListDeliveriesRequest { endpoint_id: id.clone(), ..Default::default() };
    let mut tries = 0;
    let parked = loop {
        tries = world.server.wait_for(tries + 1).await.len();
        let listed = world.settled(&listing, i32::try_from(tries).unwrap()).await;
        match listed[0].next_try_at {
            None => break listed[0].clone(),
            Some(next) => world.bench.core.clock.set(common::convert::instant(&next, "").unwrap()),
        }
    };
    assert_eq!(parked.state(), DeliveryState::Parked);
    assert!((12..25).contains(&parked.tries), "{} tries", parked.tries);
    assert!(world.bench.core.clock.now() > start() + chrono::Duration::hours(60));
    let ill: WebhookEndpoint = call!(world, get_endpoint, GetEndpointRequest { endpoint_id: id.clone() }).unwrap();
    assert_eq!((ill.state(), ill.failing_since), (EndpointState::Active, Some(timestamp(start()))));
    // What follows in the case is not held up by what was parked, and fails too: five days are over.
    world.bench.core.clock.set(start() + chrono::Duration::days(5));
    world.happens("work_order", "wo_1", 2, "sr_1").await;
    world.server.wait_for(tries + 1).await;
    let disabled = world.until_disabled(&id).await;
    assert_eq!(disabled.disabled_reason, "failing");
    world.happens("work_order", "wo_1", 3, "sr_1").await;
    // It is well again: enabled, what was parked is sent on request, and what was missed by a replay.
    world.server.answer(|_| 200);
    let enabled: WebhookEndpoint =
        call!(world, enable_endpoint, EnableEndpointRequest { endpoint_id: id.clone(), ..Default::default() }).unwrap();
    assert_eq!((enabled.state(), enabled.failing_since), (EndpointState::Active, None));
    let before = world.server.seen().len();
    let again = RedeliverDeliveryRequest { delivery_id: parked.delivery_id.clone(), ..Default::default() };
    let redelivered: WebhookDelivery = call!(world, redeliver_delivery, again).unwrap();
    assert_eq!(redelivered.state(), DeliveryState::Pending);
    world.server.wait_for(before + 1).await;
    let replay = ReplayFromRequest { endpoint_id: id.clone(), since: Some(timestamp(start())), ..Default::default() };
    let taken: ReplayFromResponse = call!(world, replay_from, replay).unwrap();
    assert_eq!(taken.facts, 3);
    let listed = world.deliveries(&listing, DeliveryState::Delivered, 3).await;
    let messages: Vec<&str> = listed.iter().map(|one| &*one.message_id).collect();
    assert_eq!(messages.len(), 3);
    let seen = world.server.seen();
    let last: Vec<String> = seen[seen.len() - 3..].iter().map(world::Seen::version).collect();
    assert_eq!(last, ["1", "2", "3"], "a replay keeps the order");
    drop(running);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn secrets_rotate_and_an_endpoint_that_is_gone_is_left_alone(#[case] backend: Backend) {
    let world = World::new(backend, |_| {}).await;
    let endpoint = world.endpoint(&["*"]).await;
    let id = endpoint.endpoint_id.clone();
    let rotated: WebhookEndpoint =
        call!(world, rotate_secret, RotateSecretRequest { endpoint_id: id.clone(), ..Default::default() }).unwrap();
    assert_ne!(rotated.secret, endpoint.secret);
    assert_eq!(rotated.former_secret_until, Some(timestamp(start() + chrono::Duration::days(1))));
    let ping = || TestEndpointRequest { endpoint_id: id.clone(), ..Default::default() };
    let result: DeliveryAttempt = call!(world, test_endpoint, ping()).unwrap();
    assert_eq!((result.status, &*result.error, &*result.snippet), (200, "", "answer 200"));
    let seen = world.server.seen();
    assert!(verified(&rotated.secret, &seen[0]) && verified(&endpoint.secret, &seen[0]), "both sign for a day");
    world.bench.core.clock.advance(chrono::Duration::days(1));
    let _: DeliveryAttempt = call!(world, test_endpoint, ping()).unwrap();
    let seen = world.server.seen();
    assert!(verified(&rotated.secret, &seen[1]) && !verified(&endpoint.secret, &seen[1]), "then the new one alone");

    world.server.answer(|_| 410);
    let _running = world.run(&world.ctx);
    world.happens("work_order", "wo_1", 1, "sr_1").await;
    assert_eq!(world.until_disabled(&id).await.disabled_reason, "gone");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_partner_has_its_own_endpoints_and_is_told_of_its_own_cases(#[case] backend: Backend) {
    let world = World::new(backend, |_| {}).await;
    world.belongs("sr_1", "pa_1").await;
    world.belongs("sr_2", "pa_2").await;
    let mut request = world.create(&["*"]);
    request.partner_id = "pa_2".to_owned();
    let own: WebhookEndpoint = call!(world, "pa_1", create_endpoint, request.clone()).unwrap();
    assert_eq!(own.partner_id, "pa_1", "a partner makes its own, whatever it says");
    let foreign: WebhookEndpoint = call!(world, "pa_2", create_endpoint, request.clone()).unwrap();
    let all = ListEndpointsRequest::default();
    let listed: ListEndpointsResponse = call!(world, "pa_1", list_endpoints, all.clone()).unwrap();
    assert_eq!(listed.endpoints.iter().map(|one| &*one.endpoint_id).collect::<Vec<_>>(), [&*own.endpoint_id]);
    let listed: ListEndpointsResponse = call!(world, list_endpoints, all.clone()).unwrap();
    assert_eq!(listed.endpoints.len(), 2, "administrators see all");
    let missing = "we_00000000000000000000000000".to_owned();
    for id in [foreign.endpoint_id.clone(), missing] {
        let id = || id.clone();
        let refused = [
            reason(call!(world, "pa_1", get_endpoint, GetEndpointRequest { endpoint_id: id() })),
            reason(call!(
                world,
                "pa_1",
                rotate_secret,
                RotateSecretRequest { endpoint_id: id(), ..Default::default() }
            )),
            reason(call!(
                world,
                "pa_1",
                test_endpoint,
                TestEndpointRequest { endpoint_id: id(), ..Default::default() }
            )),
            reason(call!(
                world,
                "pa_1",
                disable_endpoint,
                DisableEndpointRequest { endpoint_id: id(), ..Default::default() }
            )),
            reason(call!(
                world,
                "pa_1",
                list_deliveries,
                ListDeliveriesRequest { endpoint_id: id(), ..Default::default() }
            )),
        ];
        assert_eq!(refused, ["NOT_FOUND"; 5]);
    }
    let nobody: Result<ListEndpointsResponse, _> = world
        .as_role(Role::Partner, "", all.clone(), |api, request| async move {
            webhook_service_server::WebhookService::list_endpoints(&*api, request).await
        })
        .await;
    assert_eq!(nobody.unwrap().endpoints.len(), 0, "a partner without a name owns nothing");
    let dispatcher: Result<ListEndpointsResponse, _> = world
        .as_role(Role::Dispatcher, "", all, |api, request| async move {
            webhook_service_server::WebhookService::list_endpoints(&*api, request).await
        })
        .await;
    assert_eq!(reason(dispatcher), "NOT_ALLOWED");
    for (order, case) in [("wo_1", "sr_1"), ("wo_2", "sr_2"), ("wo_3", "sr_3")] {
        world.happens("work_order", order, 1, case).await;
    }
    let told = |id: &str| ListDeliveriesRequest { endpoint_id: id.to_owned(), ..Default::default() };
    let listed: ListDeliveriesResponse = call!(world, "pa_1", list_deliveries, told(&own.endpoint_id)).unwrap();
    assert_eq!(listed.deliveries.iter().map(|one| &*one.case_id).collect::<Vec<_>>(), ["sr_1"]);
    let listed: ListDeliveriesResponse = call!(world, list_deliveries, told(&foreign.endpoint_id)).unwrap();
    assert_eq!(listed.deliveries.iter().map(|one| &*one.case_id).collect::<Vec<_>>(), ["sr_2"]);
    let theirs = listed.deliveries[0].delivery_id.clone();
    let stolen = call!(
        world,
        "pa_1",
        redeliver_delivery,
        RedeliverDeliveryRequest { delivery_id: theirs, ..Default::default() }
    );
    assert_eq!(reason(stolen), "NOT_FOUND");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn urls_are_looked_at_before_they_are_kept(#[case] backend: Backend) {
    let world = World::new(backend, |_| {}).await;
    for url in
        ["http://hooks.example.com/", "https://10.0.0.1/", "https://user@hooks.example.com/", "https://localhost/"]
    {
        let request = CreateEndpointRequest { url: url.to_owned(), ..world.create(&["*"]) };
        assert_eq!(reason(call!(world, create_endpoint, request)), "INVALID_FIELDS", "{url}");
    }
    let endpoint = world.endpoint(&["*"]).await;
    let update = |url: &str, etag: &str| UpdateEndpointRequest {
        endpoint_id: endpoint.endpoint_id.clone(),
        etag: etag.to_owned(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["url".to_owned()] }),
        url: url.to_owned(),
        ..Default::default()
    };
    assert_eq!(reason(call!(world, update_endpoint, update("https://[::1]/", "1"))), "INVALID_FIELDS");
    assert_eq!(reason(call!(world, update_endpoint, update("https://hooks.example.com/", "9"))), "STALE_ETAG");
    let updated: WebhookEndpoint = call!(world, update_endpoint, update("https://hooks.example.com/", "1")).unwrap();
    assert_eq!((&*updated.url, &*updated.etag), ("https://hooks.example.com/", "2"));
    for kinds in [vec!["work_order"], vec!["*.*"], vec![], vec!["Work.x"]] {
        assert_eq!(reason(call!(world, create_endpoint, world.create(&kinds))), "INVALID_FIELDS", "{kinds:?}");
    }
}
