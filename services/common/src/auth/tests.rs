//! What is verified and what is refused.

use super::*;
use crate::clock::Clock;

fn secret(letter: &str) -> String {
    letter.repeat(32)
}

fn actor() -> Actor {
    Actor {
        account_id: "us_1".to_owned(),
        units: Units::Of(vec!["ou_1".to_owned(), "ou_2".to_owned()]),
        partner_id: "pa_1".to_owned(),
        link: Some(Link { purpose: "progress".to_owned(), record_id: "sr_1".to_owned() }),
        unmask: true,
        ..Actor::new("ag_1", Role::Agent, "ou_1")
    }
}

#[test]
fn an_identity_comes_back() {
    let identity = Identity::new(&secret("k")).unwrap();
    for actor in [actor(), Actor::service("intake"), Actor::new("te_1", Role::Technician, "")] {
        let token = identity.sign(&actor, Clock::system().now()).unwrap();
        assert_eq!(identity.verify(&token).unwrap(), actor);
    }
}

#[test]
fn forged_stale_and_early_identities_are_refused() {
    let identity = Identity::new(&secret("k")).unwrap();
    let other = Identity::new(&secret("x")).unwrap();
    let now = Clock::system().now();
    for token in [
        other.sign(&actor(), now).unwrap(),
        identity.sign(&actor(), now - Duration::minutes(5)).unwrap(),
        identity.sign(&actor(), now + Duration::minutes(5)).unwrap(),
        String::new(),
        "a.b.c".to_owned(),
    ] {
        assert_eq!(identity.verify(&token).unwrap_err().reason, reason::UNAUTHENTICATED);
    }
}

#[test]
fn keys_change_without_a_refused_call() {
    let (old, new) = (secret("k"), secret("x"));
    let now = Clock::system().now();
    let phases = [
        Identity::new(&old).unwrap(),
        Identity::new(&old).unwrap().also(&new).unwrap(),
        Identity::new(&new).unwrap().also(&old).unwrap(),
        Identity::new(&new).unwrap(),
    ];
    // Processes are one phase apart at the most.
    for pair in phases.windows(2) {
        for (signs, verifies) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
            let token = signs.sign(&actor(), now).unwrap();
            assert_eq!(verifies.verify(&token).unwrap(), actor());
        }
    }
    let late = phases[0].sign(&actor(), now).unwrap();
    assert!(phases[3].verify(&late).is_err(), "the old key is gone");
}

#[test]
fn a_short_key_is_refused() {
    assert!(Identity::new("short").is_err());
    assert!(Identity::new(&secret("k")).unwrap().also("short").is_err());
}
