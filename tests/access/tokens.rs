//! Identities that are forged, stale, misdirected or malformed, sent over a socket to each service: none gets through.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use common::{
    auth::Identity,
    clock::Clock,
    config::Settings,
    record::{Actor, Role},
};
use hmac::{Hmac, Mac as _};
use http::HeaderValue;
use serde_json::{Value, json};
use sha2::Sha256;
use tonic::{Code, metadata::MetadataValue};

use crate::world::World;

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn signed(header: &Value, claims: &Value, key: &str) -> String {
    raw(&encode(header.to_string()), &encode(claims.to_string()), key)
}

fn raw(header: &str, claims: &str, key: &str) -> String {
    let text = format!("{header}.{claims}");
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key");
    mac.update(text.as_bytes());
    format!("{text}.{}", encode(mac.finalize().into_bytes()))
}

fn with(base: &Value, name: &str, value: Value) -> Value {
    let mut changed = base.clone();
    if value == json!("REMOVED") {
        changed.as_object_mut().expect("an object").remove(name);
    } else {
        changed[name] = value;
    }
    changed
}

/// What must not get through, by name. `key` is the installation's, `good` an identity made with it.
fn bad(key: &str, good: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = good.split('.').collect();
    let read =
        |part: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64")).expect("JSON") };
    let (header, claims) = (read(parts[0]), read(parts[1]));
    let now = claims["iat"].as_i64().expect("an instant");
    let mut all = Vec::new();
    let mut add = |name: String, token: String| all.push((name, token));
    for (field, value) in [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS384")),
        ("alg", json!("HS512")),
        ("alg", json!("RS256")),
        ("alg", json!("ES256")),
        ("alg", json!("PS256")),
        ("alg", json!("EdDSA")),
        ("alg", json!("REMOVED")),
        ("alg", json!(null)),
        ("alg", json!("hs256")),
        ("typ", json!("REMOVED")),
        ("typ", json!("JWT")),
        ("typ", json!("at+jwt")),
        ("typ", json!("")),
        ("kid", json!("REMOVED")),
        ("kid", json!("")),
        ("kid", json!("000000000000")),
        ("kid", json!("../../dev/null")),
        ("kid", json!("' OR '1'='1")),
        ("kid", json!(7)),
        ("jku", json!("http://127.0.0.1/keys")),
        ("x5u", json!("http://127.0.0.1/cert")),
        ("x5c", json!(["MIIB"])),
        ("jwk", json!({ "kty": "oct", "k": encode(key) })),
        ("x5t", json!("abc")),
        ("cty", json!("JWT")),
        ("crit", json!(["exp"])),
    ] {
        add(format!("header {field}={value}"), signed(&with(&header, field, value.clone()), &claims, key));
    }
    for (field, value) in [
        ("aud", json!("REMOVED")),
        ("aud", json!("aftercare-clients")),
        ("aud", json!("")),
        ("aud", json!(["aftercare-services", "others"])),
        ("aud", json!(null)),
        ("iss", json!("REMOVED")),
        ("iss", json!("https://aftercare")),
        ("iss", json!(["aftercare"])),
        ("sub", json!("REMOVED")),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("sub", json!(null)),
        ("role", json!("REMOVED")),
        ("role", json!("king")),
        ("role", json!("ADMIN")),
        ("role", json!(["admin"])),
        ("exp", json!("REMOVED")),
        ("exp", json!((now + 100).to_string())),
        ("exp", json!(now - 60)),
        ("exp", json!(0)),
        ("exp", json!(now + 31_536_000)),
        ("exp", json!(-1)),
        ("exp", json!(null)),
        ("exp", json!(now + 3_600)),
        ("nbf", json!("REMOVED")),
        ("nbf", json!(now + 600)),
        ("nbf", json!(now.to_string())),
        ("nbf", json!(null)),
        ("iat", json!("REMOVED")),
        ("iat", json!("now")),
        ("org", json!("REMOVED")),
        ("org", json!(1)),
        ("units", json!("office-east")),
        ("units", json!(["office-east"])),
        ("all", json!("true")),
        ("unmask", json!("yes")),
        ("link", json!("sr_1")),
        ("partner", json!(["pa_one"])),
        ("scope", json!("admin")),
        ("admin", json!(true)),
    ] {
        add(format!("claim {field}={value}"), signed(&header, &with(&claims, field, value.clone()), key));
    }
    for (name, body) in [("no object", json!([])), ("empty", json!({})), ("text", json!("admin"))] {
        add(format!("claims are {name}"), signed(&header, &body, key));
    }
    let [head, body, sign] = [parts[0], parts[1], parts[2]];
    let mut flipped = URL_SAFE_NO_PAD.decode(sign).expect("base64");
    flipped[0] ^= 1;
    let admin = with(&claims, "role", json!("service"));
    for (name, token) in [
        ("no signature", format!("{head}.{body}.")),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{good}.{sign}")),
        ("five parts", format!("{head}.{body}.{sign}.{body}.{sign}")),
        ("a flipped bit", format!("{head}.{body}.{}", encode(&flipped))),
        ("a short signature", format!("{head}.{body}.{}", &sign[..sign.len() - 2])),
        ("a long signature", format!("{good}AAAA")),
        ("padding", format!("{good}=")),
        ("another's claims", format!("{head}.{}.{sign}", encode(admin.to_string()))),
        ("head and body exchanged", raw(body, head, key)),
        ("another key", signed(&header, &claims, &"x".repeat(40))),
        ("an empty key", signed(&header, &claims, "")),
        ("the key's name as key", signed(&header, &claims, header["kid"].as_str().expect("a name"))),
        ("body of garbage", raw(head, &encode([0xff, 0xfe, 0x00]), key)),
        ("body no base64", raw(head, "!!!", key)),
        ("a bearer", format!("Bearer {good}")),
        ("twice", format!("{good}, {good}")),
        ("words", "admin".to_owned()),
        ("JSON", claims.to_string()),
        ("dots", "..".to_owned()),
        ("sixteen kilobytes", signed(&header, &with(&claims, "org", json!("x".repeat(16_000))), key)),
    ] {
        add(name.to_owned(), token);
    }
    all
}

