//! Who calls: a short-lived identity signed by the gateway (or by a service that calls another) and verified by
//! every service itself. Nothing inside trusts a bare header.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result, reason},
    record::{Actor, Role},
};

/// Metadata key that carries the signed identity.
pub const IDENTITY: &str = "x-aftercare-identity";
/// Metadata key that carries the caller's languages, as in `Accept-Language`.
pub const LANGUAGE: &str = "x-aftercare-language";

const ISSUER: &str = "aftercare";
const AUDIENCE: &str = "aftercare-services";
/// How long an identity is good for: one call with its retries.
const LIFE: Duration = Duration::seconds(120);
/// Shortest key that is accepted, in bytes.
const LEAST_KEY: usize = 32;

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    role: String,
    org: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Signs and verifies identities with the key that all services of an installation share.
#[derive(Clone)]
pub struct Identity {
    encode: EncodingKey,
    decode: DecodingKey,
}

impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Identity(secret)")
    }
}

impl Identity {
    /// An identity authority over this secret.
    ///
    /// # Errors
    ///
    /// When the secret is shorter than 32 bytes.
    pub fn new(secret: &str) -> anyhow::Result<Self> {
        anyhow::ensure!(secret.len() >= LEAST_KEY, "the identity key must have at least {LEAST_KEY} bytes");
        Ok(Self {
            encode: EncodingKey::from_secret(secret.as_bytes()),
            decode: DecodingKey::from_secret(secret.as_bytes()),
        })
    }

    /// Signs `actor` for one call.
    ///
    /// # Errors
    ///
    /// `INTERNAL` when signing fails.
    pub fn sign(&self, actor: &Actor, now: DateTime<Utc>) -> Result<String> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: actor.id.clone(),
            role: actor.role.as_str().to_owned(),
            org: actor.org_unit_id.clone(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + LIFE).timestamp(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encode).map_err(Error::internal)
    }

    /// Verifies an identity.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` when it is forged, stale or not meant for us.
    pub fn verify(&self, token: &str) -> Result<Actor> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        rules.validate_nbf = true;
        rules.leeway = 30;
        let refused = || Error::new(reason::UNAUTHENTICATED);
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decode, &rules)
            .map_err(|error| refused().caused_by(error))?
            .claims;
        let role = Role::parse(&claims.role).ok_or_else(refused)?;
        Ok(Actor { id: claims.sub, role, org_unit_id: claims.org })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn actor() -> Actor {
        Actor { id: "ag_1".to_owned(), role: Role::Agent, org_unit_id: "ou_1".to_owned() }
    }

    #[test]
    fn an_identity_comes_back() {
        let identity = Identity::new(&"k".repeat(32)).unwrap();
        let token = identity.sign(&actor(), Clock::system().now()).unwrap();
        assert_eq!(identity.verify(&token).unwrap(), actor());
    }

    #[test]
    fn forged_stale_and_early_identities_are_refused() {
        let identity = Identity::new(&"k".repeat(32)).unwrap();
        let other = Identity::new(&"x".repeat(32)).unwrap();
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
    fn a_short_key_is_refused() {
        assert!(Identity::new("short").is_err());
    }
}
