//! Signing in, through the RPCs on both databases, on a clock that is moved by hand.

use chrono::Duration;
use common::{
    error::{Result, reason},
    record::Role,
    service::{Call, Origin},
    testing::{Backend, Bench, bench},
};
use proto::aftercare::{access::v1::Role as RoleMessage, gateway::v1::*};
use rstest::rstest;

use super::*;
use crate::{
    Gateway,
    domain::identity::totp,
    error::{
        CODE_REFUSED, LAST_ADMIN, PASSWORD_TOO_WEAK, SESSION_ENDED, SIGN_IN_LOCKED, SIGN_IN_REFUSED,
        TOTP_ALREADY_ENABLED, USERNAME_TAKEN,
    },
    identity::{caller::Caller, keys::Purpose},
};

const CHEAP: &str = "[passwords]\nmemory_kib = 64\npasses = 1\n[sign_in]\nrecheck = \"0s\"\n";
const PASSWORD: &str = "correct horse battery";

struct World {
    bench: Bench,
    ctx: Context,
}

impl World {
    async fn new(backend: Backend) -> Self {
        let bench = bench::<Gateway>(backend, CHEAP).await;
        let sources = common::config::Sources::new(&[crate::NAME]).text("test", CHEAP).unwrap();
        let config = sources.load::<crate::Config>(crate::NAME, crate::DEFAULTS).unwrap().service;
        let ctx = Context::new(config, bench.core.clone()).unwrap();
        Self { bench, ctx }
    }

    fn admin(&self) -> Call {
        self.bench.call(Role::Admin)
    }

    /// A stranger at an address.
    fn stranger(&self, address: &str) -> Call {
        let mut call = self.bench.call_by("anonymous", Role::CustomerLink, "");
        call.origin = Origin { address: address.to_owned(), ..Origin::default() };
        call
    }

    async fn account(&self, username: &str, role: RoleMessage) -> Account {
        let request = CreateAccountRequest {
            org_unit_id: "head-office".to_owned(),
            username: username.to_owned(),
            email: format!("{username}@example.com"),
            display_name: "某人".to_owned(),
            role: role.into(),
            person_id: if role == RoleMessage::Technician { "te_1".to_owned() } else { String::new() },
            password: PASSWORD.to_owned(),
            ..Default::default()
        };
        create_account::handle(&self.ctx, &self.admin(), request).await.unwrap().account.unwrap()
    }

    async fn sign_in(&self, username: &str, password: &str) -> Result<SignInResult> {
        let request = SignInRequest { username: username.to_owned(), password: password.to_owned() };
        sign_in::handle(&self.ctx, &self.stranger("203.0.113.1"), request).await
    }

    async fn refresh(&self, token: &str) -> Result<SignInResult> {
        let request = RefreshSessionRequest { refresh_token: token.to_owned() };
        refresh_session::handle(&self.ctx, &self.stranger("203.0.113.1"), request).await
    }

    async fn caller(&self, token: &str) -> Result<Caller> {
        self.ctx.authority.caller(token, None).await
    }

    /// A call by whoever holds this token.
    async fn as_bearer(&self, token: &str) -> Call {
        let caller = self.caller(token).await.unwrap();
        let mut call = self.bench.call(Role::Admin);
        call.actor = caller.actor;
        call.origin.session_id = caller.session_id;
        call
    }

