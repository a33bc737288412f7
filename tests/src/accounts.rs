//! People who sign in as everybody does: with an account of their own, and no header that only tests may send.

use proto::aftercare::{
    access::v1::Role,
    gateway::v1::{
        Account, AccountWithPassword, ChangePasswordRequest, CreateAccountRequest, SignInRequest, SignInResult,
    },
};

use crate::{client::Person, platform::Platform};

/// The password of everybody of the tests.
pub const PASSWORD: &str = "correct horse battery";
/// What an account begins with.
const FIRST: &str = "a first password, to be changed";

/// Makes an account, past its forced first change of the password.
pub async fn account(platform: &Platform, username: &str, role: Role, org_unit: &str, person: &str) -> Account {
    let admin = platform.person("admin", "us_admin");
    let request = CreateAccountRequest {
        org_unit_id: org_unit.to_owned(),
        username: username.to_owned(),
        display_name: format!("{username} of the tests"),
        role: role.into(),
        person_id: person.to_owned(),
        partner_id: if role == Role::Partner { "tests".to_owned() } else { String::new() },
        password: FIRST.to_owned(),
        ..Default::default()
    };
    admin.call::<_, AccountWithPassword>(request).await;
    let first = sign_in(platform, username, FIRST).await;
    let change = ChangePasswordRequest {
        present_password: FIRST.to_owned(),
        new_password: PASSWORD.to_owned(),
        ..Default::default()
    };
    platform.bearer(&first.access_token).call(change).await
}

/// Signs in.
pub async fn sign_in(platform: &Platform, username: &str, password: &str) -> SignInResult {
    let request = SignInRequest { username: username.to_owned(), password: password.to_owned() };
    platform.bearer("").call(request).await
}

/// Somebody who signed in with [`PASSWORD`].
pub async fn person(platform: &Platform, username: &str) -> Person {
    platform.bearer(&sign_in(platform, username, PASSWORD).await.access_token)
}
