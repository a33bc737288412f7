//! Whose account it is that somebody signs in by at a provider.

use chrono::Duration;
use common::{record::Role, testing::Backend};
use http::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};

use super::{
    PASSWORD, World,
    oidc::{CREATES, world},
    provider::{Browser, Provider, reason},
};

async fn admin(world: &World) -> String {
    world.account("root", Role::Admin).await;
    world.token("root").await
}

async fn sign_in(world: &World, provider: &Provider, claims: Value) -> (StatusCode, Value) {
    Browser::new().sign_in(world, provider, claims).await
}

fn out(answer: &(StatusCode, Value), why: &str) {
    assert_eq!((answer.0, reason(&answer.1)), (StatusCode::UNAUTHORIZED, "NO_ACCOUNT"), "{why}: {}", answer.1);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn only_issuer_and_subject_find_an_account(#[case] backend: Backend) {
    let (world, provider) = world(backend, &CREATES.replace("\"create\"", "\"refuse\"")).await;
    let root = admin(&world).await;
    out(&sign_in(&world, &provider, json!({"sub": "s-0", "groups": ["admins"]})).await, "a role is no account");
    let wang = world.account("wang", Role::Agent).await;
    let change = json!({"etag": "1", "updateMask": "email", "email": "wang@example.com"});
    let (status, _) = world.patch(&format!("/v1/accounts/{wang}"), &change, &root).await;
    assert_eq!(status, StatusCode::OK);
    let claims = json!({
        "sub": "s-1", "email": "wang@example.com", "email_verified": true, "preferred_username": "wang", "name": "wang"
    });
    out(&sign_in(&world, &provider, claims.clone()).await, "an e-mail address and a name are nobody");

    let link = |subject: &str| json!({"provider": "corp", "subject": subject});
    let path = format!("/v1/accounts/{wang}:link-provider");
    let (status, linked) = world.post_as(&path, &link("s-1"), &root).await;
    let expected = json!([{"issuer": provider.issuer(), "subject": "s-1", "followsProvider": false}]);
    assert_eq!((status, &linked["identities"]), (StatusCode::OK, &expected));
    let (status, session) = sign_in(&world, &provider, claims.clone()).await;
    assert_eq!((status, &session["account"]["accountId"]), (StatusCode::OK, &json!(wang)), "{session}");
    out(&sign_in(&world, &provider, json!({"sub": "s-2", "email": "wang@example.com"})).await, "another subject");
    out(&sign_in(&world, &provider, json!({"sub": "S-1"})).await, "another spelling");
    out(&sign_in(&world, &provider, json!({"sub": "s-1 "})).await, "a blank behind it");

    // One identity is one account's.
    let zhao = world.account("zhao", Role::Agent).await;
    let (status, refusal) = world.post_as(&format!("/v1/accounts/{zhao}:link-provider"), &link("s-1"), &root).await;
    assert_eq!((status, reason(&refusal)), (StatusCode::CONFLICT, "IDENTITY_TAKEN"));
    let unknown = json!({"provider": "other", "subject": "s-1"});
    let (status, refusal) = world.post_as(&path, &unknown, &root).await;
    assert_eq!((status, reason(&refusal)), (StatusCode::NOT_FOUND, "UNKNOWN_PROVIDER"));
    let own = session["accessToken"].as_str().unwrap();
    assert_eq!(world.post_as(&path, &link("s-9"), own).await.0, StatusCode::FORBIDDEN, "only an administrator links");

    // Once it is taken away, what began by it ends, and the password still holds.
    let by_password = world.token("wang").await;
    let unlink = json!({"issuer": provider.issuer(), "subject": "s-1"});
    let path = format!("/v1/accounts/{wang}:unlink-provider");
    let (status, unlinked) = world.post_as(&path, &unlink, &root).await;
    assert_eq!((status, &unlinked["identities"]), (StatusCode::OK, &json!([])));
    assert_eq!(world.get("/v1/me", own).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(world.get("/v1/me", &by_password).await.0, StatusCode::OK);
    out(&sign_in(&world, &provider, claims).await, "no longer linked");
    assert_eq!(world.post_as(&path, &unlink, &root).await.0, StatusCode::NOT_FOUND);
    let (status, _) = world.post_as(&format!("/v1/accounts/{zhao}:link-provider"), &link("s-1"), &root).await;
    assert_eq!(status, StatusCode::OK, "free again");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn who_is_kept_out_stays_out_and_a_password_is_not_asked_for(#[case] backend: Backend) {
    let (world, provider) = world(backend, "").await;
    let root = admin(&world).await;
    // An account with a second factor, and a password that must be changed.
    let new = json!({"username": "wang", "displayName": "王", "orgUnitId": "head-office", "role": "ROLE_AGENT"});
    let (_, made) = world.post_as("/v1/accounts", &new, &root).await;
    let wang = made["account"]["accountId"].as_str().unwrap().to_owned();
    assert_eq!(made["account"]["passwordChangeRequired"], true);
    let link = json!({"provider": "corp", "subject": "s-1"});
    world.post_as(&format!("/v1/accounts/{wang}:link-provider"), &link, &root).await;
    let (status, session) = sign_in(&world, &provider, json!({"sub": "s-1"})).await;
    assert_eq!((status, &session["passwordChangeRequired"]), (StatusCode::OK, &json!(false)));
    let token = session["accessToken"].as_str().unwrap();
    assert_eq!(world.get("/v1/contacts", token).await.0, StatusCode::OK, "no password stands in the way");

    // A second factor is the provider's business.
    let zhao = world.account("zhao", Role::Agent).await;
    let by_password = world.token("zhao").await;
    let enroll = json!({"password": PASSWORD});
    let (_, enrolled) = world.post_as("/v1/me:enroll-totp", &enroll, &by_password).await;
    assert!(enrolled["secret"].is_string(), "{enrolled}");
    let id = common::id::Id::parse(&zhao).unwrap();
    let credential = crate::store::identity::credential::of(world.bench.core.db.read(), &id).await.unwrap();
    let now = world.bench.core.clock.now();
    let code = crate::domain::identity::totp::code_at(&credential.totp_secret.unwrap(), now).unwrap();
    let (status, _) = world.post_as("/v1/me:confirm-totp", &json!({"code": code}), &by_password).await;
    assert_eq!(status, StatusCode::OK);
    let link = json!({"provider": "corp", "subject": "s-2"});
    world.post_as(&format!("/v1/accounts/{zhao}:link-provider"), &link, &root).await;
    let (status, session) = sign_in(&world, &provider, json!({"sub": "s-2"})).await;
    assert_eq!((status, &session["totpRequired"]), (StatusCode::OK, &json!(false)));
    let answer = world.post("/v1/sign-in", &json!({"username": "zhao", "password": PASSWORD})).await.1;
    assert_eq!(answer["totpRequired"], true, "by password it is still asked for");

    let (status, _) = world.post_as(&format!("/v1/accounts/{zhao}:disable"), &json!({"reason": "left"}), &root).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(world.get("/v1/me", session["accessToken"].as_str().unwrap()).await.0, StatusCode::UNAUTHORIZED);
    out(&sign_in(&world, &provider, json!({"sub": "s-2"})).await, "disabled");

    // Disabled between the way back and the page.
    let mut browser = Browser::new();
    let query = provider.log_in(&browser.depart(&world, "corp").await, json!({"sub": "s-1"}));
    let told = browser.arrive(&world, "corp", &query).await;
    world.post_as(&format!("/v1/accounts/{wang}:disable"), &json!({"reason": "left"}), &root).await;
    out(&browser.fetch(&world, told.strip_prefix("code=").unwrap()).await, "disabled meanwhile");
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn role_and_unit_follow_the_claim_where_it_made_the_account(#[case] backend: Backend) {
    let (world, provider) = world(backend, CREATES).await;
    let said = |subject: &str, groups: &[&str]| json!({"sub": subject, "groups": groups});
    out(&sign_in(&world, &provider, said("s-1", &["others"])).await, "no role, no account");
    out(&sign_in(&world, &provider, json!({"sub": "s-1", "groups": {"admins": true}})).await, "no list of texts");
    let session = sign_in(&world, &provider, said("s-1", &["agents"])).await.1;
    assert_eq!(session["account"]["role"], "ROLE_AGENT");
    let first = session["accessToken"].as_str().unwrap().to_owned();

    // Moved: the next sign-in says so, and sessions of before act as what the person is now.
    let session = sign_in(&world, &provider, said("s-1", &["quality"])).await.1;
    let account = &session["account"];
    assert_eq!((&account["role"], &account["orgUnitId"]), (&json!("ROLE_QUALITY"), &json!("head-office")));
    assert_eq!(world.get("/v1/me", &first).await.1["role"], "ROLE_QUALITY");
    // The first rule that fits holds.
    let session = sign_in(&world, &provider, said("s-1", &["agents", "quality"])).await.1;
    assert_eq!(session["account"]["role"], "ROLE_AGENT");
    out(&sign_in(&world, &provider, said("s-1", &[])).await, "taken out of every group");

    // The last administrator is not lost by a slip at the provider.
    let session = sign_in(&world, &provider, said("s-2", &["admins"])).await.1;
    let admin = session["accessToken"].as_str().unwrap().to_owned();
    let (status, refusal) = sign_in(&world, &provider, said("s-2", &["agents"])).await;
    assert_eq!((status, reason(&refusal)), (StatusCode::BAD_REQUEST, "LAST_ADMIN"));
    assert_eq!(world.get("/v1/me", &admin).await.1["role"], "ROLE_ADMIN");

    // What an administrator gave stays what it is.
    let wang = world.account("wang", Role::Warehouse).await;
    let link = json!({"provider": "corp", "subject": "s-3"});
    world.post_as(&format!("/v1/accounts/{wang}:link-provider"), &link, &admin).await;
    let session = sign_in(&world, &provider, said("s-3", &["admins"])).await.1;
    assert_eq!(session["account"]["role"], "ROLE_WAREHOUSE");

    // All of it is in the audit, under the account and not under a name.
    crate::audit::seal(&world.bench.core, &world.config.audit).await.unwrap();
    let (_, trail) = world.get("/v1/audit-entries?page_size=500", &admin).await;
    let actions: Vec<&str> =
        trail["auditEntries"].as_array().unwrap().iter().filter_map(|entry| entry["action"].as_str()).collect();
    for action in ["sign_in", "account.create", "account.update", "account.link_provider"] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    world.bench.core.clock.advance(Duration::seconds(1));
}
