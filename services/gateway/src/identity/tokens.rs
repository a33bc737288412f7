//! Access tokens: JWTs that say which session or which client comes, for minutes. They carry no role: what somebody may
//! do is read from the records, so that a change holds at once.

use std::fmt::Debug;

use chrono::{DateTime, Duration, Utc};
use common::error::{Error, Result, reason};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Authority,
    keys::{Keys, Purpose},
    span,
};

const ISSUER: &str = "aftercare-gateway";
const AUDIENCE: &str = "aftercare";
/// Longest token that is looked at, in bytes; ours are far shorter.
const LONGEST: usize = 2048;
/// How far the clocks of two replicas may differ.
const LEEWAY: Duration = Duration::seconds(30);

/// What every token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    /// Account or client.
    sub: String,
    /// Session of a person; empty for a client.
    sid: String,
    /// What a client asked for, separated by blanks; empty for a person.
    scope: String,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// What a token is for: it stands in the header, so that none passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A person's call.
    Person,
    /// A partner's program's call.
    Client,
    /// Between password and second factor.
    Step,
}

impl Kind {
    fn typ(self) -> &'static str {
        match self {
            Self::Person => "at+jwt",
            Self::Client => "client+jwt",
            Self::Step => "step+jwt",
        }
    }
}

/// Whom a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// Account or client.
    pub(crate) subject: String,
    /// Session of a person.
    pub(crate) session: String,
    /// What a client asked for.
    pub(crate) scopes: Vec<String>,
}

impl Authority {
    /// Signs a token.
    ///
    /// # Errors
    ///
    /// `UNAVAILABLE` when there is no key.
    pub(crate) async fn sign(&self, kind: Kind, bearer: &Bearer) -> Result<String> {
        let now = self.core.clock.now();
        let life = match kind {
            Kind::Person | Kind::Client => span(self.config.sign_in.access_life),
            Kind::Step => span(self.config.sign_in.step_life),
        };
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: bearer.subject.clone(),
            sid: bearer.session.clone(),
            scope: bearer.scopes.join(" "),
            jti: self.core.ids.uuid(now).simple().to_string(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + life).timestamp(),
        };
        encode(&self.keys, kind, &claims).await
    }

    /// Whom a token speaks for, and of which of these kinds it is.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED` when it is forged, stale, or meant for something else.
    pub(crate) async fn verify(&self, kinds: &[Kind], token: &str) -> Result<(Kind, Bearer)> {
        let refused = || Error::new(reason::UNAUTHENTICATED);
        let (kind, claims): (Kind, Claims) = decode(&self.keys, kinds, token).await?;
        let now = self.core.clock.now();
        let life = span(self.config.sign_in.access_life).max(span(self.config.sign_in.step_life));
        if !timely(&claims, now, life) || claims.sub.is_empty() {
            return Err(refused());
        }
        let scopes = claims.scope.split_whitespace().map(str::to_owned).collect();
        Ok((kind, Bearer { subject: claims.sub, session: claims.sid, scopes }))
    }
}

async fn encode(keys: &Keys, kind: Kind, claims: &Claims) -> Result<String> {
    let key = keys.signing(Purpose::Access).await?;
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(kind.typ().to_owned());
    header.kid = Some(key.id);
    jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&key.secret)).map_err(Error::internal)
}

async fn decode<C: DeserializeOwned + Debug + Clone>(keys: &Keys, kinds: &[Kind], token: &str) -> Result<(Kind, C)> {
    let refused = || Error::new(reason::UNAUTHENTICATED);
    if token.len() > LONGEST {
        return Err(refused());
    }
    let header = jsonwebtoken::decode_header(token).map_err(|error| refused().caused_by(error))?;
    let name = header.kid.clone().unwrap_or_default();
    // Our header has three fields. One that brings or names keys of its own is nobody's we know.
    let ours = |kind: Kind| Header {
        alg: Algorithm::HS256,
        typ: Some(kind.typ().to_owned()),
        kid: Some(name.clone()),
        ..Header::default()
    };
    let kind = kinds.iter().copied().find(|kind| header == ours(*kind)).ok_or_else(refused)?;
    let key = keys.find(Purpose::Access, &name).await?.ok_or_else(refused)?;
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_audience(&[AUDIENCE]);
    rules.set_issuer(&[ISSUER]);
    rules.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    // Times are judged by our own clock, below.
    rules.validate_exp = false;
    rules.validate_nbf = false;
    let decoded = jsonwebtoken::decode::<C>(token, &DecodingKey::from_secret(&key.secret), &rules);
    Ok((kind, decoded.map_err(|error| refused().caused_by(error))?.claims))
}

/// Whether a token holds now. None of ours is longer than `life`, however it was signed.
fn timely(claims: &Claims, now: DateTime<Utc>, life: Duration) -> bool {
    let (now, leeway) = (now.timestamp(), LEEWAY.num_seconds());
    let length = claims.exp.checked_sub(claims.iat);
    now < claims.exp.saturating_add(leeway)
        && claims.nbf <= now.saturating_add(leeway)
        && claims.iat <= now.saturating_add(leeway)
        && length.is_some_and(|length| (1..=life.num_seconds()).contains(&length))
}
