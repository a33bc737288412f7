//! Credentials that are forged, stale or meant for something else, at every surface: none gets through.

use std::sync::atomic::Ordering;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use common::{
    clock::Clock,
    record::{Actor, Role},
    testing::{Backend, TEST_KEY},
};
use http::StatusCode;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use prost::Message as _;
use proto::aftercare::{gateway::v1::RefreshSessionRequest, intake::v1::GetServiceRequestRequest};
use rstest::rstest;
use serde_json::{Value, json};

use super::{PASSWORD, World, part, with};
use crate::{
    domain::identity::link::{self, Link},
    identity::keys::Purpose,
    links,
    store::identity as rows,
};

const REQUEST: &str = "sr_00000000000000000000000001";

/// All kinds of tokens that must not pass; `good` is one that does.
async fn forgeries(world: &World, good: &str) -> Vec<(String, String)> {
    let key = world.authority.keys.signing(Purpose::Access).await.unwrap();
    let link_key = world.authority.keys.signing(Purpose::Link).await.unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let header = |typ: &str, kid: &str| json!({"typ": typ, "alg": "HS256", "kid": kid});
    let seal = |header: &Value, claims: &Value, secret: &[u8]| {
        let text = format!("{}.{}", part(header), part(claims));
        let mac = crate::identity::secrets::sign(secret, &text).unwrap();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let ours = header("at+jwt", &key.id);
    assert_eq!(world.knock("authorization", &format!("Bearer {}", seal(&ours, &claims, &key.secret))).await.0, 200);

    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, token: String| all.push((name.to_owned(), token));
    // The form.
    for (name, token) in [
        ("empty", " "),
        ("no token", "nonsense"),
        ("dots", ".."),
        ("two parts", &*format!("{}.{}", parts[0], parts[1])),
        ("four parts", &*format!("{good}.x")),
        ("five parts, as encrypted ones have", "a.b.c.d.e"),
        ("no signature", &*format!("{}.{}.", parts[0], parts[1])),
        ("twice", &*format!("{good}{good}")),
        ("padded", &*format!("{good}=")),
        ("quoted", &*format!("\"{good}\"")),
    ] {
        add(name, token.to_owned());
    }
    add("a megabyte of nothing", "x".repeat(15_000));
    add("long claims", seal(&ours, &with(&claims, "jti", json!("x".repeat(3000))), &key.secret));
    // The signature.
    for (name, secret) in [
        ("an empty key", &b""[..]),
        ("the key's name as key", key.id.as_bytes()),
        ("another key", &[7; 32]),
        ("the links' key", &link_key.secret),
        ("the services' key", TEST_KEY.as_bytes()),
        ("the development key", b"development-only-this-is-not-a-secret"),
    ] {
        add(name, seal(&ours, &claims, secret));
    }
    for place in [0, 10, 20, 42] {
        let mut signature = parts[2].as_bytes().to_vec();
        signature[place] = if signature[place] == b'A' { b'B' } else { b'A' };
        let signature = String::from_utf8(signature).unwrap();
        add(&format!("signature changed at {place}"), format!("{}.{}.{signature}", parts[0], parts[1]));
    }
    add("half a signature", format!("{}.{}.{}", parts[0], parts[1], &parts[2][..20]));
    // The header.
    for alg in ["none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "EdDSA", "PS256", "hs256", ""] {
        let forged = json!({"typ": "at+jwt", "alg": alg, "kid": key.id});
        add(&format!("alg {alg}"), seal(&forged, &claims, &key.secret));
        add(&format!("alg {alg} without signature"), format!("{}.{}.", part(&forged), part(&claims)));
    }
    for (field, value) in [
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/cert")),
        ("jwk", json!({"kty": "oct", "k": "AAAA", "alg": "HS256"})),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("cty", json!("JWT")),
        ("zip", json!("DEF")),
    ] {
        add(&format!("header with {field}"), seal(&with(&ours, field, value), &claims, &key.secret));
    }
    for kid in ["", "access-0", "access-99", "link-1", "../../dev/null", "' OR 1=1 --", "access-1\u{0}", "ACCESS-1"] {
        add(&format!("kid {kid}"), seal(&header("at+jwt", kid), &claims, &key.secret));
    }
    add("no kid", seal(&json!({"typ": "at+jwt", "alg": "HS256"}), &claims, &key.secret));
    for typ in ["JWT", "jwt", "step+jwt", "client+jwt", "aftercare-identity+jwt", "refresh", ""] {
        add(&format!("typ {typ}"), seal(&header(typ, &key.id), &claims, &key.secret));
    }
    add("no typ", seal(&json!({"alg": "HS256", "kid": key.id}), &claims, &key.secret));
    // The claims.
    let now = world.bench.core.clock.now().timestamp();
    for (field, value) in [
        ("iss", json!("somebody")),
        ("iss", json!("aftercare")),
        ("iss", json!("")),
        ("aud", json!("somebody")),
        ("aud", json!("aftercare-services")),
        ("aud", json!(["aftercare", "other"])),
        ("aud", json!("")),
        ("sub", json!("")),
        ("sub", json!("us_00000000000000000000000000")),
        ("sid", json!("")),
        ("sid", json!("se_00000000000000000000000000")),
        ("sid", json!("se_x' OR '1'='1")),
        ("exp", json!(now - 31)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!((now + 900).to_string())),
        ("exp", json!(now as f64 + 900.5)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(now + 86_400)),
        ("exp", Value::Null),
        ("nbf", json!(now + 60)),
        ("nbf", json!(now.to_string())),
        ("nbf", Value::Null),
        ("iat", json!(now + 60)),
        ("iat", json!(now - 86_400)),
        ("iat", json!(i64::MIN)),
        ("role", json!("admin")),
        ("jti", json!(7)),
    ] {
        add(&format!("{field} {value}"), seal(&ours, &with(&claims, field, value), &key.secret));
    }
    for field in ["iss", "aud", "sub", "sid", "exp", "nbf", "iat", "jti", "scope"] {
        let mut less = claims.clone();
        less.as_object_mut().unwrap().remove(field);
        add(&format!("without {field}"), seal(&ours, &less, &key.secret));
    }
    add("claims that are a list", seal(&ours, &json!([claims]), &key.secret));
    // What is good for something else.
    let actor = Actor::new("us_1", Role::Admin, "head-office").everywhere();
    let inside = world.bench.core.identity.sign(&actor, Clock::system().now()).unwrap();
    add("an identity of the inside", inside);
    let other = Header { kid: Some(key.id.clone()), typ: Some("at+jwt".to_owned()), ..Header::new(Algorithm::HS512) };
    let other = jsonwebtoken::encode(&other, &claims, &EncodingKey::from_secret(&key.secret)).unwrap();
    add("truly signed by HS512", other);
    let soon = world.bench.core.clock.now() + Duration::minutes(5);
    add("a link without a record", links::sign(&world.authority, "record", "lk_1", soon).await.unwrap());
    add("an API key that nobody has", format!("ak_0123456789ab_{}", "x".repeat(43)));
    all
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn no_forged_stale_or_misdirected_token_gets_through(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.account("root", Role::Admin).await;
    let good = world.token("root").await;
    let forged = forgeries(&world, &good).await;
    assert!(forged.len() >= 60, "only {} tokens", forged.len());
    let before = world.through.load(Ordering::SeqCst);
    let mut leaks = Vec::new();
    for (name, token) in &forged {
        let Ok(value) = http::HeaderValue::try_from(format!("Bearer {token}")) else { continue };
        let answers = world.knock("authorization", value.to_str().unwrap()).await;
        if answers != (StatusCode::UNAUTHORIZED, "16".to_owned(), "16".to_owned()) {
            leaks.push(format!("{name}: {answers:?}"));
        }
    }
    assert_eq!(leaks, Vec::<String>::new());
    // What the inside believes is nobody's outside, with no credentials and beside good ones.
    for (header, value) in [
        ("x-aftercare-role", "admin"),
        ("x-aftercare-user", "us_1"),
        (
            "x-aftercare-identity",
            &*world.bench.core.identity.sign(&Actor::service("x"), Clock::system().now()).unwrap(),
        ),
        ("x-aftercare-session", "se_1"),
        ("x-api-key", &*good),
        ("authorization", "Basic YWRtaW46YWRtaW4="),
        ("cookie", &*format!("token={good}")),
    ] {
        let answers = world.knock(header, value).await;
        assert_eq!(answers, (StatusCode::UNAUTHORIZED, "16".to_owned(), "16".to_owned()), "{header}");
    }
    assert_eq!(world.through.load(Ordering::SeqCst), before, "somebody came through");
    let answers = world.knock("authorization", &format!("Bearer {good}")).await;
    assert_eq!(answers, (StatusCode::OK, "0".to_owned(), "0".to_owned()));
}

/// A link with a record, and its token.
pub(super) async fn link(world: &World, life: Duration) -> (String, String) {
    let call = world.bench.call(Role::Admin);
    let made = Link {
        id: call.ids.make(call.now),
        version: 0,
        created_at: call.now,
        updated_at: call.now,
        org_unit_id: "head-office".to_owned(),
        created_by: "us_1".to_owned(),
        purpose: link::Purpose::Progress,
        record_id: REQUEST.to_owned(),
        expires_at: call.now + life,
        revoked_at: None,
    };
    let token = links::token(&world.authority, &made).await.unwrap();
    let tx = world.bench.core.db.begin().await.unwrap();
    let made = rows::link::insert(&tx, &call, made).await.unwrap();
    tx.commit().await.unwrap();
    (made.id.to_string(), token)
}

/// The same with one letter changed, at these places; and cut, lengthened, doubled and in other letters.
fn mangled(good: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for place in [0, 1, good.len() / 3, good.len() / 2, good.len() - 2] {
        let mut letters: Vec<char> = good.chars().collect();
        letters[place] = if letters[place] == 'x' { 'y' } else { 'x' };
        all.push((format!("changed at {place}"), letters.into_iter().collect()));
    }
    all.extend([
        ("cut".to_owned(), good[..good.len() - 1].to_owned()),
        ("half".to_owned(), good[..good.len() / 2].to_owned()),
        ("longer".to_owned(), format!("{good}x")),
        ("padded".to_owned(), format!("{good}=")),
        ("in capitals".to_owned(), good.to_uppercase()),
        ("reversed".to_owned(), good.chars().rev().collect()),
    ]);
    all
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn no_forged_or_stale_refresh_token_gives_a_session(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let root = world.account("root", Role::Admin).await;
    let call = || world.bench.call(Role::CustomerLink);
    let sign_in = async || world.authority.sign_in(&call(), "root", PASSWORD).await.unwrap();
    let clock = &world.bench.core.clock;
    let ask = async |token: &str| {
        let (rest, _) = world.post("/v1/sessions:refresh", &json!({"refreshToken": token})).await;
        let message = RefreshSessionRequest { refresh_token: token.to_owned() }.encode_to_vec();
        let rpc = "/aftercare.gateway.v1.IdentityService/RefreshSession";
        let grpc = world.grpc("application/grpc", rpc, &message, "x-test", "1").await;
        (rest, grpc, world.grpc("application/grpc-web", rpc, &message, "x-test", "1").await)
    };
    let session = sign_in().await;
    let good = session.refresh_token.clone();
    let (_, secret) = world.admin().client("ERP", "haier", "head-office").await.unwrap();
    let (_, link) = link(&world, Duration::days(1)).await;
    let actor = Actor::new("us_1", Role::Admin, "head-office").everywhere();
    let mut all = mangled(&good);
    for (name, token) in [
        ("an access token", session.access_token.clone()),
        ("the session's id", session.session_id.clone()),
        ("the account's id", root.clone()),
        ("an API key", secret),
        ("a link", link),
        ("its digest", crate::identity::secrets::hex_digest(&good)),
        ("an identity of the inside", world.bench.core.identity.sign(&actor, Clock::system().now()).unwrap()),
        ("invented", format!("rt_{}", "x".repeat(43))),
        ("without its beginning", good.trim_start_matches("rt_").to_owned()),
        ("another beginning", good.replace("rt_", "ak_")),
        ("with blanks", format!(" {good} ")),
        ("injected", "rt_' OR '1'='1".to_owned()),
    ] {
        // Longer ones are refused by the rules of the field, before anybody looks at them.
        all.push((name.to_owned(), token.chars().take(200).collect()));
    }
    // Stale: of sessions that ended, each in its own way.
    let ended = sign_in().await;
    world.post_as("/v1/sessions:sign-out", &json!({}), &ended.access_token).await;
    all.push(("signed out".to_owned(), ended.refresh_token));
    let used = sign_in().await;
    assert_eq!(world.authority.refresh(&call(), &used.refresh_token).await.unwrap().session_id, used.session_id);
    clock.advance(Duration::seconds(11));
    all.push(("used before".to_owned(), used.refresh_token));
    world.account("wang", Role::Agent).await;
    let wang = world.authority.sign_in(&call(), "wang", PASSWORD).await.unwrap();
    let path = format!("/v1/accounts/{}:disable", wang.account.as_ref().unwrap().account_id);
    assert_eq!(world.post_as(&path, &json!({"reason": "left"}), &session.access_token).await.0, StatusCode::OK);
    all.push(("of a disabled account".to_owned(), wang.refresh_token));
    let refused = (StatusCode::UNAUTHORIZED, "16".to_owned(), "16".to_owned());
    let mut leaks = Vec::new();
    for (name, token) in &all {
        let answers = ask(token).await;
        if answers != refused {
            leaks.push(format!("{name}: {answers:?}"));
        }
    }
    assert_eq!(leaks, Vec::<String>::new());
    assert!(all.len() >= 25, "only {}", all.len());
    // The good one still is; and none is for ever.
    let next = world.authority.refresh(&call(), &good).await.unwrap();
    clock.advance(Duration::days(8));
    assert_eq!(ask(&next.refresh_token).await, refused, "too old");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn no_forged_or_stale_key_of_a_program_gets_through(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.account("root", Role::Admin).await;
    let root = world.token("root").await;
    let (id, good) = world.admin().client("ERP", "haier", "head-office").await.unwrap();
    let (_, other) = world.admin().client("CRM", "midea", "head-office").await.unwrap();
    let (beginning, secret) = good.rsplit_once('_').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let mut all = mangled(&good);
    for (name, key) in [
        ("another's secret under its beginning", format!("{beginning}_{}", other.rsplit_once('_').unwrap().1)),
        ("its secret under another's beginning", format!("{}_{secret}", other.rsplit_once('_').unwrap().0)),
        ("the beginning alone", beginning.clone()),
        ("the beginning and a blank", format!("{beginning}_")),
        ("the secret alone", secret.clone()),
        ("the client's id", id.clone()),
        ("its digest", format!("{beginning}_{}", &crate::identity::secrets::hex_digest(&good)[..43])),
        ("injected", "ak_0123456789ab_' OR '1'='1".to_owned()),
        ("a token of the inside", world.bench.core.identity.sign(&Actor::service("x"), Clock::system().now()).unwrap()),
    ] {
        all.push((name.to_owned(), key));
    }
    // Stale: retired, of a disabled client, of one that is over.
    let (status, rotated) = world.post_as(&format!("/v1/clients/{id}:rotate-secret"), &json!({}), &root).await;
    assert_eq!(status, StatusCode::OK, "{rotated}");
    let second = rotated["secret"].as_str().unwrap().to_owned();
    let ok = (StatusCode::OK, "0".to_owned(), "0".to_owned());
    assert_eq!(world.knock("x-api-key", &second).await, ok, "two secrets are live");
    let prefix = crate::identity::clients::prefix(&second).unwrap().to_owned();
    let retire = json!({"prefix": prefix});
    let (status, answer) = world.post_as(&format!("/v1/clients/{id}:retire-secret"), &retire, &root).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    all.push(("retired".to_owned(), second));
    let (gone, key) = world.admin().client("gone", "haier", "head-office").await.unwrap();
    assert_eq!(world.post_as(&format!("/v1/clients/{gone}:disable"), &json!({}), &root).await.0, StatusCode::OK);
    all.push(("of a disabled client".to_owned(), key));
    let (over, key) = world.admin().client("over", "haier", "head-office").await.unwrap();
    let soon = (world.bench.core.clock.now() + Duration::minutes(1)).to_rfc3339();
    let patch = json!({"etag": "1", "updateMask": "expireTime", "expireTime": soon});
    let (status, answer) = world.patch(&format!("/v1/clients/{over}"), &patch, &root).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    all.push(("of a client that is over".to_owned(), key));
    world.bench.core.clock.advance(Duration::minutes(2));

    let refused = (StatusCode::UNAUTHORIZED, "16".to_owned(), "16".to_owned());
    let before = world.through.load(Ordering::SeqCst);
    let mut leaks = Vec::new();
    for (name, key) in &all {
        for (header, value) in [("x-api-key", key.clone()), ("authorization", format!("Bearer {key}"))] {
            let answers = world.knock(header, &value).await;
            if answers != refused {
                leaks.push(format!("{name} as {header}: {answers:?}"));
            }
        }
    }
    assert_eq!(leaks, Vec::<String>::new());
    assert!(all.len() >= 20, "only {}", all.len());
    assert_eq!(world.through.load(Ordering::SeqCst), before, "somebody came through");
    assert_eq!(world.knock("x-api-key", &good).await, ok);
    // From where it may not call: nobody knows from where this call comes, which is nowhere that is named.
    let etag = world.get(&format!("/v1/clients/{id}"), &root).await.1["etag"].clone();
    let patch = json!({"etag": etag, "updateMask": "allowedNetworks", "allowedNetworks": ["203.0.113.0/24"]});
    assert_eq!(world.patch(&format!("/v1/clients/{id}"), &patch, &root).await.0, StatusCode::OK);
    let elsewhere = (StatusCode::FORBIDDEN, "7".to_owned(), "7".to_owned());
    assert_eq!(world.knock("x-api-key", &good).await, elsewhere);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn no_forged_or_stale_link_gets_through(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let knock = async |token: &str| {
        let message = GetServiceRequestRequest { service_request_id: REQUEST.to_owned() }.encode_to_vec();
        let path = format!("/v1/service-requests/{REQUEST}");
        world.knock_at(&path, "GetServiceRequest", message, "authorization", &format!("Bearer {token}")).await
    };
    let (id, good) = link(&world, Duration::days(1)).await;
    let ok = (StatusCode::OK, "0".to_owned(), "0".to_owned());
    assert_eq!(knock(&good).await, ok);
    let mut all = mangled(&good);
    let now = world.bench.core.clock.now();
    let record = id.clone();
    let signed = async |purpose: &str, subject: &str| {
        links::sign(&world.authority, purpose, subject, now + Duration::hours(1)).await.unwrap()
    };
    let parts: Vec<&str> = good.split('.').collect();
    let &[_, subject, end, key, signature] = parts.as_slice() else { panic!("{good}") };
    let later = format!("{:x}", i64::from_str_radix(end, 16).unwrap() + 86_400);
    let access = world.authority.keys.signing(Purpose::Access).await.unwrap();
    for (name, token) in [
        ("a link to a file", format!("lt.{}", signed("file", &record).await)),
        ("a link to an export", format!("lt.{}", signed("export", &record).await)),
        ("a link without a record", signed("record", &record).await),
        ("a link that nobody made", format!("lt.{}", signed("record", "lk_00000000000000000000000000").await)),
        ("a link to an account", format!("lt.{}", signed("record", "us_00000000000000000000000000").await)),
        ("longer than it is good for", format!("lt.{subject}.{later}.{key}.{signature}")),
        ("its end in capitals", format!("lt.{subject}.{}.{key}.{signature}", end.to_uppercase() + "0")),
        ("its end with a nought before it", format!("lt.{subject}.0{end}.{key}.{signature}")),
        ("its end with a sign", format!("lt.{subject}.+{end}.{key}.{signature}")),
        ("another key's name", format!("lt.{subject}.{end}.{}.{signature}", access.id)),
        ("no key", format!("lt.{subject}.{end}..{signature}")),
        ("no signature", format!("lt.{subject}.{end}.{key}.")),
        ("no signature at all", format!("lt.{subject}.{end}.{key}")),
        ("half a signature", format!("lt.{subject}.{end}.{key}.{}", &signature[..10])),
        ("the record's id", format!("lt.{record}")),
        ("nothing behind its beginning", "lt.".to_owned()),
        ("dots", "lt.....".to_owned()),
        ("very long", format!("lt.{}.{end}.{key}.{signature}", "A".repeat(10_000))),
    ] {
        all.push((name.to_owned(), token));
    }
    let (revoked, token) = link(&world, Duration::days(1)).await;
    world.account("root", Role::Admin).await;
    let root = world.token("root").await;
    assert_eq!(world.post_as(&format!("/v1/links/{revoked}:revoke"), &json!({}), &root).await.0, StatusCode::OK);
    all.push(("revoked".to_owned(), token));
    let (_, token) = link(&world, Duration::minutes(1)).await;
    world.bench.core.clock.advance(Duration::minutes(1));
    all.push(("over".to_owned(), token));

    let refused = (StatusCode::UNAUTHORIZED, "16".to_owned(), "16".to_owned());
    let before = world.through.load(Ordering::SeqCst);
    let mut leaks = Vec::new();
    for (name, token) in &all {
        let answers = knock(token).await;
        if answers != refused {
            leaks.push(format!("{name}: {answers:?}"));
        }
    }
    assert_eq!(leaks, Vec::<String>::new());
    assert!(all.len() >= 25, "only {}", all.len());
    assert_eq!(world.through.load(Ordering::SeqCst), before, "somebody came through");
    assert_eq!(knock(&good).await, ok);
}
