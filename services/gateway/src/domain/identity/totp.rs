//! The second factor: time-based one-time codes after RFC 6238 (SHA-1, six digits, thirty seconds), as every
//! authenticator app makes them.

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use sha1::Sha1;

/// Seconds of one step.
const STEP: i64 = 30;
/// Steps that a phone's clock may be off, each way.
const SLACK: i64 = 1;

/// The step of an instant.
fn step(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(STEP)
}

/// The code of one step.
fn code(secret: &[u8], step: i64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest.last()? & 15);
    let word: [u8; 4] = digest.get(offset..offset + 4)?.try_into().ok()?;
    Some(format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000))
}

/// The code of an instant, as an authenticator app shows it.
#[cfg(test)]
pub(crate) fn code_at(secret: &[u8], now: DateTime<Utc>) -> Option<String> {
    code(secret, step(now))
}

/// The step whose code this is, if it is near now and later than the last step that was used: a code is good once.
pub(crate) fn check(secret: &[u8], given: &str, now: DateTime<Utc>, last_used: i64) -> Option<i64> {
    let present = step(now);
    (present - SLACK..=present + SLACK).find(|&step| {
        step > last_used && code(secret, step).is_some_and(|code| same(code.as_bytes(), given.as_bytes()))
    })
}

/// Compares without telling by time where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// Base32 after RFC 4648, without padding: how secrets are typed into an app.
pub(crate) fn base32(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let mut word = [0_u8; 8];
        word[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(word);
        for place in 0..(chunk.len() * 8).div_ceil(5) {
            out.push(char::from(ALPHABET[(bits >> (35 - 5 * place)) as usize & 31]));
        }
    }
    out
}

/// The address that an authenticator app reads from a QR code.
pub(crate) fn uri(secret: &[u8], issuer: &str, username: &str) -> String {
    let safe = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            })
            .collect()
    };
    let (issuer, username) = (safe(issuer), safe(username));
    format!("otpauth://totp/{issuer}:{username}?secret={}&issuer={issuer}", base32(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of eight digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(SECRET, at(seconds)).unwrap(), expected);
            assert_eq!(check(SECRET, expected, at(seconds), 0), Some(seconds / 30));
        }
    }

    #[test]
    fn a_code_is_good_near_its_time_and_once() {
        let now = at(1_000_000_000);
        let code = code_at(SECRET, now).unwrap();
        let step = check(SECRET, &code, now, 0).unwrap();
        assert_eq!(check(SECRET, &code, now, step), None, "used before");
        assert_eq!(check(SECRET, &code, now + chrono::Duration::seconds(30), step - 1), Some(step));
        assert_eq!(check(SECRET, &code, now + chrono::Duration::seconds(90), 0), None, "too late");
        assert_eq!(check(SECRET, &code, now - chrono::Duration::seconds(90), 0), None, "too early");
        for wrong in ["", "000000", "28708", "2870822"] {
            assert_eq!(check(SECRET, wrong, at(59), 0), None, "{wrong}");
        }
    }

    #[test]
    fn secrets_are_typed_in_base32() {
        for (bytes, text) in [("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        assert_eq!(base32(SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = uri(SECRET, "After care", "wang@x.cn");
        assert_eq!(
            uri,
            "otpauth://totp/After%20care:wang%40x.cn?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=After%20care"
        );
    }
}