pub(crate) async fn no_bad_identity_gets_into_a_service(world: &World) {
    let key = Settings::defaults("intake").expect("defaults").identity.key.expose().to_owned();
    let actor =
        Actor { account_id: "us_1".to_owned(), ..Actor::new("us_admin", Role::Admin, "head-office").everywhere() };
    let now = Clock::system().now();
    let good = Identity::new(&key).expect("a key").sign(&actor, now).expect("an identity");
    let mut bad = bad(&key, &good);
    let old =
        Identity::new(&key).expect("a key").sign(&actor, now - chrono::Duration::minutes(3)).expect("an identity");
    bad.push(("three minutes old".to_owned(), old));
    bad.push(("nothing".to_owned(), String::new()));

    let (mut sent, mut problems) = (0, Vec::new());
    for (service, path) in [
        ("intake", "/aftercare.intake.v1.IntakeService/ListCustomers"),
        ("dispatch", "/aftercare.dispatch.v1.DispatchService/ListWorkOrders"),
        ("parts-inventory", "/aftercare.parts_inventory.v1.PartsInventoryService/ListParts"),
        ("complaint", "/aftercare.complaint.v1.ComplaintService/ListComplaints"),
        ("survey", "/aftercare.survey.v1.SurveyService/ListInvitations"),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let routes = world.wire.routes[service].clone();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let server = tonic::transport::Server::builder().http2_max_header_list_size(64 * 1024).add_routes(routes);
        let server = tokio::spawn(server.serve_with_incoming(incoming));
        let channel = common::run::channel(&address).expect("a channel");
        let call = async |token: Option<&str>| {
            let mut client = tonic::client::Grpc::new(channel.clone());
            client.ready().await.expect("a channel");
            let mut request = tonic::Request::new(());
            if let Some(token) = token {
                let value = HeaderValue::from_bytes(token.as_bytes()).expect("a header");
                let value = MetadataValue::try_from(value.as_bytes()).expect("metadata");
                request.metadata_mut().insert(common::auth::IDENTITY, value);
            }
            let codec = tonic_prost::ProstCodec::<(), ()>::default();
            client.unary(request, path.parse().expect("a path"), codec).await.map(drop).map_err(|status| status.code())
        };
        assert_eq!(call(Some(&good)).await, Ok(()), "{service}: the good one gets through");
        assert_eq!(call(None).await, Err(Code::Unauthenticated), "{service}: without any");
        for (name, token) in &bad {
            sent += 1;
            let answer = call(Some(token)).await;
            if answer != Err(Code::Unauthenticated) {
                problems.push(format!("{service}: {name}: {answer:?}"));
            }
        }
        server.abort();
    }
    println!("{} bad identities, {sent} calls, {} problems", bad.len(), problems.len());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(bad.len() >= 60, "only {} bad identities", bad.len());
}
