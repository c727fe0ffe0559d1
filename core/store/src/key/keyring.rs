//! A key in the desktop's Secret Service (freedesktop.org).

use super::{DatabaseKey, KeyError};

#[cfg(target_os = "linux")]
mod secret_service {
    use std::collections::HashMap;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use dbus_secret_service::{Collection, EncryptionType, SecretService};
    use zeroize::Zeroizing;

    use super::super::random;
    use super::{DatabaseKey, KeyError};

    /// Attributes that find an entry again.
    const APPLICATION: (&str, &str) = ("application", "privmsg");

    fn failed(error: &dbus_secret_service::Error) -> KeyError {
        KeyError::Keyring(error.to_string())
    }

    fn connect() -> Result<SecretService, KeyError> {
        SecretService::connect(EncryptionType::Dh).map_err(|e| failed(&e))
    }

    fn collection(service: &SecretService) -> Result<Collection<'_>, KeyError> {
        let collection = service.get_default_collection().map_err(|e| failed(&e))?;
        collection.ensure_unlocked().map_err(|e| failed(&e))?;
        Ok(collection)
    }

    /// Whether a keyring answers on the session bus. Does not unlock anything.
    pub fn keyring_is_available() -> bool {
        // Without a session bus in the environment, libdbus would try to start one by itself.
        std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
            && connect().is_ok_and(|service| service.get_default_collection().is_ok())
    }

    pub(in super::super) fn store(key: &DatabaseKey) -> Result<String, KeyError> {
        let entry = URL_SAFE_NO_PAD.encode(random::<12>()?);
        let service = connect()?;
        collection(&service)?
            .create_item(
                "PrivMsg database key",
                HashMap::from([APPLICATION, ("profile", entry.as_str())]),
                &key.0,
                true,
                "application/octet-stream",
            )
            .map_err(|e| failed(&e))?;
        Ok(entry)
    }

    pub(in super::super) fn load(entry: &str) -> Result<DatabaseKey, KeyError> {
        let service = connect()?;
        let collection = collection(&service)?;
        let items =
            collection.search_items(HashMap::from([APPLICATION, ("profile", entry)])).map_err(|e| failed(&e))?;
        let item = items.first().ok_or_else(|| KeyError::Keyring("the entry is gone".into()))?;
        let secret = item.get_secret().map(Zeroizing::new).map_err(|e| failed(&e))?;
        secret.as_slice().try_into().map(DatabaseKey).map_err(|_| KeyError::Keyring("the entry is damaged".into()))
    }

    pub(in super::super) fn remove(entry: &str) -> Result<(), KeyError> {
        let service = connect()?;
        let collection = collection(&service)?;
        let items =
            collection.search_items(HashMap::from([APPLICATION, ("profile", entry)])).map_err(|e| failed(&e))?;
        items.first().map_or(Ok(()), |item| item.delete().map_err(|e| failed(&e)))
    }
}

#[cfg(not(target_os = "linux"))]
mod secret_service {
    use super::{DatabaseKey, KeyError};

    /// No keyring is supported on this system.
    pub fn keyring_is_available() -> bool {
        false
    }

    pub(in super::super) fn store(_key: &DatabaseKey) -> Result<String, KeyError> {
        Err(KeyError::Keyring("not supported on this system".into()))
    }

    pub(in super::super) fn load(_entry: &str) -> Result<DatabaseKey, KeyError> {
        Err(KeyError::Keyring("not supported on this system".into()))
    }

    pub(in super::super) fn remove(_entry: &str) -> Result<(), KeyError> {
        Err(KeyError::Keyring("not supported on this system".into()))
    }
}

pub use secret_service::keyring_is_available;
pub(super) use secret_service::{load, remove, store};
