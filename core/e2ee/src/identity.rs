//! Keys that say who somebody is: one per account, one per device.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use rand_core::CryptoRngCore;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Why bytes or text are no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an Ed25519 public key in base64")]
pub struct PublicKeyError;

/// The account identity key: an Ed25519 secret that certifies the account's devices and never leaves them in the clear.
///
/// Its public half is what contacts pin and compare. The bytes are wiped when the value is dropped.
#[derive(Clone)]
pub struct AccountKey(SigningKey);

impl AccountKey {
    /// A fresh key. Made once, on an account's first device.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        Self(SigningKey::generate(rng))
    }

    /// The key with these 32 secret bytes, as [`AccountKey::to_bytes`] gave them.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// The 32 secret bytes, for storage that is encrypted itself and for linking a device.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> AccountPublicKey {
        AccountPublicKey(self.0.verifying_key().to_bytes())
    }

    /// The signature of a message that begins with a label of its own.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl PartialEq for AccountKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for AccountKey {}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey({})", self.public())
    }
}

/// A device's MLS signature key (RFC 9420, section 5.1): signs its leaf, its commits and its messages.
///
/// It implements OpenMLS's `Signer`. The bytes are wiped when the value is dropped.
#[derive(Clone)]
pub struct DeviceKeys(SigningKey);

impl DeviceKeys {
    /// A fresh key. Made at each sign-in; a device never takes over another one's key.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        Self(SigningKey::generate(rng))
    }

    /// The key with these 32 secret bytes, as [`DeviceKeys::to_bytes`] gave them.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// The 32 secret bytes, for storage that is encrypted itself.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half, which the server knows as `device_public_key`.
    #[must_use]
    pub fn public(&self) -> DevicePublicKey {
        DevicePublicKey(self.0.verifying_key().to_bytes())
    }
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKeys({})", self.public())
    }
}

impl Signer for DeviceKeys {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

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

            /// The 32 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
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
    /// The public half of an [`AccountKey`]: the `public_key` of a profile, in standard base64 on the wire.
    AccountPublicKey
}

public_key! {
    /// The public half of [`DeviceKeys`], in standard base64 on the wire.
    DevicePublicKey
}

impl AccountPublicKey {
    /// Whether `signature` over `message` was made with this key. Malleable encodings are refused.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_only_the_public_half() {
        let account = AccountKey::from_bytes(&[7; 32]);
        let device = DeviceKeys::from_bytes(&[7; 32]);
        insta::assert_snapshot!(
            format!("{account:?} {device:?}"),
            @"AccountKey(6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=) DeviceKeys(6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=)"
        );
    }

    /// The text is the `public_key` of a profile and the `device_public_key` of a login; the bytes are what is kept.
    #[test]
    fn bytes_are_pinned() {
        let (account, device) = (AccountKey::from_bytes(&[1; 32]), DeviceKeys::from_bytes(&[2; 32]));
        assert_eq!((*account.to_bytes(), *device.to_bytes()), ([1; 32], [2; 32]));
        insta::assert_snapshot!(account.public(), @"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=");
        insta::assert_snapshot!(device.public(), @"gTl3Dqh9F19Wo1Rmw0x+zMuNipG07jeiXfYPW4/Js5Q=");
    }

    #[test]
    fn keys_survive_their_bytes() {
        let account = AccountKey::from_bytes(&[1; 32]);
        assert_eq!(AccountKey::from_bytes(&account.to_bytes()), account);
        assert_ne!(AccountKey::from_bytes(&[2; 32]), account);
        assert_eq!(account.public().to_string().parse(), Ok(account.public()));
    }

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
