//! Systems without a keyring of their own; where the host has one, it gives a vault.

use super::{DatabaseKey, Person, VaultError};

pub(super) fn is_available() -> Result<bool, VaultError> {
    Ok(false)
}

pub(super) fn store(_entry: &str, _key: &DatabaseKey, _person: &Person) -> Result<(), VaultError> {
    Err(VaultError::Unavailable)
}

pub(super) fn load(_entry: &str, _person: &Person) -> Result<DatabaseKey, VaultError> {
    Err(VaultError::Unavailable)
}

pub(super) fn remove(_entry: &str, _person: &Person) -> Result<(), VaultError> {
    Err(VaultError::Unavailable)
}
