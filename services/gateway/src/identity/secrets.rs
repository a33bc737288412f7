//! Secrets that are made here: 256 bits from the system's generator, kept as digests only. They need no slow hash:
//! nobody guesses 256 bits.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use common::error::{Error, Result};
use hmac::{Hmac, Mac as _};
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};

/// Bytes nobody can guess.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::rng().fill(&mut bytes);
    bytes
}

/// A text nobody can guess, of 43 letters that need no quoting anywhere.
pub(crate) fn text() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// A short lower-case name that is no secret, such as the beginning of an API key.
pub(crate) fn name() -> String {
    bytes::<6>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A first password that can be read out over the telephone: sixteen letters and digits that look different, 80 bits.
pub(crate) fn password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
    let letters: Vec<char> = bytes::<16>().iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-")
}

/// What is kept of a secret.
pub(crate) fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// The digest as hexadecimal text.
pub(crate) fn hex_digest(secret: &str) -> String {
    digest(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares without telling by time where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

/// The signature of a text, for tokens that are no JWT.
///
/// # Errors
///
/// `INTERNAL` when the key is none.
pub(crate) fn sign(key: &[u8], text: &str) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(Error::internal)?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_compare() {
        assert_ne!(text(), text());
        assert_eq!(text().len(), 43);
        assert_eq!(name().len(), 12);
        assert_eq!(password().len(), 19);
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab"));
        assert_ne!(sign(b"k", "a").unwrap(), sign(b"k", "b").unwrap());
    }
}
