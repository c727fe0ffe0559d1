//! OpenMLS's own tables, in the same database and so in the same transactions.

use openmls_sqlite_storage::{Codec, SqliteStorageProvider};
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// MLS state as CBOR behind a version byte. OpenMLS needs a self-describing format; against JSON, byte strings stay
/// byte strings instead of lists of decimal numbers, a third of the size.
#[derive(Default)]
pub struct Cbor;

/// First byte of every stored value; a later format gets another one.
const CBOR_V1: u8 = 1;

/// Why a stored MLS value cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// CBOR could not be made from the value.
    #[error("cannot encode: {0}")]
    Encode(String),
    /// The bytes are not that value.
    #[error("cannot decode: {0}")]
    Decode(String),
    /// Written by a newer build.
    #[error("unknown format {0:?}")]
    Version(Option<u8>),
}

impl Codec for Cbor {
    type Error = CodecError;

    fn to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
        let mut bytes = vec![CBOR_V1];
        ciborium::into_writer(value, &mut bytes).map_err(|e| CodecError::Encode(e.to_string()))?;
        Ok(bytes)
    }

    fn from_slice<T: DeserializeOwned>(slice: &[u8]) -> Result<T, CodecError> {
        match slice.split_first() {
            Some((&CBOR_V1, cbor)) => ciborium::from_reader(cbor).map_err(|e| CodecError::Decode(e.to_string())),
            other => Err(CodecError::Version(other.map(|(version, _)| *version))),
        }
    }
}

/// OpenMLS storage on a borrowed connection.
pub type MlsStorage<'a> = SqliteStorageProvider<Cbor, &'a Connection>;

/// OpenMLS storage inside the transaction that `connection` is in.
#[must_use]
pub fn mls_storage(connection: &Connection) -> MlsStorage<'_> {
    SqliteStorageProvider::new(connection)
}

pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    SqliteStorageProvider::<Cbor, &mut Connection>::new(connection)
        .run_migrations()
        .map_err(|e| StoreError::Migration(e.to_string()))
}
