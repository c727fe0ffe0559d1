//! A key under a passphrase.

use std::fmt;

use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use zeroize::Zeroizing;

use super::vault::{Details, Vault, text};
use super::{DatabaseKey, KEYSTORE_FILE, KeyError, random};

/// Encrypts the key with a passphrase. The details hold it, and the parameters, so that these can grow for new profiles.
#[derive(Clone, Copy)]
pub(super) struct Passphrase<'a> {
    pub(super) passphrase: Option<&'a str>,
}

impl Passphrase<'_> {
    pub(super) const NAME: &'static str = "passphrase";

    fn given(&self) -> Result<&str, KeyError> {
        self.passphrase.ok_or(KeyError::PassphraseNeeded)
    }
}

impl fmt::Debug for Passphrase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl Vault for Passphrase<'_> {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn store(&self, key: &DatabaseKey) -> Result<Details, KeyError> {
        wrap(key, self.given()?, &random()?, &random()?)
    }

    fn load(&self, details: &Details) -> Result<DatabaseKey, KeyError> {
        unwrap(details, self.given()?)
    }

    fn remove(&self, _details: &Details) -> Result<(), KeyError> {
        // It is in the details only.
        Ok(())
    }
}

/// What Argon2id takes, and what that costs whoever guesses.
#[derive(Clone, Copy)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// RFC 9106, section 4, second recommendation: 64 MiB and 3 passes. One lane, because the time that counts is that of
/// the attacker, who has the cores anyway.
const COST: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

/// More than this is no honest file, and would only take the machine down.
const MAX_COST: Cost = Cost { memory_kib: 4 * 1024 * 1024, passes: 64, lanes: 64 };

fn damaged() -> KeyError {
    KeyError::Damaged(KEYSTORE_FILE)
}

pub(super) fn wrap(
    key: &DatabaseKey,
    passphrase: &str,
    salt: &[u8; 16],
    nonce: &[u8; 12],
) -> Result<Details, KeyError> {
    let wrapped = cipher(passphrase, salt, COST)?
        .encrypt(Nonce::from_slice(nonce), key.as_bytes().as_slice())
        .map_err(|_| damaged())?;
    Ok(Details::from([
        ("memory_kib".to_owned(), COST.memory_kib.into()),
        ("passes".to_owned(), COST.passes.into()),
        ("lanes".to_owned(), COST.lanes.into()),
        ("salt".to_owned(), STANDARD.encode(salt).into()),
        ("nonce".to_owned(), STANDARD.encode(nonce).into()),
        ("wrapped".to_owned(), STANDARD.encode(wrapped).into()),
    ]))
}

fn unwrap(details: &Details, passphrase: &str) -> Result<DatabaseKey, KeyError> {
    let bytes = |name| text(details, name).and_then(|text| STANDARD.decode(text).ok()).ok_or_else(damaged);
    let number = |name, max: u32| {
        let number = details.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
        number.filter(|number| *number <= max).ok_or_else(damaged)
    };
    let cost = Cost {
        memory_kib: number("memory_kib", MAX_COST.memory_kib)?,
        passes: number("passes", MAX_COST.passes)?,
        lanes: number("lanes", MAX_COST.lanes)?,
    };
    let nonce: [u8; 12] = bytes("nonce")?.try_into().map_err(|_| damaged())?;
    let plain = cipher(passphrase, &bytes("salt")?, cost)?
        .decrypt(Nonce::from_slice(&nonce), bytes("wrapped")?.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::WrongPassphrase)?;
    plain.as_slice().try_into().map(DatabaseKey).map_err(|_| damaged())
}

fn cipher(passphrase: &str, salt: &[u8], cost: Cost) -> Result<Aes256Gcm, KeyError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| damaged())?;
    let mut derived = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, derived.as_mut_slice())
        .map_err(|_| damaged())?;
    Ok(Aes256Gcm::new(derived.as_ref().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_take_the_machine_down_is_no_keystore() {
        let good = wrap(&DatabaseKey::from_bytes([7; 32]), "open sesame", &[1; 16], &[2; 12]).unwrap();
        for (name, value) in [("memory_kib", 1_u64 << 31), ("passes", 1 << 20), ("lanes", 1 << 20), ("passes", 1 << 33)]
        {
            let mut bad = good.clone();
            bad.insert(name.to_owned(), value.into());
            assert!(matches!(unwrap(&bad, "open sesame"), Err(KeyError::Damaged(_))), "{name} {value}");
        }
    }

    #[test]
    fn whatever_is_missing_or_of_another_kind_is_damage() {
        let good = wrap(&DatabaseKey::from_bytes([7; 32]), "open sesame", &[1; 16], &[2; 12]).unwrap();
        for name in good.keys() {
            let mut bad = good.clone();
            bad.remove(name);
            assert!(matches!(unwrap(&bad, "open sesame"), Err(KeyError::Damaged(_))), "{name}");
            bad.insert(name.clone(), Value::Null);
            assert!(matches!(unwrap(&bad, "open sesame"), Err(KeyError::Damaged(_))), "{name}");
        }
    }
}
