//! Public keys, a type for each purpose, so that none can stand where another belongs.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::VerifyingKey;

/// Why bytes or text are no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 public key in base64")]
pub struct PublicKeyError;

macro_rules! public_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The key with these bytes.
            ///
            /// # Errors
            /// [`PublicKeyError`] if they are no point of the curve, or one of small order, for which a signature
            /// proves nothing.
            pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, PublicKeyError> {
                match VerifyingKey::from_bytes(&bytes) {
                    Ok(key) if !key.is_weak() => Ok(Self(bytes)),
                    _ => Err(PublicKeyError),
                }
            }

            /// The key with these bytes, which was looked at before.
            #[allow(dead_code, reason = "not every key is kept")]
            pub(crate) const fn admitted(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// Whether `signature` over `message` was made with this key. Malleable encodings are refused.
            #[must_use]
            pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
                let signature = ed25519_dalek::Signature::from_bytes(signature);
                VerifyingKey::from_bytes(&self.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
            }
        }

        impl FromStr for $name {
            type Err = PublicKeyError;

            /// Parses standard, padded base64 (44 characters).
            fn from_str(s: &str) -> Result<Self, PublicKeyError> {
                let bytes = STANDARD.decode(s).map_err(|_| PublicKeyError)?;
                Self::from_bytes(bytes.try_into().map_err(|_| PublicKeyError)?)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&STANDARD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

public_key! {
    /// The public half of an account's identity key: the `public_key` of a profile, in standard base64 on the wire.
    AccountPublicKey
}

public_key! {
    /// The public half of a device's MLS signature key (RFC 9420, section 5.1), in standard base64 on the wire.
    DevicePublicKey
}

public_key! {
    /// The public half of an account signing key: it signs device lists and rosters for one generation of an account,
    /// and the identity key vouches for it.
    SigningPublicKey
}

public_key! {
    /// The public half of the key that the recovery words give for signing in with them alone.
    RecoveryPublicKey
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_keys_that_prove_nothing_are_refused() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert_eq!(AccountPublicKey::from_bytes(neutral), Err(PublicKeyError));
        for bad in ["", "AAAA", "not base64", &"A".repeat(43)] {
            assert_eq!(bad.parse::<DevicePublicKey>(), Err(PublicKeyError), "{bad:?}");
        }
    }
}
