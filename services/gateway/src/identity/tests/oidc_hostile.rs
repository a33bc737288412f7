//! A provider that is false, or in false hands: nobody gets in by what it says.

use axum::response::IntoResponse as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Duration;
use common::testing::Backend;
use http::{StatusCode, header};
use rstest::rstest;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use serde_json::{Value, json};

use super::{
    World,
    oidc::{CREATES, world},
    part,
    provider::{Answer, Browser, CLIENT, Pair, Provider, token},
    with,
};
use crate::{
    identity::secrets,
    store::identity::{account, provider as rows, session},
};

/// Tickets, sessions and accounts: what somebody has who got in.
async fn inside(world: &World) -> [u64; 3] {
    let on = world.bench.core.db.read();
    [
        rows::ticket::Entity::find().count(on).await.unwrap(),
        session::entity::Entity::find().count(on).await.unwrap(),
        account::entity::Entity::find().count(on).await.unwrap(),
    ]
}

/// Tokens with false claims, truly signed.
fn false_claims(now: i64) -> Vec<(String, Answer)> {
    let changes = [
        ("nonce", json!(secrets::text())),
        ("nonce", json!("")),
        ("nonce", json!(["n"])),
        ("aud", json!("somebody-else")),
        ("aud", json!([])),
        ("aud", json!(["somebody-else"])),
        ("aud", json!([CLIENT.0, "somebody-else"])),
        ("aud", json!({"0": CLIENT.0})),
        ("azp", json!("somebody-else")),
        ("iss", json!("https://evil.test")),
        ("iss", json!("")),
        ("iss", json!(["http://127.0.0.1"])),
        ("exp", json!(now - 61)),
        ("exp", json!(0)),
        ("exp", json!((now + 300).to_string())),
        ("iat", json!(now + 120)),
        ("iat", json!(now - 3600)),
        ("iat", json!("now")),
        ("nbf", json!(now + 120)),
        ("sub", json!("")),
        ("sub", json!(1)),
        ("sub", json!("x".repeat(300))),
    ];
    let mut all: Vec<(String, Answer)> = Vec::new();
    for (field, value) in changes {
        let name = format!("{field} {value}");
        all.push((name, token(move |claims, pair| pair.sign(&with(claims, field, value.clone())))));
    }
    for field in ["nonce", "aud", "iss", "exp", "iat", "sub"] {
        let answer = token(move |claims, pair| {
            let mut less = claims.clone();
            less.as_object_mut().unwrap().remove(field);
            pair.sign(&less)
        });
        all.push((format!("without {field}"), answer));
    }
    all
}