    fn wait(&self, seconds: i64) {
        self.bench.core.clock.advance(Duration::seconds(seconds));
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn who_signs_in_is_known_by_the_token(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let account = world.account("wang", RoleMessage::Technician).await;
    for name in ["wang", " Wang ", "WANG@example.com"] {
        let done = world.sign_in(name, PASSWORD).await.unwrap();
        let caller = world.caller(&done.access_token).await.unwrap();
        assert_eq!((caller.actor.id.as_str(), caller.actor.role), ("te_1", Role::Technician));
        assert_eq!(caller.actor.account_id, account.account_id);
        assert!(caller.must_change, "the first password is to be changed");
        assert!(done.password_change_required);
        assert_eq!(done.expires_in, 900);
    }
    let done = world.sign_in("wang", PASSWORD).await.unwrap();
    world.wait(900 + 31);
    assert_eq!(world.caller(&done.access_token).await.unwrap_err().reason, reason::UNAUTHENTICATED);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn guessing_waits_longer_and_longer_and_tells_nothing(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.account("wang", RoleMessage::Agent).await;
    world.account("gone", RoleMessage::Agent).await;
    for name in ["wang", "nobody"] {
        for _ in 0..5 {
            assert_eq!(world.sign_in(name, "wrong").await.unwrap_err().reason, SIGN_IN_REFUSED, "{name}");
        }
        let locked = world.sign_in(name, PASSWORD).await.unwrap_err();
        assert_eq!(locked.reason, SIGN_IN_LOCKED, "the right password does not open a locked account");
        assert_eq!(locked.facts["retry_seconds"], "30");
        world.wait(30);
        assert_eq!(world.sign_in(name, "wrong").await.unwrap_err().reason, SIGN_IN_REFUSED);
        assert_eq!(world.sign_in(name, "wrong").await.unwrap_err().facts["retry_seconds"], "60");
        world.wait(60);
    }
    world.sign_in("wang", PASSWORD).await.unwrap();
    assert_eq!(world.sign_in("wang", "wrong").await.unwrap_err().reason, SIGN_IN_REFUSED, "all is forgiven");

    // One address that tries many names is stopped as well: 12 of its 30 failures stand from above, one was forgiven.
    let mut refused = 0;
    loop {
        match world.sign_in(&format!("name-{refused}"), "wrong").await.unwrap_err().reason {
            SIGN_IN_REFUSED => refused += 1,
            other => break assert_eq!(other, SIGN_IN_LOCKED),
        }
        assert!(refused < 40, "the address is never stopped");
    }
    let request = SignInRequest { username: "gone".to_owned(), password: PASSWORD.to_owned() };
    sign_in::handle(&world.ctx, &world.stranger("198.51.100.7"), request).await.unwrap();
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn refresh_tokens_are_good_once_and_a_stolen_one_ends_the_session(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.account("wang", RoleMessage::Agent).await;
    let first = world.sign_in("wang", PASSWORD).await.unwrap();
    let second = world.refresh(&first.refresh_token).await.unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!(second.session_id, first.session_id);
    // A client that lost the answer asks again at once.
    let again = world.refresh(&first.refresh_token).await.unwrap();
    world.wait(11);
    let third = world.refresh(&second.refresh_token).await.unwrap();
    assert!(world.caller(&third.access_token).await.is_ok());
    // Somebody has an old one.
    assert_eq!(world.refresh(&first.refresh_token).await.unwrap_err().reason, SESSION_ENDED);
    for token in [&third.refresh_token, &again.refresh_token] {
        assert_eq!(world.refresh(token).await.unwrap_err().reason, SESSION_ENDED, "the family is gone");
    }
    assert_eq!(world.caller(&third.access_token).await.unwrap_err().reason, SESSION_ENDED);
    for made_up in ["", "rt_", "rt_nonsense", &*first.access_token] {
        assert_eq!(world.refresh(made_up).await.unwrap_err().reason, SESSION_ENDED);
    }
    // One that nobody refreshes ends by itself.
    let idle = world.sign_in("wang", PASSWORD).await.unwrap();
    world.wait(7 * 86_400);
    assert_eq!(world.refresh(&idle.refresh_token).await.unwrap_err().reason, SESSION_ENDED);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn who_is_disabled_is_out_and_a_new_role_holds_for_old_tokens(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let account = world.account("wang", RoleMessage::Agent).await;
    let done = world.sign_in("wang", PASSWORD).await.unwrap();
    let update = UpdateAccountRequest {
        account_id: account.account_id.clone(),
        etag: account.etag.clone(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["role".to_owned(), "org_unit_id".to_owned()] }),
        role: RoleMessage::Dispatcher.into(),
        org_unit_id: "office-east".to_owned(),
        ..Default::default()
    };
    update_account::handle(&world.ctx, &world.admin(), update.clone()).await.unwrap();
    let stale = update_account::handle(&world.ctx, &world.admin(), update).await.unwrap_err();
    assert_eq!(stale.reason, reason::STALE_ETAG);
    let caller = world.caller(&done.access_token).await.unwrap();
    assert_eq!((caller.actor.role, &*caller.actor.org_unit_id), (Role::Dispatcher, "office-east"));

    world.account("root", RoleMessage::Admin).await;
    let disable = DisableAccountRequest { account_id: account.account_id.clone(), ..Default::default() };
    disable_account::handle(&world.ctx, &world.admin(), disable).await.unwrap();
    assert_eq!(world.caller(&done.access_token).await.unwrap_err().reason, SESSION_ENDED);
    assert_eq!(world.refresh(&done.refresh_token).await.unwrap_err().reason, SESSION_ENDED);
    assert_eq!(world.sign_in("wang", PASSWORD).await.unwrap_err().reason, SIGN_IN_REFUSED);
    let enable = EnableAccountRequest { account_id: account.account_id, ..Default::default() };
    enable_account::handle(&world.ctx, &world.admin(), enable).await.unwrap();
    assert!(world.sign_in("wang", PASSWORD).await.is_ok());
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn the_last_administrator_stays(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let root = world.account("root", RoleMessage::Admin).await;
    let disable = DisableAccountRequest { account_id: root.account_id.clone(), ..Default::default() };
    let refused = disable_account::handle(&world.ctx, &world.admin(), disable.clone()).await.unwrap_err();
    assert_eq!(refused.reason, LAST_ADMIN);
    let update = UpdateAccountRequest {
        account_id: root.account_id,
        etag: root.etag,
        update_mask: Some(prost_types::FieldMask { paths: vec!["role".to_owned()] }),
        role: RoleMessage::Agent.into(),
        ..Default::default()
    };
    let refused = update_account::handle(&world.ctx, &world.admin(), update).await.unwrap_err();
    assert_eq!(refused.reason, LAST_ADMIN);
    world.account("second", RoleMessage::Admin).await;
    disable_account::handle(&world.ctx, &world.admin(), disable).await.unwrap();
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_new_password_ends_all_other_sessions(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let account = world.account("wang", RoleMessage::Agent).await;
    let here = world.sign_in("wang", PASSWORD).await.unwrap();
    let there = world.sign_in("wang", PASSWORD).await.unwrap();
    let change = |present: &str, new: &str| ChangePasswordRequest {
        present_password: present.to_owned(),
        new_password: new.to_owned(),
        ..Default::default()
    };
    let call = world.as_bearer(&here.access_token).await;
    for (present, new, expected) in [
        ("wrong", "another good one", SIGN_IN_REFUSED),
        (PASSWORD, "short", PASSWORD_TOO_WEAK),
        (PASSWORD, PASSWORD, PASSWORD_TOO_WEAK),
    ] {
        let refused = change_password::handle(&world.ctx, &call, change(present, new)).await.unwrap_err();
        assert_eq!(refused.reason, expected);
    }
    change_password::handle(&world.ctx, &call, change(PASSWORD, "another good one")).await.unwrap();
    let caller = world.caller(&here.access_token).await.unwrap();
    assert!(!caller.must_change);
    assert_eq!(world.caller(&there.access_token).await.unwrap_err().reason, SESSION_ENDED);
    assert_eq!(world.sign_in("wang", PASSWORD).await.unwrap_err().reason, SIGN_IN_REFUSED);

    let reset = ResetPasswordRequest { account_id: account.account_id, ..Default::default() };
    let made = reset_password::handle(&world.ctx, &world.admin(), reset).await.unwrap().password;
    assert_eq!(world.caller(&here.access_token).await.unwrap_err().reason, SESSION_ENDED);
    assert!(world.sign_in("wang", &made).await.unwrap().password_change_required);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_second_factor_is_asked_for_and_its_codes_are_good_once(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.account("wang", RoleMessage::Agent).await;
    let done = world.sign_in("wang", PASSWORD).await.unwrap();
    let call = world.as_bearer(&done.access_token).await;
    let enroll = EnrollTotpRequest { password: PASSWORD.to_owned(), ..Default::default() };
    let begun = enroll_totp::handle(&world.ctx, &call, enroll.clone()).await.unwrap();
    assert!(begun.otpauth_uri.contains(&begun.secret));
    assert!(!world.sign_in("wang", PASSWORD).await.unwrap().totp_required, "not before it is confirmed");
    let id = AccountId::parse(&call.actor.account_id).unwrap();
    let kept = store::identity::credential::of(world.ctx.core.db.read(), &id).await.unwrap();
    let secret = kept.totp_secret.unwrap();
    let code = |world: &World| totp::code_at(&secret, world.bench.core.clock.now()).unwrap();
    let confirm = |code: String| ConfirmTotpRequest { code, ..Default::default() };
    let wrong = confirm_totp::handle(&world.ctx, &call, confirm("000000".to_owned())).await.unwrap_err();
    assert_eq!(wrong.reason, CODE_REFUSED);
    let first = code(&world);
    let recovery = confirm_totp::handle(&world.ctx, &call, confirm(first.clone())).await.unwrap().codes;
    assert_eq!(recovery.len(), 10);
    let twice = enroll_totp::handle(&world.ctx, &call, enroll).await.unwrap_err();
    assert_eq!(twice.reason, TOTP_ALREADY_ENABLED);

    let second_step = async |code: &str| {
        let step = world.sign_in("wang", PASSWORD).await.unwrap();
        assert!(step.totp_required && step.access_token.is_empty() && step.refresh_token.is_empty());
        assert!(world.caller(&step.challenge).await.is_err(), "a challenge is no access token");
        let request = SignInTotpRequest { challenge: step.challenge, code: code.to_owned() };
        sign_in_totp::handle(&world.ctx, &world.stranger("203.0.113.1"), request).await
    };
    assert_eq!(second_step(&first).await.unwrap_err().reason, CODE_REFUSED, "the code was used to confirm");
    world.wait(30);
    let next = code(&world);
    let done = second_step(&next).await.unwrap();
    assert!(world.caller(&done.access_token).await.is_ok());
    assert_eq!(second_step(&next).await.unwrap_err().reason, CODE_REFUSED, "a code is good once");
    assert!(second_step(&recovery[3]).await.is_ok());
    assert_eq!(second_step(&recovery[3]).await.unwrap_err().reason, CODE_REFUSED, "a recovery code as well");
    let step = world.sign_in("wang", PASSWORD).await;
    world.wait(331);
    if let Ok(step) = step {
        let late = SignInTotpRequest { challenge: step.challenge, code: code(&world) };
        let late = sign_in_totp::handle(&world.ctx, &world.stranger("203.0.113.1"), late).await.unwrap_err();
        assert_eq!(late.reason, reason::UNAUTHENTICATED, "the second step came too late");
    }
    world.wait(3600);
    let off = DisableTotpRequest { account_id: id.to_string(), ..Default::default() };
    disable_totp::handle(&world.ctx, &world.admin(), off).await.unwrap();
    assert!(!world.sign_in("wang", PASSWORD).await.unwrap().totp_required);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn sessions_are_listed_and_revoked_by_their_owner_and_by_nobody_else(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.account("wang", RoleMessage::Agent).await;
    world.account("zhao", RoleMessage::Agent).await;
    let (one, two) = (world.sign_in("wang", PASSWORD).await.unwrap(), world.sign_in("wang", PASSWORD).await.unwrap());
    let other = world.sign_in("zhao", PASSWORD).await.unwrap();
    let wang = world.as_bearer(&one.access_token).await;
    let zhao = world.as_bearer(&other.access_token).await;
    let listed = list_sessions::handle(&world.ctx, &wang, ListSessionsRequest::default()).await.unwrap().sessions;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed.iter().filter(|session| session.current).count(), 1);
    assert!(listed.iter().all(|session| session.address == "203.0.113.1"));
    let theirs = ListSessionsRequest { account_id: wang.actor.account_id.clone(), ..Default::default() };
    let refused = list_sessions::handle(&world.ctx, &zhao, theirs).await.unwrap_err();
    assert_eq!(refused.reason, reason::NOT_FOUND);
    let revoke = RevokeSessionRequest { session_id: two.session_id.clone(), ..Default::default() };
    let refused = revoke_session::handle(&world.ctx, &zhao, revoke.clone()).await.unwrap_err();
    assert_eq!(refused.reason, reason::NOT_FOUND);
    revoke_session::handle(&world.ctx, &wang, revoke).await.unwrap();
    assert_eq!(world.caller(&two.access_token).await.unwrap_err().reason, SESSION_ENDED);
    sign_out::handle(&world.ctx, &wang, SignOutRequest::default()).await.unwrap();
    assert_eq!(world.caller(&one.access_token).await.unwrap_err().reason, SESSION_ENDED);
    assert!(world.caller(&other.access_token).await.is_ok());
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_repeated_create_gives_the_account_and_not_the_password_again(#[case] backend: Backend) {
    let world = World::new(backend).await;
    let request = CreateAccountRequest {
        request_id: "one".to_owned(),
        org_unit_id: "head-office".to_owned(),
        username: "wang".to_owned(),
        display_name: "王".to_owned(),
        role: RoleMessage::Agent.into(),
        ..Default::default()
    };
    let made = create_account::handle(&world.ctx, &world.admin(), request.clone()).await.unwrap();
    assert_eq!(made.password.len(), 19);
    let mut again = create_account::handle(&world.ctx, &world.admin(), request.clone()).await.unwrap_err();
    let kept = again.take_first_answer().unwrap();
    let kept = <AccountWithPassword as prost::Message>::decode(&*kept).unwrap();
    assert_eq!((kept.password.as_str(), kept.account), ("", made.account));
    let other = CreateAccountRequest { request_id: "two".to_owned(), ..request };
    let taken = create_account::handle(&world.ctx, &world.admin(), other).await.unwrap_err();
    assert_eq!(taken.reason, USERNAME_TAKEN);
}

#[rstest]
#[case(Backend::Sqlite)]
#[case(Backend::Postgres)]
#[tokio::test]
async fn keys_rotate_without_a_refused_call(#[case] backend: Backend) {
    let world = World::new(backend).await;
    world.account("wang", RoleMessage::Agent).await;
    let mut session = world.sign_in("wang", PASSWORD).await.unwrap();
    let mut seen = std::collections::BTreeSet::new();
    let (mut calls, mut old) = (0, session.access_token.clone());
    for minute in 0..90 {
        if minute % 20 == 5 {
            world.ctx.authority.keys.rotate(Purpose::Access, false).await.unwrap();
        }
        if minute % 10 == 9 {
            old.clone_from(&session.access_token);
            session = world.refresh(&session.refresh_token).await.unwrap();
        }
        seen.insert(kid(&session.access_token));
        for token in [&session.access_token, &old].into_iter().take(if minute % 10 < 5 { 2 } else { 1 }) {
            world.caller(token).await.unwrap_or_else(|error| panic!("minute {minute}: {error}"));
            calls += 1;
        }
        world.wait(60);
    }
    assert!(calls > 100 && seen.len() > 3, "{calls} calls by {seen:?}");
    let before = world.refresh(&session.refresh_token).await.unwrap();
    world.ctx.authority.keys.rotate(Purpose::Access, true).await.unwrap();
    assert!(world.caller(&before.access_token).await.is_err(), "a key that leaked stops at once");
    let after = world.refresh(&before.refresh_token).await.unwrap();
    world.caller(&after.access_token).await.unwrap();
}

fn kid(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}
