//! Signing in at a provider, from the page and back to it.

use chrono::Duration;
use common::testing::Backend;
use http::StatusCode;
use rstest::rstest;
use serde_json::json;

use super::{
    World,
    provider::{Browser, Pair, Provider, reason},
};
use crate::identity::{oidc::challenge, secrets};

/// Everybody of the group `agents` is an agent.
pub(super) const CREATES: &str = "unknown = \"create\"\nclaim = \"groups\"\nroles = [\
    { value = \"admins\", role = \"admin\", org_unit = \"head-office\" }, \
    { value = \"agents\", role = \"agent\", org_unit = \"office-east\" }, \
    { value = \"quality\", role = \"quality\", org_unit = \"head-office\" }]";

pub(super) async fn world(backend: Backend, more: &str) -> (World, Provider) {
    let provider = Provider::start().await;
    let world = World::with(backend, &provider.settings(more)).await;
    provider.follow(&world.bench.core.clock);
    (world, provider)
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn somebody_signs_in_and_is_given_an_account_once(#[case] backend: Backend) {
    let (world, provider) = world(backend, CREATES).await;
    let (_, options) = world.get("/v1/sign-in/oidc", "").await;
    let expected = json!([{"name": "corp", "displayName": "corp", "path": "/v1/sign-in/oidc/corp"}]);
    assert_eq!(options["providers"], expected);
    let mut accounts = Vec::new();
    for _ in 0..2 {
        let mut browser = Browser::new();
        let somebody = json!({"sub": "248289761001", "name": "王芳", "groups": ["others", "agents"]});
        let (status, session) = browser.sign_in(&world, &provider, somebody).await;
        assert_eq!(status, StatusCode::OK, "{session}");
        let account = &session["account"];
        assert_eq!((&account["role"], &account["orgUnitId"]), (&json!("ROLE_AGENT"), &json!("office-east")));
        assert_eq!((&account["hasPassword"], &session["passwordChangeRequired"]), (&json!(false), &json!(false)));
        accounts.push(account["accountId"].clone());
        // A session like every other: it says who it is, is listed, is refreshed, and ends.
        let token = session["accessToken"].as_str().unwrap();
        let (status, me) = world.get("/v1/me", token).await;
        assert_eq!(
            (status, &me["role"], &me["orgUnitId"]),
            (StatusCode::OK, &json!("ROLE_AGENT"), &json!("office-east"))
        );
        let (_, sessions) = world.get("/v1/sessions", token).await;
        assert!(
            sessions["sessions"].as_array().unwrap().iter().all(|session| session["method"] == "oidc"),
            "{sessions}"
        );
        let (status, next) =
            world.post("/v1/sessions:refresh", &json!({"refreshToken": session["refreshToken"]})).await;
        assert_eq!((status, &next["passwordChangeRequired"]), (StatusCode::OK, &json!(false)));
        // Nothing that opens a door stands in an address, and the browser keeps no cookie of the way.
        for secret in [token, session["refreshToken"].as_str().unwrap(), &*browser.verifier] {
            assert!(browser.history.iter().all(|address| !address.contains(secret)), "{:?}", browser.history);
        }
        assert!(browser.history.iter().all(|address| !address.contains("eyJ")), "{:?}", browser.history);
        assert_eq!(browser.cookies, []);
    }
    assert_eq!(accounts[0], accounts[1], "one person, one account");
    let (_, session) = Browser::new().sign_in(&world, &provider, json!({"sub": "2", "groups": "quality"})).await;
    assert_eq!(session["account"]["role"], "ROLE_QUALITY", "a claim that is one text");
    assert_ne!(session["account"]["accountId"], accounts[0]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_round_is_good_once_for_the_browser_that_began_it(#[case] backend: Backend) {
    let (world, provider) = world(backend, CREATES).await;
    let somebody = || json!({"sub": "1", "groups": ["agents"]});
    let over = "error=SIGN_IN_OVER";

    // A state is good once, also after it went wrong.
    let mut browser = Browser::new();
    let query = provider.log_in(&browser.depart(&world, "corp").await, somebody());
    let cookies = browser.cookies.clone();
    assert!(browser.arrive(&world, "corp", &query).await.starts_with("code="));
    browser.cookies.clone_from(&cookies);
    assert_eq!(browser.arrive(&world, "corp", &query).await, over, "a replayed state");
    let query = provider.log_in(&browser.depart(&world, "corp").await, somebody());
    let denied = query.replace("code=", "error=access_denied&was=");
    assert_eq!(browser.arrive(&world, "corp", &denied).await, "error=PROVIDER_REFUSED");
    assert_eq!(browser.arrive(&world, "corp", &query).await, over, "a state that went wrong before");

    // Invented, missing, doubled, or another provider's.
    let state = secrets::text();
    let query = provider.log_in(&browser.depart(&world, "corp").await, somebody());
    for wrong in [
        format!("code=x&state={state}"),
        "code=x".to_owned(),
        "code=x&state=".to_owned(),
        format!("code=x&state={}", "x".repeat(5000)),
        format!("{query}&state={state}"),
        String::new(),
    ] {
        assert_eq!(browser.arrive(&world, "corp", &wrong).await, over, "{wrong}");
    }
    assert_eq!(browser.arrive(&world, "other", &query).await, over, "another provider's");

    // Another browser, with no cookie, with one of its own, or with the right name and another value.
    for kind in 0..3 {
        let (mut one, mut other) = (Browser::new(), Browser::new());
        let query = provider.log_in(&one.depart(&world, "corp").await, somebody());
        match kind {
            0 => {}
            1 => drop(other.depart(&world, "corp").await),
            _ => other.cookies = one.cookies.iter().map(|(name, _)| (name.clone(), secrets::text())).collect(),
        }
        assert_eq!(other.arrive(&world, "corp", &query).await, over, "another browser, {kind}");
        assert_eq!(one.arrive(&world, "corp", &query).await, over, "the state is gone for everybody, {kind}");
    }

    // The codes of two browsers changed over: the provider sees another verifier.
    let (mut one, mut other) = (Browser::new(), Browser::new());
    let of_one = provider.log_in(&one.depart(&world, "corp").await, somebody());
    let of_other = provider.log_in(&other.depart(&world, "corp").await, json!({"sub": "2", "groups": ["admins"]}));
    let mixed =
        |code: &str, state: &str| format!("{}&{}", code.split('&').next().unwrap(), state.split('&').nth(1).unwrap());
    assert_eq!(one.arrive(&world, "corp", &mixed(&of_other, &of_one)).await, "error=PROVIDER_REFUSED");
    assert_eq!(other.arrive(&world, "corp", &mixed(&of_one, &of_other)).await, "error=PROVIDER_REFUSED");

    // Two windows of one browser do not disturb each other.
    let first = provider.log_in(&browser.depart(&world, "corp").await, somebody());
    let second = provider.log_in(&browser.depart(&world, "corp").await, somebody());
    for query in [first, second] {
        assert!(browser.arrive(&world, "corp", &query).await.starts_with("code="));
    }

    // And it does not last.
    let query = provider.log_in(&browser.depart(&world, "corp").await, somebody());
    world.bench.core.clock.advance(Duration::minutes(5));
    assert_eq!(browser.arrive(&world, "corp", &query).await, over, "too late");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_code_is_good_once_for_the_page_that_began(#[case] backend: Backend) {
    let (world, provider) = world(backend, CREATES).await;
    let arrived = async || {
        let mut browser = Browser::new();
        let query = provider.log_in(&browser.depart(&world, "corp").await, json!({"sub": "1", "groups": ["agents"]}));
        let told = browser.arrive(&world, "corp", &query).await;
        (browser, told.strip_prefix("code=").unwrap().to_owned())
    };
    let refused = |(status, refusal): (StatusCode, serde_json::Value), why: &str| {
        assert_eq!((status, reason(&refusal)), (StatusCode::UNAUTHORIZED, "SIGN_IN_OVER"), "{why}: {refusal}");
    };
    let (browser, code) = arrived().await;
    assert_eq!(browser.fetch(&world, &code).await.0, StatusCode::OK);
    refused(browser.fetch(&world, &code).await, "a second time");

    let (browser, code) = arrived().await;
    refused(Browser::new().fetch(&world, &code).await, "another page");
    refused(browser.fetch(&world, &code).await, "after another page tried");

    let (browser, code) = arrived().await;
    refused(
        Browser { verifier: challenge(&browser.verifier), ..Browser::new() }.fetch(&world, &code).await,
        "the challenge",
    );

    let (browser, code) = arrived().await;
    world.bench.core.clock.advance(Duration::seconds(60));
    refused(browser.fetch(&world, &code).await, "too late");
    refused(browser.fetch(&world, &secrets::text()).await, "invented");

    // Many at once: one gets in.
    let (browser, code) = arrived().await;
    let all = futures::future::join_all((0..8).map(|_| browser.fetch(&world, &code))).await;
    let inside = all.iter().filter(|(status, _)| *status == StatusCode::OK).count();
    assert_eq!(inside, 1, "{all:?}");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn keys_change_and_nobody_notices(#[case] backend: Backend) {
    let (world, provider) = world(backend, CREATES).await;
    let somebody = || json!({"sub": "1", "groups": ["agents"]});
    let clock = &world.bench.core.clock;
    assert_eq!(Browser::new().sign_in(&world, &provider, somebody()).await.0, StatusCode::OK);
    assert_eq!(provider.keys_asked(), 1);

    // Between the way there and the way back: the new key beside the old one, then alone.
    let (old, new) = (Pair::new("first"), Pair::new("second"));
    provider.keys(vec![new.clone(), old]);
    assert_eq!(Browser::new().sign_in(&world, &provider, somebody()).await.0, StatusCode::OK, "a new key");
    clock.advance(Duration::seconds(10));
    let third = Pair::new("third");
    let mut browser = Browser::new();
    let query = provider.log_in(&browser.depart(&world, "corp").await, somebody());
    provider.keys(vec![third]);
    assert!(browser.arrive(&world, "corp", &query).await.starts_with("code="), "a new key alone");
    assert_eq!(provider.keys_asked(), 3);

    // A key that went is not believed once the keys were read again.
    let stranger = Pair::new("second");
    provider.answers(super::provider::token(move |claims, _| new.sign(claims)));
    assert_eq!(Browser::new().sign_in(&world, &provider, somebody()).await.1["told"], "error=PROVIDER_REFUSED");

    // Keys that nobody has do not make us ask and ask.
    provider.answers(super::provider::token(move |claims, _| stranger.sign(claims)));
    let before = provider.keys_asked();
    for _ in 0..20 {
        assert_eq!(Browser::new().sign_in(&world, &provider, somebody()).await.1["told"], "error=PROVIDER_REFUSED");
    }
    assert!(provider.keys_asked() <= before + 1, "{} times", provider.keys_asked() - before);
    provider.honest();
    assert_eq!(Browser::new().sign_in(&world, &provider, somebody()).await.0, StatusCode::OK);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_provider_that_is_away_is_said_to_be(#[case] backend: Backend) {
    let (world, provider) = world(backend, CREATES).await;
    let somebody = || json!({"sub": "1", "groups": ["agents"]});
    let path = format!("/v1/sign-in/oidc/corp?challenge={}", challenge("x"));
    let away = format!("{}#error=PROVIDER_UNAVAILABLE", super::provider::PAGE);
    provider.tells_of_itself("status", json!(503));
    let (status, to) = Browser::new().open(&world, &path).await;
    assert_eq!((status, &to), (StatusCode::SEE_OTHER, &away));
    provider.tells_of_itself("status", serde_json::Value::Null);
    assert_eq!(Browser::new().open(&world, &path).await.1, away, "it is left alone for a moment");
    world.bench.core.clock.advance(Duration::seconds(2));
    assert_eq!(Browser::new().sign_in(&world, &provider, somebody()).await.0, StatusCode::OK);

    // Once known, it is known: what it says of itself is not needed for every sign-in, and its absence is bridged.
    provider.tells_of_itself("status", json!(503));
    assert_eq!(Browser::new().sign_in(&world, &provider, somebody()).await.0, StatusCode::OK);
    world.bench.core.clock.advance(Duration::hours(2));
    assert_eq!(Browser::new().sign_in(&world, &provider, somebody()).await.0, StatusCode::OK);
    world.bench.core.clock.advance(Duration::hours(23));
    assert_eq!(Browser::new().open(&world, &path).await.1, away, "not for ever");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_provider_that_is_silent_is_not_waited_for(#[case] backend: Backend) {
    // It takes the connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let text = format!(
        "public_url = \"https://gateway.test\"\npages = [\"https://console.test\"]\n[sign_in.providers.corp]\n\
         issuer = \"http://{}\"\nclient_id = \"a\"\ntimeout = \"100ms\"\n",
        silent.local_addr().unwrap()
    );
    let world = World::with(backend, &text).await;
    let path = format!("/v1/sign-in/oidc/corp?challenge={}", challenge("x"));
    let away = "https://console.test#error=PROVIDER_UNAVAILABLE";
    // Many at once: one of them asks, and the others do not queue up to ask as well.
    let all = (0..20).map(|_| async { Browser::new().open(&world, &path).await.1 });
    let told = tokio::time::timeout(std::time::Duration::from_secs(30), futures::future::join_all(all)).await;
    assert!(told.expect("nobody waits").iter().all(|to| to == away));
    let mut asked = 0;
    while tokio::time::timeout(std::time::Duration::from_millis(50), silent.accept()).await.is_ok() {
        asked += 1;
    }
    assert_eq!(asked, 1, "its connections");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_way_begins_and_ends_where_the_configuration_says(#[case] backend: Backend) {
    let (world, provider) = world(backend, CREATES).await;
    let good = challenge(&secrets::text());
    for (path, expected) in [
        ("corp".to_owned(), (StatusCode::BAD_REQUEST, "INVALID_FIELDS")),
        ("corp?challenge=x".to_owned(), (StatusCode::BAD_REQUEST, "INVALID_FIELDS")),
        (format!("corp?challenge={good}&challenge={good}"), (StatusCode::BAD_REQUEST, "INVALID_FIELDS")),
        (format!("corp?challenge={good}&page=https://evil.test"), (StatusCode::BAD_REQUEST, "INVALID_FIELDS")),
        (format!("corp?challenge={good}&page={}/", super::provider::PAGE), (StatusCode::BAD_REQUEST, "INVALID_FIELDS")),
        (format!("other?challenge={good}"), (StatusCode::NOT_FOUND, "UNKNOWN_PROVIDER")),
    ] {
        let (status, body) = Browser::new().open(&world, &format!("/v1/sign-in/oidc/{path}")).await;
        let refusal: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, reason(&refusal)), expected, "{path}");
    }
    let mut browser = Browser::new();
    let path = format!("/v1/sign-in/oidc/corp?challenge={}&page=app.test:/signed-in", challenge(&browser.verifier));
    let (_, address) = browser.open(&world, &path).await;
    let query = provider.log_in(&address, json!({"sub": "1", "groups": ["agents"]}));
    let (status, to) = browser.open(&world, &format!("/v1/sign-in/oidc/corp/callback?{query}")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let code = to.strip_prefix("app.test:/signed-in#code=").expect("the app that began");
    assert_eq!(browser.fetch(&world, code).await.0, StatusCode::OK);

    // Whoever only asks for a head changes nothing.
    let mut browser = Browser::new();
    let query = provider.log_in(&browser.depart(&world, "corp").await, json!({"sub": "1", "groups": ["agents"]}));
    let path = format!("/v1/sign-in/oidc/corp/callback?{query}");
    let head = http::Request::builder().method("HEAD").uri(&path).body(axum::body::Body::empty()).unwrap();
    assert_eq!(world.send(head).await.0, StatusCode::NOT_FOUND);
    assert!(browser.arrive(&world, "corp", &query).await.starts_with("code="));

    // Whoever begins and begins is told to wait, at the latest after the burst.
    let mut statuses = Vec::new();
    for _ in 0..70 {
        let (status, _) = Browser::new().open(&world, &format!("/v1/sign-in/oidc/corp?challenge={good}")).await;
        statuses.push(status);
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}