/// Tokens with the honest claims, falsely signed.
fn false_signatures() -> Vec<(String, Answer)> {
    fn add(all: &mut Vec<(String, Answer)>, name: &str, of: impl Fn(&Value, &Pair) -> String + Send + 'static) {
        all.push((name.to_owned(), token(of)));
    }
    let mut all = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let bare = |head: &Value, claims: &Value| format!("{}.{}.", part(head), part(claims));
        let head = json!({"alg": alg, "kid": "first"});
        let without = head.clone();
        add(&mut all, &format!("alg {alg:?} without signature"), move |claims, _| bare(&without, claims));
        add(&mut all, &format!("alg {alg:?} with one"), move |claims, pair| pair.seal(&head, claims));
    }
    for alg in ["RS256", "PS256", "ES256", "ES384", "EdDSA ", "eddsa", "Ed25519", "HS512"] {
        let head = json!({"alg": alg, "kid": "first"});
        add(&mut all, &format!("alg {alg}"), move |claims, pair| pair.seal(&head, claims));
    }
    // What everybody can read, taken for a shared secret.
    let shared = |of: fn(&Pair) -> Vec<u8>| {
        move |claims: &Value, pair: &Pair| {
            let text = format!("{}.{}", part(&json!({"alg": "HS256", "kid": pair.kid})), part(claims));
            format!("{text}.{}", URL_SAFE_NO_PAD.encode(secrets::sign(&of(pair), &text).unwrap()))
        }
    };
    add(&mut all, "HS256 by the public key", shared(|pair| pair.bytes.clone()));
    add(&mut all, "HS256 by the public key as text", shared(|pair| pair.public["x"].as_str().unwrap().into()));
    add(&mut all, "HS256 by the published key", shared(|pair| pair.public.to_string().into()));
    add(
        &mut all,
        "HS256 by the public key in PEM",
        shared(|pair| {
            let der = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), &pair.bytes].concat();
            let text = base64::engine::general_purpose::STANDARD.encode(der);
            format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n").into()
        }),
    );
    add(&mut all, "HS256 by our own secret there", shared(|_| CLIENT.1.into()));
    add(&mut all, "HS256 by nothing", shared(|_| Vec::new()));
    // Strangers' keys, under names known and unknown, and brought along.
    for kid in ["first", "unknown", "", "../keys"] {
        add(&mut all, &format!("a stranger's key as {kid:?}"), move |claims, _| Pair::new(kid).sign(claims));
    }
    add(&mut all, "a stranger's key without a name", |claims, _| Pair::new("").seal(&json!({"alg": "EdDSA"}), claims));
    add(&mut all, "a key's name that is no text", |claims, pair| pair.seal(&json!({"alg": "EdDSA", "kid": 7}), claims));
    for (field, of) in [
        ("jwk", (|stranger| stranger.public.clone()) as fn(&Pair) -> Value),
        ("jku", |_| json!("https://evil.test/keys")),
        ("x5u", |_| json!("https://evil.test/cert")),
        ("x5c", |_| json!(["MIIB"])),
    ] {
        add(&mut all, &format!("a stranger's key in {field}"), move |claims, pair| {
            let stranger = Pair::new(&pair.kid);
            stranger.seal(&json!({"alg": "EdDSA", "kid": pair.kid, field: of(&stranger)}), claims)
        });
    }
    add(&mut all, "an extension that must be known", |claims, pair| {
        pair.seal(&json!({"alg": "EdDSA", "kid": pair.kid, "crit": ["x"], "x": 1}), claims)
    });
    // The form.
    add(&mut all, "another's claims under a true signature", |claims, pair| {
        let good = pair.sign(claims);
        let parts: Vec<&str> = good.split('.').collect();
        format!("{}.{}.{}", parts[0], part(&with(claims, "groups", json!(["admins"]))), parts[2])
    });
    add(&mut all, "no signature", |claims, pair| pair.sign(claims).rsplit_once('.').unwrap().0.to_owned() + ".");
    add(&mut all, "two parts", |claims, pair| pair.sign(claims).rsplit_once('.').unwrap().0.to_owned());
    add(&mut all, "five parts", |claims, pair| pair.sign(claims) + ".x.y");
    add(&mut all, "twice", |claims, pair| pair.sign(claims).repeat(2));
    add(&mut all, "empty", |_, _| String::new());
    add(&mut all, "claims that are a list", |claims, pair| pair.sign(&json!([claims])));
    add(&mut all, "longer than anybody's", |claims, pair| pair.sign(&with(claims, "x", json!("x".repeat(40_000)))));
    all
}

/// Answers without a token that could be judged.
fn false_answers() -> Vec<(&'static str, Answer)> {
    let no_token = json!({"access_token": "at"});
    vec![
        ("no id token", Box::new(move |_, _| axum::Json(no_token.clone()).into_response())),
        ("an id token that is no text", Box::new(|_, _| axum::Json(json!({"id_token": 7})).into_response())),
        ("no JSON", Box::new(|_, _| "<html>".into_response())),
        ("a refusal", Box::new(|_, _| (StatusCode::BAD_REQUEST, "{\"error\": \"invalid_grant\"}").into_response())),
        ("a failure", Box::new(|_, _| StatusCode::BAD_GATEWAY.into_response())),
        ("more than is read", Box::new(|_, _| "x".repeat(1 << 20).into_response())),
        (
            "another place",
            Box::new(|_, _| {
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "http://169.254.169.254/")]).into_response()
            }),
        ),
    ]
}

