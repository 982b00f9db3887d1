//! Signed texts: what Hostward writes on what engines keep for it, and later reads back (HMAC-SHA-256, RFC 2104).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::{self, Write};

/// The label that has such a text.
pub const LABEL: &str = "hostward.asked";

/// What stands between the signature and what is signed.
const BETWEEN: char = ' ';

/// The key of one Hostward. Its holder can write labels that this Hostward believes.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; Self::LEN]);

impl Key {
    /// The length of a key, in bytes.
    pub const LEN: usize = 32;

    /// Takes bytes that nobody can guess.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// A text with its signature in front: 64 hexadecimal digits and a space.
    pub fn seal(&self, text: &str) -> String {
        let mut sealed = String::with_capacity(2 * Self::LEN + 1 + text.len());
        for byte in self.mac(text).finalize().into_bytes() {
            // Writing to a string does not fail.
            let _ = write!(sealed, "{byte:02x}");
        }
        sealed.push(BETWEEN);
        sealed.push_str(text);
        sealed
    }

    /// The text that was signed with this key; `None` for any other.
    pub fn open<'t>(&self, sealed: &'t str) -> Option<&'t str> {
        let (signature, text) = sealed.split_once(BETWEEN)?;
        let digits = signature.as_bytes().chunks_exact(2);
        let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
        let signature: Vec<u8> = digits.map(byte).collect::<Option<_>>()?;
        // In constant time, whatever is right about it.
        self.mac(text).verify_slice(&signature).ok().map(|()| text)
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        // A shorter key is filled up with zeros (RFC 2104).
        let mut block = [0; 64];
        block[..Self::LEN].copy_from_slice(&self.0);
        let mut mac = Hmac::new(&block.into());
        mac.update(text.as_bytes());
        mac
    }
}

/// Not the key itself: what is debugged ends up in logs.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_believed_with_its_signature_alone() {
        let key = Key::new([7; Key::LEN]);
        for text in ["", "{\"a\": 1}", "two words"] {
            let sealed = key.seal(text);
            assert_eq!(key.open(&sealed), Some(text));
            assert_eq!(Key::new([8; Key::LEN]).open(&sealed), None);
            assert_eq!(key.open(&format!("{sealed}x")), None);
            assert_eq!(key.open(&sealed[1..]), None);
            assert_eq!(key.open(&sealed[2..]), None);
        }
        for forged in ["", " ", "{}", "00 {}", "zz {}", "é {}"] {
            assert_eq!(key.open(forged), None, "{forged}");
        }
    }

    #[test]
    fn signatures_are_those_of_the_standard() {
        // RFC 4231 has none of this length; made with `openssl dgst -mac HMAC`.
        let sealed = Key::new([0x0b; Key::LEN]).seal("Hi There");
        assert_eq!(sealed.split_once(' ').unwrap().0, OPENSSL);
    }

    const OPENSSL: &str = "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7";
}
