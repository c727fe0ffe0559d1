//! Keys that say who somebody is: one that contacts know, one that signs for the account, one per device.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use privmsg_mls_public::{
    AccountPublicKey, Device, DeviceCertificate, DeviceList, DevicePublicKey, IdentityRequest, Participant, Roster,
    SignIn, SigningKeyCertificate, SigningPublicKey, StatementError,
};
use privmsg_protocol::{DeviceId, UserId};
use rand_core::CryptoRngCore;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The account identity key: an Ed25519 secret that vouches for the account's signing keys.
///
/// Its public half is what contacts pin and compare. No device keeps it: it is sealed under the recovery words
/// ([`crate::RecoveryKey`]) and opened to begin a generation. The bytes are wiped when the value is dropped.
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

    /// The 32 secret bytes, for storage that is encrypted itself.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> AccountPublicKey {
        AccountPublicKey::from_bytes(self.0.verifying_key().to_bytes()).expect("a secret scalar has a sound public key")
    }

    /// Begins a generation of `user_id`'s account: a fresh signing key, for which this identity vouches. Whoever has the
    /// one before signs nothing from then on that anybody believes who has heard of it.
    ///
    /// # Errors
    /// [`StatementError::Malformed`] for a generation that cannot be.
    pub fn begin_generation(
        &self,
        user_id: &UserId,
        generation: u64,
        rng: &mut impl CryptoRngCore,
    ) -> Result<AccountSigningKey, StatementError> {
        let key = SigningKey::generate(rng);
        let sign = |bytes: &[u8]| self.0.sign(bytes).to_bytes();
        let certificate =
            SigningKeyCertificate::signed_by(self.public(), sign, user_id, generation, signing_public(&key))?;
        Ok(AccountSigningKey { key, certificate })
    }

    /// Asks the server for what only the identity may.
    #[must_use]
    pub fn ask(&self, request: &IdentityRequest) -> [u8; 64] {
        self.0.sign(&request.to_sign()).to_bytes()
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

/// The account signing key of one generation, with the identity's word for it: an Ed25519 secret that is on each of the
/// user's devices and says which those are.
///
/// The bytes are wiped when the value is dropped.
#[derive(Clone)]
pub struct AccountSigningKey {
    key: SigningKey,
    certificate: SigningKeyCertificate,
}

impl AccountSigningKey {
    /// The key with these 32 secret bytes, as [`AccountSigningKey::to_bytes`] gave them.
    ///
    /// # Errors
    /// [`StatementError::Other`] if the certificate is for another key.
    pub fn from_bytes(bytes: &[u8; 32], certificate: SigningKeyCertificate) -> Result<Self, StatementError> {
        let key = SigningKey::from_bytes(bytes);
        let is_for_it = signing_public(&key) == *certificate.signing_key();
        if is_for_it { Ok(Self { key, certificate }) } else { Err(StatementError::Other) }
    }

    /// The 32 secret bytes, for storage that is encrypted itself and for one's other devices.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// The identity's word for it.
    #[must_use]
    pub const fn certificate(&self) -> &SigningKeyCertificate {
        &self.certificate
    }

    /// Certifies that `device_id` with `device_key` is the account's. `added_at` is in seconds since 1970.
    #[must_use]
    pub fn certify(&self, device_id: &DeviceId, device_key: &DevicePublicKey, added_at: u64) -> DeviceCertificate {
        DeviceCertificate::signed_by(
            self.certificate.clone(),
            |bytes| self.sign(bytes),
            device_id,
            device_key,
            added_at,
        )
        .expect("the certificate is for this key")
    }

    /// Says which devices are the account's.
    ///
    /// # Errors
    /// [`StatementError::Malformed`] for a counter that cannot be, too many devices, or one that stands there twice.
    pub fn list(&self, counter: u64, devices: Vec<Device>) -> Result<DeviceList, StatementError> {
        let sign = |bytes: &[u8]| self.key.sign(bytes).to_bytes();
        DeviceList::signed_by(self.certificate.clone(), sign, counter, devices)
    }
}

impl AccountSigningKey {
    /// Founds a group of people: the roster that it begins with, in which this account is an owner.
    ///
    /// # Errors
    /// As [`Roster::founding`].
    pub fn found(
        &self,
        participants: Vec<Participant>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Roster, StatementError> {
        Roster::founding(self.certificate.clone(), |bytes| self.sign(bytes), nonce(rng), participants)
    }

    /// The roster that comes after one or two others. Whether this account may write it, [`Roster::replaces`] says.
    ///
    /// # Errors
    /// As [`Roster::next`].
    pub fn next_roster(
        &self,
        previous: &[&Roster],
        participants: Vec<Participant>,
        rng: &mut impl CryptoRngCore,
    ) -> Result<Roster, StatementError> {
        Roster::next(previous, self.certificate.clone(), |bytes| self.sign(bytes), nonce(rng), participants)
    }

    fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

fn nonce(rng: &mut impl CryptoRngCore) -> [u8; 16] {
    let mut nonce = [0; 16];
    rng.fill_bytes(&mut nonce);
    nonce
}

impl PartialEq for AccountSigningKey {
    fn eq(&self, other: &Self) -> bool {
        self.certificate == other.certificate && bool::from(self.key.as_bytes().ct_eq(other.key.as_bytes()))
    }
}

impl Eq for AccountSigningKey {}

impl fmt::Debug for AccountSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, generation) = (self.certificate.user_id(), self.certificate.generation());
        write!(f, "AccountSigningKey({user}, generation {generation})")
    }
}