async fn attempt(world: &World, provider: &Provider) -> String {
    let mut browser = Browser::new();
    let address = browser.depart(world, "corp").await;
    let query = provider.log_in(&address, json!({"sub": "1", "groups": ["agents"]}));
    let told = browser.arrive(world, "corp", &query).await;
    // Otherwise sixty of them from one address are told to wait.
    world.bench.core.clock.advance(Duration::seconds(11));
    told
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn nobody_gets_in_by_a_token_that_is_not_what_it_must_be(#[case] backend: Backend) {
    let rates = "[rates]\nsign_ins = { calls = 0, within = \"1s\", burst = 1 }\n";
    let (world, provider) = world(backend, &format!("{CREATES}\n{rates}")).await;
    assert!(attempt(&world, &provider).await.starts_with("code="), "the honest one");
    let before = inside(&world).await;
    assert_eq!(before, [1, 0, 0]);
    let now = world.bench.core.clock.now().timestamp();
    let mut leaks = Vec::new();
    let mut tried = 0;
    for (name, answer) in false_claims(now) {
        // The false instants are told against the clock as it stands now.
        world.bench.core.clock.set(chrono::DateTime::from_timestamp(now, 0).unwrap());
        provider.answers(answer);
        tried += 1;
        let told = attempt(&world, &provider).await;
        if told != "error=PROVIDER_REFUSED" || inside(&world).await != before {
            leaks.push(format!("{name}: {told}"));
        }
    }
    for (name, answer) in false_signatures() {
        provider.answers(answer);
        tried += 1;
        let told = attempt(&world, &provider).await;
        if told != "error=PROVIDER_REFUSED" || inside(&world).await != before {
            leaks.push(format!("{name}: {told}"));
        }
    }
    for (name, answer) in false_answers() {
        provider.answers(answer);
        tried += 1;
        let told = attempt(&world, &provider).await;
        if !told.starts_with("error=PROVIDER_") || inside(&world).await != before {
            leaks.push(format!("{name}: {told}"));
        }
    }
    assert_eq!(leaks, Vec::<String>::new(), "of {tried}");
    assert!(tried >= 60, "only {tried}");
    provider.honest();
    assert!(attempt(&world, &provider).await.starts_with("code="), "the honest one is still let in");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn one_provider_does_not_speak_for_another(#[case] backend: Backend) {
    let (honest, other) = (Provider::start().await, Provider::start().await);
    let text = honest.settings(CREATES) + &other.section("other", CREATES);
    let world = World::with(backend, &text).await;
    for provider in [&honest, &other] {
        provider.follow(&world.bench.core.clock);
        provider.tells_of_itself("authorization_response_iss_parameter_supported", json!(true));
    }
    let before = inside(&world).await;
    let somebody = json!({"sub": "1", "groups": ["admins"]});
    let with_issuer = |query: String, of: &Provider| {
        form_urlencoded::Serializer::new(query).append_pair("iss", &of.issuer()).finish()
    };
    let mut browser = Browser::new();

    // A mix-up: the other one's answer to a question to the honest one, with its own name and with the honest one's.
    let query = honest.log_in(&browser.depart(&world, "corp").await, somebody.clone());
    assert_eq!(browser.arrive(&world, "corp", &with_issuer(query, &other)).await, "error=PROVIDER_REFUSED");
    let address = browser.depart(&world, "corp").await;
    let query = other.log_in(&address, somebody.clone());
    assert_eq!(browser.arrive(&world, "corp", &with_issuer(query, &honest)).await, "error=PROVIDER_REFUSED");
    assert_eq!(other.exchanges(), 0, "what was meant for one is not told to the other");

    // One that sends us on to the other: what is a secret of ours there goes nowhere else.
    let elsewhere = format!("{}/token", other.issuer());
    honest.answers(Box::new(move |_, _| {
        (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, elsewhere.clone())]).into_response()
    }));
    let query = honest.log_in(&browser.depart(&world, "corp").await, somebody.clone());
    assert!(browser.arrive(&world, "corp", &with_issuer(query, &honest)).await.starts_with("error=PROVIDER_"));
    assert_eq!(other.exchanges(), 0, "nobody is sent on");
    honest.honest();

    // One that says who it is must say it.
    let query = honest.log_in(&browser.depart(&world, "corp").await, somebody.clone());
    assert_eq!(browser.arrive(&world, "corp", &query).await, "error=PROVIDER_REFUSED");

    // A token of the other one, with the honest one's name in it.
    let name = honest.issuer();
    other.answers(token(move |claims, pair| pair.sign(&with(claims, "iss", json!(name)))));
    let query = other.log_in(&browser.depart(&world, "other").await, somebody.clone());
    assert_eq!(browser.arrive(&world, "other", &with_issuer(query, &other)).await, "error=PROVIDER_REFUSED");
    assert_eq!(inside(&world).await, before);

    // The same subject at two providers is two people.
    other.honest();
    let mut accounts = Vec::new();
    for (name, provider) in [("corp", &honest), ("other", &other)] {
        let query = provider.log_in(&browser.depart(&world, name).await, somebody.clone());
        let told = browser.arrive(&world, name, &with_issuer(query, provider)).await;
        let (status, session) = browser.fetch(&world, told.strip_prefix("code=").unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{session}");
        accounts.push(session["account"]["accountId"].clone());
    }
    assert_ne!(accounts[0], accounts[1]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_provider_names_no_address_that_is_not_its_own(#[case] backend: Backend) {
    let (world, provider) = world(backend, &format!("{CREATES}\nhosts = [\"keys.test\"]")).await;
    let other = Provider::start().await;
    let path = format!("/v1/sign-in/oidc/corp?challenge={}", crate::identity::oidc::challenge("x"));
    let own = provider.issuer();
    let mut tried = 0;
    for field in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        for address in [
            format!("{}/keys", other.issuer()),
            "http://169.254.169.254/latest/meta-data".to_owned(),
            "http://localhost/keys".to_owned(),
            "https://evil.test/keys".to_owned(),
            "http://keys.test/keys".to_owned(),
            "https://keys.test:8443/keys".to_owned(),
            "https://user:secret@keys.test/keys".to_owned(),
            own.replace("http://", "https://"),
            own.replace("http://", "http://user@"),
            "file:///etc/passwd".to_owned(),
            "javascript:alert(1)".to_owned(),
            "/keys".to_owned(),
            String::new(),
        ] {
            provider.tells_of_itself(field, json!(address));
            let (_, to) = Browser::new().open(&world, &path).await;
            assert!(to.ends_with("#error=PROVIDER_UNAVAILABLE"), "{field} {address}: {to}");
            provider.tells_of_itself(field, json!(format!("{own}/{field}")));
            world.bench.core.clock.advance(Duration::seconds(3));
            tried += 1;
        }
    }
    assert_eq!((other.keys_asked(), other.exchanges()), (0, 0), "of {tried}");
    provider.tells_of_itself("issuer", json!("https://evil.test"));
    assert!(Browser::new().open(&world, &path).await.1.ends_with("#error=PROVIDER_UNAVAILABLE"), "another issuer");
    // What the configuration names is taken.
    world.bench.core.clock.advance(Duration::seconds(3));
    provider.tells_of_itself("issuer", json!(own));
    provider.tells_of_itself("authorization_endpoint", json!("https://keys.test/authorize"));
    let (status, to) = Browser::new().open(&world, &path).await;
    assert_eq!(status, StatusCode::FOUND);
    assert!(to.starts_with("https://keys.test/authorize?response_type=code"), "{to}");
}
