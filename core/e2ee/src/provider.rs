//! What OpenMLS needs around it: RustCrypto's cryptography, and storage that the caller owns.

use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider};

/// Where OpenMLS keeps groups and private keys: any [`StorageProvider`] whose errors can cross threads.
///
/// The client hands in `openmls_sqlite_storage::SqliteStorageProvider` over the connection of an open transaction, so
/// that a ratchet step and the message it belongs to are committed together.
pub trait Storage: StorageProvider<CURRENT_VERSION, Error = Self::StorageError> {
    /// What the storage reports, found inside a [`StorageError`].
    type StorageError: std::error::Error + Send + Sync + 'static;
}

impl<S, E> Storage for S
where
    S: StorageProvider<CURRENT_VERSION, Error = E>,
    E: std::error::Error + Send + Sync + 'static,
{
    type StorageError = E;
}

/// The storage failed: a full disk, a lock, a corrupt row. Nothing is wrong with the message at hand.
///
/// The caller rolls its transaction back, drops the [`Conversation`](crate::Conversation) and may try again.
#[derive(Debug, thiserror::Error)]
#[error("the storage failed while {during}")]
pub struct StorageError {
    during: &'static str,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl StorageError {
    /// For an error that came up `during` something, such as "loading a group".
    pub(crate) fn new(during: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { during, source: Box::new(error) }
    }
}

/// RustCrypto's cryptography joined with a storage for the time of one transaction.
pub struct Provider<'a, S> {
    crypto: RustCrypto,
    storage: &'a S,
}

impl<'a, S: Storage> Provider<'a, S> {
    /// Joins them. Costs one call to the system's random generator.
    #[must_use]
    pub fn new(storage: &'a S) -> Self {
        Self { crypto: RustCrypto::default(), storage }
    }
}

impl<S: Storage> OpenMlsProvider for Provider<'_, S> {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = S;

    fn storage(&self) -> &S {
        self.storage
    }

    fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
        &self.crypto
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_storage_that_fails_says_when_and_why() {
        let error = StorageError::new("loading a group", std::io::Error::other("the disk is full"));
        assert_eq!(error.to_string(), "the storage failed while loading a group");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("the disk is full"));
    }
}
