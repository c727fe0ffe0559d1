//! Keys for tests, by number.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::keys::{AccountPublicKey, DevicePublicKey};

pub(crate) fn account_key(number: u8) -> AccountPublicKey {
    AccountPublicKey::from_bytes(public(number)).unwrap()
}

pub(crate) fn device_key(number: u8) -> DevicePublicKey {
    DevicePublicKey::from_bytes(public(number)).unwrap()
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
