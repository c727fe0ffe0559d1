//! Keys that say who somebody is: one per account, one per device.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use privmsg_mls_public::{AccountPublicKey, DeviceCertificate, DevicePublicKey};
use privmsg_protocol::{DeviceId, UserId};
use rand_core::CryptoRngCore;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

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
        AccountPublicKey::from_bytes(self.0.verifying_key().to_bytes()).expect("a secret scalar has a sound public key")
    }

    /// Certifies that `device_id` with `device_key` belongs to `user_id`. `created_at` is in seconds since 1970.
    #[must_use]
    pub fn certify(
        &self,
        user_id: &UserId,
        device_id: &DeviceId,
        device_key: &DevicePublicKey,
        created_at: u64,
    ) -> DeviceCertificate {
        let sign = |bytes: &[u8]| self.sign(bytes);
        DeviceCertificate::signed_by(self.public(), sign, user_id, device_id, device_key, created_at)
    }

    /// The signature of a message that begins with a label of its own.
    fn sign(&self, message: &[u8]) -> [u8; 64] {
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
        DevicePublicKey::from_bytes(self.0.verifying_key().to_bytes()).expect("a secret scalar has a sound public key")
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
}
