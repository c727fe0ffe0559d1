//! The Credential Manager of Windows, and the Keychain of macOS.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::{CredentialStore, Entry, Error};
use zeroize::Zeroizing;

use super::{DatabaseKey, LABEL, Person, VaultError};

/// Of no profile: to see whether the keyring answers.
const PROBE: &str = "is anybody there";

fn failed(error: Error) -> VaultError {
    match error {
        Error::NoEntry => VaultError::Gone,
        Error::NoStorageAccess(_) => VaultError::Locked,
        other => VaultError::Failed(other.into()),
    }
}

#[cfg(windows)]
fn find(entry: &str) -> Result<Entry, Error> {
    let store: Arc<CredentialStore> = windows_native_keyring_store::Store::new()?;
    // The default, `Enterprise`, would carry the key to the other machines of a domain.
    Entry::new_in_store_with_modifiers(&store, LABEL, entry, &HashMap::from([("persistence", "Local")]))
}

#[cfg(target_os = "macos")]
fn find(entry: &str) -> Result<Entry, Error> {
    let store: Arc<CredentialStore> = apple_native_keyring_store::keychain::Store::new()?;
    // The keychain of the login, which does not roam either.
    Entry::new_in_store_with_modifiers(&store, LABEL, entry, &HashMap::new())
}

/// The Keychain may ask, and does not say when; the Credential Manager never does.
fn may_ask(person: &Person) {
    if cfg!(target_os = "macos") {
        person.is_asked();
    }
}

pub(super) fn is_available() -> Result<bool, VaultError> {
    Ok(matches!(find(PROBE).and_then(|entry| entry.get_secret().map(Zeroizing::new)), Ok(_) | Err(Error::NoEntry)))
}

pub(super) fn store(entry: &str, key: &DatabaseKey, person: &Person) -> Result<(), VaultError> {
    may_ask(person);
    find(entry).and_then(|entry| entry.set_secret(key.as_bytes())).map_err(failed)
}

pub(super) fn load(entry: &str, person: &Person) -> Result<DatabaseKey, VaultError> {
    may_ask(person);
    let secret = find(entry).and_then(|entry| entry.get_secret()).map(Zeroizing::new).map_err(failed)?;
    secret.as_slice().try_into().map(DatabaseKey::from_bytes).map_err(|_| VaultError::Damaged)
}

pub(super) fn remove(entry: &str, person: &Person) -> Result<(), VaultError> {
    may_ask(person);
    match find(entry).and_then(|entry| entry.delete_credential()) {
        Err(Error::NoEntry) => Ok(()),
        other => other.map_err(failed),
    }
}