fn signing_public(key: &SigningKey) -> SigningPublicKey {
    SigningPublicKey::from_bytes(key.verifying_key().to_bytes()).expect("a secret scalar has a sound public key")
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

impl DeviceKeys {
    /// The answer to a server's challenge, by which this device is let in.
    #[must_use]
    pub fn answer(&self, sign_in: &SignIn) -> [u8; 64] {
        self.0.sign(&sign_in.by_device()).to_bytes()
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
    fn a_generation_is_what_the_identity_says() {
        let (account, alice) = (AccountKey::from_bytes(&[1; 32]), UserId::new("alice").unwrap());
        let signing = account.begin_generation(&alice, 7, &mut rand_core::OsRng).unwrap();
        assert_eq!((signing.certificate().generation(), signing.certificate().user_id()), (7, &alice));
        assert_eq!(*signing.certificate().identity_key(), account.public());
        assert_eq!(format!("{signing:?}"), "AccountSigningKey(alice, generation 7)");

        let stored = AccountSigningKey::from_bytes(&signing.to_bytes(), signing.certificate().clone()).unwrap();
        let device = (DeviceId::new("phone").unwrap(), DeviceKeys::from_bytes(&[2; 32]).public());
        let certificate = stored.certify(&device.0, &device.1, 1);
        assert_eq!(DeviceCertificate::decode(&certificate.encode()), Ok(certificate));

        let entry = Device { device_id: device.0, device_key: device.1, added_at: 1 };
        let list = stored.list(1, vec![entry.clone()]).unwrap();
        assert_eq!(DeviceList::decode(&list.encode(), signing.certificate().clone()), Ok(list));
        assert_eq!(stored.list(1, vec![entry.clone(), entry]), Err(StatementError::Malformed));

        let other = account.begin_generation(&alice, 7, &mut rand_core::OsRng).unwrap();
        let mixed = AccountSigningKey::from_bytes(&other.to_bytes(), signing.certificate().clone());
        assert_eq!(mixed.unwrap_err(), StatementError::Other);
        assert!(account.begin_generation(&alice, 0, &mut rand_core::OsRng).is_err());
    }

    #[test]
    fn keys_survive_their_bytes() {
        let account = AccountKey::from_bytes(&[1; 32]);
        assert_eq!(AccountKey::from_bytes(&account.to_bytes()), account);
        assert_ne!(AccountKey::from_bytes(&[2; 32]), account);
        assert_eq!(account.public().to_string().parse(), Ok(account.public()));
    }
}
