//! The state of MLS, in the same database and so in the same transactions as everything else.
//!
//! OpenMLS asks for a [`StorageProvider`](openmls_traits::storage::StorageProvider); this is ours. What it stores is
//! opaque here: values are CBOR behind a version byte, keys are CBOR, too. Four tables are enough: what a group has one of
//! ([`part`]), what it has several of, key pairs by epoch, and what belongs to no group. A fifth has a [`Stamp`] for each group, another after each write.

mod codec;
pub mod former;
mod provider;
mod secrets;
mod split;
mod tables;

pub use codec::CodecError;
pub use provider::MlsStorage;
pub use tables::MlsStorageError;

use openmls_traits::storage::{CURRENT_VERSION, traits};

use self::tables::Tables;
use crate::{Stamp, StoreError, Tx};

/// OpenMLS storage inside a transaction.
#[must_use]
pub fn mls_storage<'t>(tx: &'t Tx<'t>) -> MlsStorage<'t> {
    MlsStorage::new(tx, false)
}

/// What names the state of a group as it is now. Every write to it draws another, in whichever process, and undoing that
/// brings back the one before: whoever has loaded the group may go on with it as long as the stamp is the same. `None` if
/// nothing was written yet.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn mls_stamp(tx: &Tx<'_>, group: &impl traits::GroupId<CURRENT_VERSION>) -> Result<Option<Stamp>, StoreError> {
    Tables { sql: tx.sql(), are_former: false }.stamp(group).map_err(former::unnamed)
}
