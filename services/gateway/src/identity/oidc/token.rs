//! What an id token must be to be believed, after OpenID Connect Core 1.0, section 3.1.3.7.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation,
    jwk::{AlgorithmParameters, Jwk, PublicKeyUse},
};
use serde_json::{Map, Value};

use crate::identity::secrets;

/// Longest token that is looked at, in bytes.
const LONGEST: usize = 32 * 1024;
/// How far the provider's clock may be from ours, in seconds.
const LEEWAY: i64 = 60;
/// Oldest token that is taken, in seconds: it was made for this very sign-in.
const OLDEST: i64 = 600;
/// Shortest modulus of an RSA key, in bytes.
const LEAST_RSA: usize = 256;
/// Longest id of a person, in bytes.
const LONGEST_SUBJECT: usize = 255;

/// The claims of a token that is believed.
pub(super) type Claims = Map<String, Value>;

/// What a token says of its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) algorithm: Algorithm,
    pub(super) key: Option<String>,
}

/// What a token must say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// Reads what a token says of its signature. Keys that it brings or names by address are never looked at.
pub(super) fn head(token: &str, allowed: &[Algorithm]) -> Result<Head, &'static str> {
    if token.len() > LONGEST {
        return Err("too long");
    }
    let parts: Vec<&str> = token.split('.').collect();
    let &[head, _, signature] = parts.as_slice() else { return Err("not three parts") };
    let head = URL_SAFE_NO_PAD.decode(head).map_err(|_| "the header is no base64")?;
    let head: Map<String, Value> = serde_json::from_slice(&head).map_err(|_| "the header is no JSON")?;
    if signature.is_empty() {
        return Err("no signature");
    }
    if head.contains_key("crit") {
        return Err("an extension that we do not know");
    }
    let named = head.get("alg").and_then(Value::as_str).unwrap_or_default();
    let algorithm = allowed.iter().copied().find(|algorithm| format!("{algorithm:?}") == named);
    let key = match head.get("kid") {
        None => None,
        Some(Value::String(key)) => Some(key.clone()),
        Some(_) => return Err("the key's name is no text"),
    };
    Ok(Head { algorithm: algorithm.ok_or("a signature that is not taken")?, key })
}

/// The key that signed, if it is one of these. A token that names none is taken when there is only one that fits.
pub(super) fn key<'a>(keys: &'a [Jwk], head: &Head) -> Option<&'a Jwk> {
    let mut fitting = keys.iter().filter(|key| fits(key, head));
    let (first, second) = (fitting.next()?, fitting.next());
    (second.is_none() || head.key.is_some()).then_some(first)
}

fn fits(key: &Jwk, head: &Head) -> bool {
    let common = &key.common;
    let named = head.key.is_none() || common.key_id == head.key;
    let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
    let same = common.key_algorithm.is_none_or(|algorithm| format!("{algorithm:?}") == format!("{:?}", head.algorithm));
    let kind = match (&key.algorithm, head.algorithm) {
        (AlgorithmParameters::RSA(parameters), Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512)
        | (AlgorithmParameters::RSA(parameters), Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512) => {
            let modulus = URL_SAFE_NO_PAD.decode(&parameters.n).unwrap_or_default();
            modulus.iter().skip_while(|byte| **byte == 0).count() >= LEAST_RSA
        }
        (AlgorithmParameters::EllipticCurve(_), Algorithm::ES256 | Algorithm::ES384)
        | (AlgorithmParameters::OctetKeyPair(_), Algorithm::EdDSA) => true,
        _ => false,
    };
    named && signs && same && kind
}

/// The claims of a token, if it is signed with this key and made for us, now, for this sign-in.
pub(super) fn verify(token: &str, key: &Jwk, head: &Head, expected: Expected<'_>) -> Result<Claims, &'static str> {
    let key = DecodingKey::from_jwk(key).map_err(|_| "the key is none")?;
    let mut rules = Validation::new(head.algorithm);
    // Only the signature is judged there; the claims are judged below, every one of them.
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, &key, &rules).map_err(|_| "the signature is not right")?;
    let claims = decoded.claims;
    judge(&claims, expected)?;
    Ok(claims)
}

