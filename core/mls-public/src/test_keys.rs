//! Keys for tests, by number, and what they sign.

use ed25519_dalek::{Signer as _, SigningKey};

use privmsg_protocol::{DeviceId, UserId};
use proptest::prelude::prop;

use crate::device_list::{Device, DeviceList};
use crate::keys::{AccountPublicKey, DevicePublicKey, RecoveryPublicKey, SigningPublicKey};
use crate::signing_certificate::SigningKeyCertificate;

pub(crate) fn account_key(number: u8) -> AccountPublicKey {
    AccountPublicKey::from_bytes(public(number)).unwrap()
}

pub(crate) fn device_key(number: u8) -> DevicePublicKey {
    DevicePublicKey::from_bytes(public(number)).unwrap()
}

pub(crate) fn signing_key(number: u8) -> SigningPublicKey {
    SigningPublicKey::from_bytes(public(number)).unwrap()
}

pub(crate) fn recovery_key(number: u8) -> RecoveryPublicKey {
    RecoveryPublicKey::from_bytes(public(number)).unwrap()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub(crate) fn sign(number: u8, message: &[u8]) -> [u8; 64] {
    secret(number).sign(message).to_bytes()
}

fn public(number: u8) -> [u8; 32] {
    secret(number).verifying_key().to_bytes()
}

fn secret(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

fn certificate_of(user: &str, identity: u8, generation: u64, signing: u8) -> SigningKeyCertificate {
    let sign = |bytes: &[u8]| sign(identity, bytes);
    let user = UserId::new(user).unwrap();
    SigningKeyCertificate::signed_by(account_key(identity), sign, &user, generation, signing_key(signing)).unwrap()
}

/// By identity 1, for signing key 2.
pub(crate) fn certificate(generation: u64) -> SigningKeyCertificate {
    certificate_of("al", 1, generation, 2)
}

pub(crate) fn bobs_certificate(generation: u64) -> SigningKeyCertificate {
    certificate_of("bob", 6, generation, 5)
}

pub(crate) fn device(name: &str, key: u8, added_at: u64) -> Device {
    Device { device_id: DeviceId::new(name).unwrap(), device_key: device_key(key), added_at }
}

/// By signing key 2.
pub(crate) fn list(generation: u64, counter: u64, devices: Vec<Device>) -> DeviceList {
    DeviceList::signed_by(certificate(generation), |bytes| sign(2, bytes), counter, devices).unwrap()
}

/// That none of these encodings is taken once a bit of it is another or its end is missing.
pub(crate) fn assert_all_of_it_counts(
    bytes: &[u8],
    at: prop::sample::Index,
    flip: u8,
    is_taken: impl Fn(&[u8]) -> bool,
) {
    let at = at.index(bytes.len());
    let mut flipped = bytes.to_vec();
    flipped[at] ^= flip;
    assert!(is_taken(bytes));
    assert!(!is_taken(&flipped), "{flip:#x} at {at}");
    assert!(!is_taken(&bytes[..at]), "only {at} bytes");
    assert!(!is_taken(&[bytes, &[flip]].concat()), "one more");
}
