//! A key under a passphrase.

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{DatabaseKey, KEYSTORE_FILE, KeyError, random};

/// Argon2id parameters, kept with the key so that they can grow for new profiles.
#[derive(Serialize, Deserialize)]
pub(super) struct WrappedKey {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    nonce: String,
    wrapped: String,
}

/// RFC 9106, section 4, second recommendation: 64 MiB and 3 passes. One lane, because the time that counts is that of
/// the attacker, who has the cores anyway.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;

/// More than this is no honest file, and would only take the machine down.
const MAX_MEMORY_KIB: u32 = 4 * 1024 * 1024;

pub(super) fn wrap(key: &DatabaseKey, passphrase: &str) -> Result<WrappedKey, KeyError> {
    let salt: [u8; 16] = random()?;
    let nonce: [u8; 12] = random()?;
    let cipher = cipher(passphrase, &salt, MEMORY_KIB, PASSES, LANES)?;
    let wrapped =
        cipher.encrypt(Nonce::from_slice(&nonce), key.0.as_slice()).map_err(|_| KeyError::Damaged(KEYSTORE_FILE))?;
    Ok(WrappedKey {
        memory_kib: MEMORY_KIB,
        passes: PASSES,
        lanes: LANES,
        salt: STANDARD.encode(salt),
        nonce: STANDARD.encode(nonce),
        wrapped: STANDARD.encode(wrapped),
    })
}

pub(super) fn unwrap(stored: &WrappedKey, passphrase: &str) -> Result<DatabaseKey, KeyError> {
    let damaged = || KeyError::Damaged(KEYSTORE_FILE);
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| damaged());
    let nonce: [u8; 12] = decode(&stored.nonce)?.try_into().map_err(|_| damaged())?;
    if stored.memory_kib > MAX_MEMORY_KIB {
        return Err(damaged());
    }
    let cipher = cipher(passphrase, &decode(&stored.salt)?, stored.memory_kib, stored.passes, stored.lanes)?;
    let plain = cipher
        .decrypt(Nonce::from_slice(&nonce), decode(&stored.wrapped)?.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::WrongPassphrase)?;
    plain.as_slice().try_into().map(DatabaseKey).map_err(|_| damaged())
}

fn cipher(passphrase: &str, salt: &[u8], memory_kib: u32, passes: u32, lanes: u32) -> Result<Aes256Gcm, KeyError> {
    let damaged = |_| KeyError::Damaged(KEYSTORE_FILE);
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(damaged)?;
    let mut derived = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, derived.as_mut_slice())
        .map_err(damaged)?;
    Ok(Aes256Gcm::new(derived.as_ref().into()))
}