fn judge(claims: &Claims, expected: Expected<'_>) -> Result<(), &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("iss") != expected.issuer {
        return Err("another issuer");
    }
    let audience: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().map(|one| one.as_str().unwrap_or_default()).collect(),
        _ => Vec::new(),
    };
    if !audience.contains(&expected.client_id) {
        return Err("made for somebody else");
    }
    // Made for several, it must say that it was made at our request.
    let party = claims.get("azp");
    if (party.is_some() || audience.len() > 1) && party.and_then(Value::as_str) != Some(expected.client_id) {
        return Err("made at somebody else's request");
    }
    let now = expected.now.timestamp();
    let instant = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => whole(value).map(Some).ok_or("an instant that is no number"),
    };
    let (end, begin, not_before) = (instant("exp")?, instant("iat")?, instant("nbf")?);
    if end.ok_or("no end")? <= now - LEEWAY {
        return Err("its time is over");
    }
    let begin = begin.ok_or("no beginning")?;
    if begin > now + LEEWAY || not_before.is_some_and(|at| at > now + LEEWAY) {
        return Err("its time has not come");
    }
    if begin < now - OLDEST {
        return Err("too old for this sign-in");
    }
    if !secrets::same(text("nonce").as_bytes(), expected.nonce.as_bytes()) {
        return Err("made for another sign-in");
    }
    let subject = text("sub");
    if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
        return Err("it names nobody");
    }
    Ok(())
}

/// Seconds since 1970; a fraction is taken off.
fn whole(value: &Value) -> Option<i64> {
    if let Some(whole) = value.as_i64() {
        return Some(whole);
    }
    let seconds = value.as_f64().filter(|seconds| seconds.is_finite() && seconds.abs() < 1e12)?;
    #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
    Some(seconds as i64)
}

/// The texts of a claim: one, or a list; by its name, or by a path with dots.
pub(super) fn texts<'a>(claims: &'a Claims, claim: &str) -> Vec<&'a str> {
    let found = claims.get(claim).or_else(|| {
        let mut parts = claim.split('.');
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    });
    match found {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        let Value::Object(claims) = value else { panic!("claims are an object") };
        claims
    }

    #[test]
    fn a_claim_is_found_by_name_and_by_path() {
        let claims = claims(json!({
            "role": "a", "groups": ["b", 7, "c"], "realm_access": {"roles": ["d"]}, "https://x.example/role": "e"
        }));
        for (claim, expected) in [
            ("role", &["a"][..]),
            ("groups", &["b", "c"]),
            ("realm_access.roles", &["d"]),
            ("https://x.example/role", &["e"]),
            ("realm_access", &[]),
            ("realm_access.nothing", &[]),
            ("nothing", &[]),
        ] {
            assert_eq!(texts(&claims, claim), expected, "{claim}");
        }
    }

    #[test]
    fn every_claim_is_judged() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let at = now.timestamp();
        let expected = Expected { issuer: "https://id.example", client_id: "aftercare", nonce: "n", now };
        let good = json!({
            "iss": "https://id.example", "aud": "aftercare", "sub": "1", "exp": at + 60, "iat": at, "nonce": "n"
        });
        judge(&claims(good.clone()), expected).unwrap();
        for (field, value) in
            [("aud", json!(["aftercare"])), ("azp", json!("aftercare")), ("iat", json!(at as f64 - 0.5))]
        {
            let mut changed = good.clone();
            changed[field] = value;
            judge(&claims(changed), expected).unwrap();
        }
        for (field, value) in [
            ("iss", json!("https://id.example/")),
            ("iss", json!(["https://id.example"])),
            ("aud", json!("other")),
            ("aud", json!([])),
            ("aud", json!(["aftercare", "other"])),
            ("aud", Value::Null),
            ("azp", json!("other")),
            ("azp", Value::Null),
            ("exp", json!(at - 61)),
            ("exp", json!((at + 60).to_string())),
            ("exp", json!(1e300)),
            ("iat", json!(at + 61)),
            ("iat", json!(at - 601)),
            ("iat", Value::Null),
            ("nbf", json!(at + 61)),
            ("nbf", json!("now")),
            ("nonce", json!("m")),
            ("nonce", json!("")),
            ("sub", json!("")),
            ("sub", json!(7)),
            ("sub", json!("x".repeat(256))),
            ("sub", json!("a\u{0}b")),
        ] {
            let mut changed = good.clone();
            changed[field] = value.clone();
            assert!(judge(&claims(changed), expected).is_err(), "{field} {value}");
        }
        for field in ["iss", "aud", "sub", "exp", "iat", "nonce"] {
            let mut less = claims(good.clone());
            less.remove(field);
            assert!(judge(&less, expected).is_err(), "without {field}");
        }
    }
}
