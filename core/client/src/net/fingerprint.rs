//! The fingerprint of a server's key, by which a certificate that no authority vouches for is known.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

/// In front of the digits, as `ssh` writes it.
const PREFIX: &str = "SHA256:";

/// SHA-256 of a public key, as it stands in certificates (`SubjectPublicKeyInfo`, DER).
///
/// Of the key, not of the whole certificate: what the handshake proves is that the server has the key. A certificate
/// that is made anew for the same key, because it has expired or the server has moved, is as good as the one before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// A text that is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is SHA256: and 43 characters, or 64 hexadecimal digits")]
pub struct FingerprintError;

impl Fingerprint {
    /// Of these bytes in DER.
    pub(super) fn of(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads `SHA256:` and base64, and what other programs print: hexadecimal digits, with or without colons.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let text = text.trim();
        let digits = match text.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &text[PREFIX.len()..],
            _ => text,
        };
        let bytes = from_hex(digits)
            .or_else(|| STANDARD_NO_PAD.decode(digits).ok())
            .or_else(|| STANDARD.decode(digits).ok())
            .ok_or(FingerprintError)?;
        bytes.try_into().map(Self).map_err(|_| FingerprintError)
    }
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let digits: Vec<char> = digits.chars().filter(|c| *c != ':').collect();
    let digit = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    (digits.len() == 64).then(|| digits.chunks(2).map(|two| Some(digit(two[0])? * 16 + digit(two[1])?)).collect())?
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of nothing, as every program knows it.
    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn every_usual_form_is_read() {
        let expected = Fingerprint::of(b"");
        let shown = expected.to_string();
        assert_eq!(shown, "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU");
        let colons: Vec<String> =
            HEX.as_bytes().chunks(2).map(|two| String::from_utf8_lossy(two).to_uppercase()).collect();
        for form in [
            shown.clone(),
            format!(" {shown}=\n"),
            shown.replace("SHA256", "sha256"),
            shown.replace("SHA256:", ""),
            HEX.to_owned(),
            format!("SHA256:{HEX}"),
            format!("sha256:{}", colons.join(":")),
        ] {
            assert_eq!(form.parse(), Ok(expected), "{form}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "SHA256:",
            "SHA256:47DEQpj8",
            "MD5:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            &HEX[1..],
            "я".repeat(64).as_str(),
        ] {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError), "{text}");
        }
    }
}
