//! What keeps a key.

use std::collections::BTreeMap;
use std::fmt;

use super::{DatabaseKey, KeyError};

/// What a vault notes in `keystore.json`, to find a key again: a few names and short values. They are not secret, unless
/// encrypted. Sorted, so that the same notes are the same bytes.
pub type Details = BTreeMap<String, serde_json::Value>;

/// Keeps the keys of databases.
///
/// The calls may block: on a system service, on a person who is asked to unlock, on a key derivation. They must come
/// back in bounded time. A host whose own keystore can only be asked asynchronously (a browser) asks it first, and gives
/// a vault that has the answer.
pub trait Vault: fmt::Debug + Send + Sync {
    /// Its name in `keystore.json`: up to 32 of `a-z`, `0-9` and `_`, other than the kinds that are built in. Two vaults
    /// that cannot read each other's details have different names.
    fn name(&self) -> &str;

    /// Keeps a key, durably, beside all others that it keeps.
    ///
    /// # Errors
    /// [`KeyError`]; then nothing is kept.
    fn store(&self, key: &DatabaseKey) -> Result<Details, KeyError>;

    /// Gives the key for which [`Vault::store`] returned `details`. They come from a file, so they can be anything.
    ///
    /// # Errors
    /// [`KeyError`].
    fn load(&self, details: &Details) -> Result<DatabaseKey, KeyError>;

    /// Forgets that key. It is no error if it is gone already.
    ///
    /// # Errors
    /// [`KeyError`].
    fn remove(&self, details: &Details) -> Result<(), KeyError>;
}

/// A text among the details.
pub(super) fn text<'a>(details: &'a Details, name: &str) -> Option<&'a str> {
    details.get(name)?.as_str()
}
