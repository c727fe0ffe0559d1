//! Who signs in the tests. Keys are made of small numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use privmsg_mls_public::{
    AccountPublicKey, Device, DeviceCertificate, DeviceList, DevicePublicKey, IdentityAction, IdentityRequest,
    RecoveryPublicKey, SigningKeyCertificate, SigningPublicKey,
};
use privmsg_protocol::{DeviceId, UserId};
use serde_json::{Value, json};

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn unbase64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn public(key: &SigningKey) -> [u8; 32] {
    key.verifying_key().to_bytes()
}

/// A device with its key.
#[derive(Clone)]
pub(crate) struct Keyed {
    pub(crate) device_id: DeviceId,
    key: SigningKey,
}

impl Keyed {
    /// An empty name is one that the server will give.
    pub(crate) fn new(device_id: &str, seed: u8) -> Self {
        let device_id = if device_id.is_empty() { "unnamed" } else { device_id };
        Self { device_id: device_id.parse().unwrap(), key: SigningKey::from_bytes(&[seed; 32]) }
    }

    pub(crate) fn public(&self) -> String {
        base64(&public(&self.key))
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    fn entry(&self) -> Device {
        let device_key = DevicePublicKey::from_bytes(public(&self.key)).unwrap();
        Device { device_id: self.device_id.clone(), device_key, added_at: 1_800_000_000 }
    }
}

/// All the keys of an account, in one generation.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) user_id: UserId,
    pub(crate) generation: u64,
    identity: SigningKey,
    signing: SigningKey,
    words: SigningKey,
}

impl Identity {
    pub(crate) fn new(user: &str, seed: u8) -> Self {
        let key = |number: u8| SigningKey::from_bytes(&[seed.wrapping_mul(7).wrapping_add(number); 32]);
        Self { user_id: user.parse().unwrap(), generation: 1, identity: key(100), signing: key(101), words: key(102) }
    }

    /// The same identity with another signing key.
    pub(crate) fn in_generation(&self, generation: u64) -> Self {
        let seed = u8::try_from(generation % 251).unwrap();
        Self { generation, signing: SigningKey::from_bytes(&[seed; 32]), ..self.clone() }
    }

    /// The same identity under other words.
    pub(crate) fn under_words(&self, seed: u8) -> Self {
        Self { words: SigningKey::from_bytes(&[seed; 32]), ..self.clone() }
    }

    /// The same user, but the list is signed by who has the signing key of `other`.
    pub(crate) fn signing_as(&self, other: &Self) -> Self {
        Self { signing: other.signing.clone(), ..self.clone() }
    }

    pub(crate) fn public(&self) -> String {
        base64(&public(&self.identity))
    }

    pub(crate) fn recovery_key(&self) -> String {
        base64(&RecoveryPublicKey::from_bytes(public(&self.words)).unwrap().as_bytes()[..])
    }

    pub(crate) fn signs_with_words(&self, bytes: &[u8]) -> [u8; 64] {
        self.words.sign(bytes).to_bytes()
    }

    pub(crate) fn certificate(&self) -> SigningKeyCertificate {
        SigningKeyCertificate::signed_by(
            AccountPublicKey::from_bytes(public(&self.identity)).unwrap(),
            |bytes| self.identity.sign(bytes).to_bytes(),
            &self.user_id,
            self.generation,
            SigningPublicKey::from_bytes(public(&self.signing)).unwrap(),
        )
        .unwrap()
    }

    pub(crate) fn list(&self, counter: u64, devices: &[&Keyed]) -> DeviceList {
        let sign = |bytes: &[u8]| self.signing.sign(bytes).to_bytes();
        let devices = devices.iter().map(|device| device.entry()).collect();
        DeviceList::signed_by(self.certificate(), sign, counter, devices).unwrap()
    }

    /// What a device shows in its leaves.
    pub(crate) fn certifies(&self, device: &Keyed) -> DeviceCertificate {
        let sign = |bytes: &[u8]| self.signing.sign(bytes).to_bytes();
        let Device { device_id, device_key, added_at } = device.entry();
        DeviceCertificate::signed_by(self.certificate(), sign, &device_id, &device_key, added_at).unwrap()
    }

    /// The body with which an identity begins.
    pub(crate) fn beginning(&self, list: &DeviceList) -> Value {
        json!({
            "public_key": self.public(), "certificate": base64(&list.certificate().encode()),
            "device_list": base64(&list.encode()), "backup": base64(b"sealed"), "recovery_key": self.recovery_key(),
        })
    }

    /// A signature of the identity over a request.
    pub(crate) fn asks(&self, action: IdentityAction, challenge: [u8; 32], body: &[u8]) -> String {
        let request = IdentityRequest::new(self.user_id.clone(), challenge, action, body);
        base64(&self.identity.sign(&request.to_sign()).to_bytes())
    }
}
