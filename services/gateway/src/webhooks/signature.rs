//! Signatures as Standard Webhooks has them: `v1,` and the HMAC-SHA256 of id, timestamp and body, for every secret that
//! is good at the time.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::domain::webhook::{Endpoint, EndpointId};

type Hash = Hmac<Sha256>;

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    // A key of any length will do for this construction.
    let Ok(mut hash) = Hash::new_from_slice(key) else { return Vec::new() };
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into_bytes().to_vec()
}

/// The bytes of a secret: made from the installation's key, so that none lies in the database.
fn bytes(key: &str, endpoint: &EndpointId, number: u32) -> Vec<u8> {
    mac(key.as_bytes(), &[b"webhook secret|", endpoint.as_str().as_bytes(), b"|", number.to_string().as_bytes()])
}

/// A secret as its owner keeps it.
pub(crate) fn secret(key: &str, endpoint: &EndpointId, number: u32) -> String {
    format!("whsec_{}", STANDARD.encode(bytes(key, endpoint, number)))
}

/// The `webhook-signature` header.
pub(crate) fn header(key: &str, endpoint: &Endpoint, id: &str, at: DateTime<Utc>, body: &str) -> String {
    let stamp = at.timestamp().to_string();
    let signatures = endpoint.signing(at).map(|secret| {
        let key = bytes(key, &endpoint.id, secret.number);
        let signature = mac(&key, &[id.as_bytes(), b".", stamp.as_bytes(), b".", body.as_bytes()]);
        format!("v1,{}", STANDARD.encode(signature))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_comes_out() {
        // From the test of the reference implementations.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = mac(&key, &[b"msg_p5jXN8AQM9LWM0D4loKWxJek", b".", b"1614265330", b".", body]);
        assert_eq!(STANDARD.encode(signature), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
