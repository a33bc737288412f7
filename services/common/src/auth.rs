//! Who calls: a short-lived identity signed by the gateway (or by a service that calls another) and verified by
//! every service itself. Nothing inside trusts a bare header.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, Mac as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    config::IdentitySettings,
    error::{Error, Result, reason},
    record::{Actor, Link, Role, Units},
};

/// Metadata key that carries the signed identity.
pub const IDENTITY: &str = "x-aftercare-identity";
/// Metadata key that carries the client's network address.
pub const ADDRESS: &str = "x-aftercare-address";
/// Metadata key that carries what the client calls itself.
pub const AGENT: &str = "x-aftercare-agent";
/// Metadata key that carries the session of a person who signed in.
pub const SESSION: &str = "x-aftercare-session";
/// Metadata key that carries the caller's languages, as in `Accept-Language`.
pub const LANGUAGE: &str = "x-aftercare-language";

const ISSUER: &str = "aftercare";
const AUDIENCE: &str = "aftercare-services";
/// How long an identity is good for: one call with its retries.
const LIFE: Duration = Duration::seconds(120);
/// Shortest key that is accepted, in bytes.
const LEAST_KEY: usize = 32;
/// Longest token that is looked at, in bytes; ours are far shorter.
const LONGEST_TOKEN: usize = 12 * 1024;
/// What the header of an identity says it is: a token made for another use never passes for one.
const TYPE: &str = "aftercare-identity+jwt";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    role: String,
    org: String,
    /// Who signed in; left out where it is the subject.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    acc: String,
    /// Units at or below the own; left out by who sees all of them, and then `all` is set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    units: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    all: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    partner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<Link>,
    #[serde(default, skip_serializing_if = "is_false")]
    unmask: bool,
    iat: i64,
    nbf: i64,
    exp: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Claims {
    fn of(actor: &Actor, now: DateTime<Utc>) -> Self {
        let (all, units) = match &actor.units {
            Units::All => (true, Vec::new()),
            Units::Of(units) => (false, units.clone()),
        };
        Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: actor.id.clone(),
            role: actor.role.as_str().to_owned(),
            org: actor.org_unit_id.clone(),
            acc: if actor.account_id == actor.id { String::new() } else { actor.account_id.clone() },
            units,
            all,
            partner: actor.partner_id.clone(),
            link: actor.link.clone(),
            unmask: actor.unmask,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + LIFE).timestamp(),
        }
    }

    fn actor(self) -> Option<Actor> {
        // No identity of ours lives longer than this, however it was signed.
        if self.sub.is_empty() || self.exp - self.nbf > LIFE.num_seconds() || (self.all && !self.units.is_empty()) {
            return None;
        }
        Some(Actor {
            role: Role::parse(&self.role)?,
            account_id: if self.acc.is_empty() { self.sub.clone() } else { self.acc },
            id: self.sub,
            org_unit_id: self.org,
            units: if self.all { Units::All } else { Units::Of(self.units) },
            partner_id: self.partner,
            link: self.link,
            unmask: self.unmask,
        })
    }
}

/// A key by which identities are verified, under the name that stands in their headers.
#[derive(Clone)]
struct Known {
    name: String,
    key: DecodingKey,
}

/// Signs identities with the key that all services of an installation share, and verifies them with that key or with one
/// that is about to come or to go.
#[derive(Clone)]
pub struct Identity {
    sign: EncodingKey,
    name: String,
    known: Vec<Known>,
    /// From which keys for other purposes are drawn; the present secret first.
    roots: Vec<String>,
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
        let known = Known { name: name(secret), key: DecodingKey::from_secret(secret.as_bytes()) };
        Ok(Self {
            sign: EncodingKey::from_secret(secret.as_bytes()),
            name: known.name.clone(),
            known: vec![known],
            roots: vec![secret.to_owned()],
        })
    }

    /// The authority of an installation.
    ///
    /// # Errors
    ///
    /// When a key is shorter than 32 bytes.
    pub fn of(settings: &IdentitySettings) -> anyhow::Result<Self> {
        let previous = settings.previous_keys.iter().map(|key| key.expose());
        previous.filter(|key| !key.is_empty()).try_fold(Self::new(settings.key.expose())?, Self::also)
    }

    /// Verifies identities of this secret too. A new key is first made known everywhere this way, then signed with, and
    /// the old one is known until the last identity signed with it has run out: no call fails on the way.
    ///
    /// # Errors
    ///
    /// When the secret is shorter than 32 bytes.
    pub fn also(mut self, secret: &str) -> anyhow::Result<Self> {
        self.known.extend(Self::new(secret)?.known);
        self.roots.push(secret.to_owned());
        Ok(self)
    }

    /// Keys for another purpose, drawn from the secrets, the present one first: whoever has one of them has neither a secret
    /// nor the key of any other purpose.
    #[must_use]
    pub fn derived(&self, purpose: &str) -> Vec<String> {
        let draw = |root: &String| {
            let mac = Hmac::<Sha256>::new_from_slice(root.as_bytes()).ok()?;
            let drawn = mac.chain_update(format!("aftercare key for {purpose}")).finalize().into_bytes();
            Some(drawn.iter().map(|byte| format!("{byte:02x}")).collect())
        };
        self.roots.iter().filter_map(draw).collect()
    }

    /// Signs `actor` for one call.
    ///
    /// # Errors
    ///
    /// `INTERNAL` when signing fails.
    pub fn sign(&self, actor: &Actor, now: DateTime<Utc>) -> Result<String> {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.name.clone());
        jsonwebtoken::encode(&header, &Claims::of(actor, now), &self.sign).map_err(Error::internal)
    }

    /// Verifies an identity.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` when it is forged, stale or not meant for us.
    pub fn verify(&self, token: &str) -> Result<Actor> {
        let refused = || Error::new(reason::UNAUTHENTICATED);
        if token.len() > LONGEST_TOKEN {
            return Err(refused());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|error| refused().caused_by(error))?;
        // Our header has three fields. One that names keys of its own is nobody's we know.
        let ours = Header { alg: Algorithm::HS256, typ: Some(TYPE.to_owned()), ..Header::default() };
        let known = self.known.iter().find(|known| header == Header { kid: Some(known.name.clone()), ..ours.clone() });
        let known = known.ok_or_else(refused)?;
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        rules.validate_nbf = true;
        rules.leeway = 30;
        let claims = jsonwebtoken::decode::<Claims>(token, &known.key, &rules)
            .map_err(|error| refused().caused_by(error))?
            .claims;
        claims.actor().ok_or_else(refused)
    }
}

/// The name of a key: it says which one, and nothing of it.
fn name(secret: &str) -> String {
    let digest = Sha256::digest(format!("aftercare identity key {secret}"));
    digest[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
