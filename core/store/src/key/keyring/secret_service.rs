//! The Secret Service of freedesktop.org: GNOME Keyring, KWallet, KeePassXC.

use std::collections::HashMap;
use std::time::Duration;

use dbus_secret_service::{EncryptionType, Error, Item, SearchItemsResult, SecretService};
use zeroize::Zeroizing;

use super::{ANSWER, DatabaseKey, LABEL, Person, UNLOCK, VaultError};

/// Attributes that find an entry again.
const APPLICATION: (&str, &str) = ("application", "privmsg");

/// The library's own, for each call.
const CALL: Duration = Duration::from_secs(2);

fn failed(error: Error) -> VaultError {
    match error {
        Error::Locked | Error::Prompt => VaultError::Locked,
        Error::Unavailable | Error::NoResult => VaultError::Unavailable,
        Error::Dbus(error) if error.name() == Some("org.freedesktop.DBus.Error.NoReply") => VaultError::NoAnswer(CALL),
        other => VaultError::Failed(other.into()),
    }
}

fn connect() -> Result<SecretService, VaultError> {
    // The library takes a window down that it has opened, which giving up its thread would not: so it gives up first.
    let patience = (UNLOCK - ANSWER).as_secs();
    SecretService::connect_with_max_prompt_timeout(EncryptionType::Dh, patience).map_err(failed)
}

pub(super) fn is_available() -> Result<bool, VaultError> {
    // Without a session bus in the environment, libdbus would try to start one by itself.
    if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() {
        return Ok(false);
    }
    match connect().and_then(|service| service.get_default_collection().map(drop).map_err(failed)) {
        Ok(()) => Ok(true),
        Err(silent @ VaultError::NoAnswer(_)) => Err(silent),
        Err(_) => Ok(false),
    }
}

pub(super) fn store(entry: &str, key: &DatabaseKey, person: &Person) -> Result<(), VaultError> {
    let service = connect()?;
    let collection = service.get_default_collection().map_err(failed)?;
    if collection.is_locked().map_err(failed)? {
        person.is_asked();
        collection.unlock().map_err(failed)?;
    }
    let attributes = HashMap::from([APPLICATION, ("profile", entry)]);
    collection
        .create_item(LABEL, attributes, key.as_bytes(), true, "application/octet-stream")
        .map(drop)
        .map_err(failed)
}

pub(super) fn load(entry: &str, person: &Person) -> Result<DatabaseKey, VaultError> {
    let service = connect()?;
    let items = find(&service, entry, person)?;
    let secret = items.first().ok_or(VaultError::Gone)?.get_secret().map(Zeroizing::new).map_err(failed)?;
    secret.as_slice().try_into().map(DatabaseKey::from_bytes).map_err(|_| VaultError::Damaged)
}

pub(super) fn remove(entry: &str, person: &Person) -> Result<(), VaultError> {
    let service = connect()?;
    find(&service, entry, person)?.iter().try_for_each(|item| item.delete().map_err(failed))
}

/// The unlocked items of an entry: none, or one.
fn find<'a>(service: &'a SecretService, entry: &str, person: &Person) -> Result<Vec<Item<'a>>, VaultError> {
    let search = || service.search_items(HashMap::from([APPLICATION, ("profile", entry)])).map_err(failed);
    let mut found = search()?;
    if found.unlocked.is_empty() && found.locked.is_empty() {
        // Some services do not look into what is locked.
        match service.get_default_collection() {
            Ok(collection) if collection.is_locked().map_err(failed)? => {
                person.is_asked();
                collection.unlock().map_err(failed)?;
                found = search()?;
            }
            Ok(_) | Err(Error::NoResult) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let SearchItemsResult { mut unlocked, locked } = found;
    if !locked.is_empty() {
        person.is_asked();
        service.unlock_all(&locked.iter().collect::<Vec<_>>()).map_err(failed)?;
    }
    unlocked.extend(locked);
    Ok(unlocked)
}
