//! What names a state of a part of the database.

use rusqlite::types::{FromSql, FromSqlResult, ValueRef};

/// A state of a part of the database, drawn at random by each write to it, in whichever process. What a rollback undoes has its
/// former stamp again. So equal stamps are the same state, whatever happened in between: who keeps something in memory that
/// follows from it compares this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp([u8; 16]);

impl FromSql for Stamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 16]>::column_result(value).map(Self)
    }
}
