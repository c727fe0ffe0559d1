//! The state of MLS, in the same database and so in the same transactions as everything else.
//!
//! OpenMLS asks for a [`StorageProvider`](openmls_traits::storage::StorageProvider); this is ours. What it stores is
//! opaque here: values are CBOR behind a version byte, keys are CBOR, too. Four tables are enough: what a group has one of
//! ([`part`]), what it has several of, key pairs by epoch, and what belongs to no group.

mod codec;
mod provider;
mod tables;

pub use codec::CodecError;
pub use provider::MlsStorage;
pub use tables::MlsStorageError;

/// OpenMLS storage inside a transaction.
#[must_use]
pub fn mls_storage<'t>(tx: &'t crate::Tx<'t>) -> MlsStorage<'t> {
    MlsStorage::new(tx)
}
