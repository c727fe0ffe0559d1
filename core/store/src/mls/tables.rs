//! Reading and writing the tables of the MLS state.

use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::codec::{CodecError, decode, encode};
use crate::Stamp;

/// Why MLS state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MlsStorageError {
    /// SQLite.
    #[error("MLS state cannot be read or written")]
    Sqlite(#[from] rusqlite::Error),
    /// A value.
    #[error("MLS state is damaged, or from a newer version")]
    Codec(#[from] CodecError),
}

/// Behind the name of a group: no CBOR goes on behind its end.
const FORMER: u8 = 1;

type Result<T> = std::result::Result<T, MlsStorageError>;

/// The tables, on the connection of a transaction.
pub(super) struct Tables<'a> {
    pub(super) sql: &'a Connection,
    /// What groups had before: see [`super::former`].
    pub(super) are_former: bool,
}

impl Tables<'_> {
    /// What a group is called in the tables.
    pub(super) fn name(&self, group: &impl Serialize) -> Result<Zeroizing<Vec<u8>>> {
        let mut name = encode(group)?;
        if self.are_former {
            name.push(FORMER);
        }
        Ok(name)
    }

    fn run(&self, sql: &'static str, parameters: &[&dyn ToSql]) -> Result<()> {
        self.sql.prepare_cached(sql)?.execute(parameters)?;
        Ok(())
    }

    /// Writes to the state of a group, which has another stamp from then on.
    pub(super) fn change(&self, group: &[u8], sql: &'static str, parameters: &[&dyn ToSql]) -> Result<()> {
        self.run(sql, parameters)?;
        self.run("INSERT OR REPLACE INTO mls_stamp (group_id, stamp) VALUES (?1, randomblob(16))", params![group])
    }

    /// What names the state of a group as it is: drawn at each write, and as before where that was undone.
    pub(super) fn stamp(&self, group: &impl Serialize) -> Result<Option<Stamp>> {
        let mut query = self.sql.prepare_cached("SELECT stamp FROM mls_stamp WHERE group_id = ?1")?;
        Ok(query.query_row(params![*self.name(group)?], |row| row.get(0)).optional()?)
    }

    fn one<T: DeserializeOwned>(&self, sql: &'static str, parameters: &[&dyn ToSql]) -> Result<Option<T>> {
        let mut query = self.sql.prepare_cached(sql)?;
        let mut rows = query.query(parameters)?;
        rows.next()?.map(|row| blob(row, 0)).transpose()
    }

    /// Writes the only value of a group under this name.
    pub(super) fn set_part(&self, group: &impl Serialize, part: &str, value: &impl Serialize) -> Result<()> {
        let group = self.name(group)?;
        let sql = "INSERT OR REPLACE INTO mls_group_data (group_id, part, value) VALUES (?1, ?2, ?3)";
        self.change(&group, sql, params![*group, part, *encode(value)?])
    }

    pub(super) fn part<T: DeserializeOwned>(&self, group: &impl Serialize, part: &str) -> Result<Option<T>> {
        self.one(
            "SELECT value FROM mls_group_data WHERE group_id = ?1 AND part = ?2",
            params![*self.name(group)?, part],
        )
    }

    pub(super) fn remove_part(&self, group: &impl Serialize, part: &str) -> Result<()> {
        let group = self.name(group)?;
        self.change(&group, "DELETE FROM mls_group_data WHERE group_id = ?1 AND part = ?2", params![*group, part])
    }

    /// Adds to a list of a group.
    pub(super) fn push(
        &self,
        group: &impl Serialize,
        part: &str,
        reference: &impl Serialize,
        value: &impl Serialize,
    ) -> Result<()> {
        let group = self.name(group)?;
        let sql = "INSERT INTO mls_group_list (group_id, part, reference, value) VALUES (?1, ?2, ?3, ?4)";
        self.change(&group, sql, params![*group, part, *encode(reference)?, *encode(value)?])
    }

    /// A list of a group, in the order in which it was made: references and values.
    pub(super) fn list<R: DeserializeOwned, T: DeserializeOwned>(
        &self,
        group: &impl Serialize,
        part: &str,
    ) -> Result<Vec<(R, T)>> {
        let sql = "SELECT reference, value FROM mls_group_list WHERE group_id = ?1 AND part = ?2 ORDER BY id";
        let mut query = self.sql.prepare_cached(sql)?;
        let mut rows = query.query(params![*self.name(group)?, part])?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            list.push((blob(row, 0)?, blob(row, 1)?));
        }
        Ok(list)
    }

    pub(super) fn references<R: DeserializeOwned>(&self, group: &impl Serialize, part: &str) -> Result<Vec<R>> {
        let sql = "SELECT reference FROM mls_group_list WHERE group_id = ?1 AND part = ?2 ORDER BY id";
        let mut query = self.sql.prepare_cached(sql)?;
        let mut rows = query.query(params![*self.name(group)?, part])?;
        let mut references = Vec::new();
        while let Some(row) = rows.next()? {
            references.push(blob(row, 0)?);
        }
        Ok(references)
    }

    pub(super) fn remove_from_list(
        &self,
        group: &impl Serialize,
        part: &str,
        reference: &impl Serialize,
    ) -> Result<()> {
        let group = self.name(group)?;
        let sql = "DELETE FROM mls_group_list WHERE group_id = ?1 AND part = ?2 AND reference = ?3";
        self.change(&group, sql, params![*group, part, *encode(reference)?])
    }

    pub(super) fn clear_list(&self, group: &impl Serialize, part: &str) -> Result<()> {
        let group = self.name(group)?;
        self.change(&group, "DELETE FROM mls_group_list WHERE group_id = ?1 AND part = ?2", params![*group, part])
    }

    pub(super) fn set_epoch_keys(
        &self,
        group: &impl Serialize,
        epoch: &impl Serialize,
        leaf: u32,
        value: &(impl Serialize + ?Sized),
    ) -> Result<()> {
        let group = self.name(group)?;
        let sql = "INSERT OR REPLACE INTO mls_epoch_keys (group_id, epoch, leaf, value) VALUES (?1, ?2, ?3, ?4)";
        self.change(&group, sql, params![*group, *encode(epoch)?, leaf, *encode(value)?])
    }

    pub(super) fn epoch_keys<T: DeserializeOwned>(
        &self,
        group: &impl Serialize,
        epoch: &impl Serialize,
        leaf: u32,
    ) -> Result<Option<T>> {
        let sql = "SELECT value FROM mls_epoch_keys WHERE group_id = ?1 AND epoch = ?2 AND leaf = ?3";
        self.one(sql, params![*self.name(group)?, *encode(epoch)?, leaf])
    }

    pub(super) fn remove_epoch_keys(&self, group: &impl Serialize, epoch: &impl Serialize, leaf: u32) -> Result<()> {
        let group = self.name(group)?;
        let sql = "DELETE FROM mls_epoch_keys WHERE group_id = ?1 AND epoch = ?2 AND leaf = ?3";
        self.change(&group, sql, params![*group, *encode(epoch)?, leaf])
    }

    /// Writes what belongs to no group.
    pub(super) fn set_key(&self, kind: &str, key: &impl Serialize, value: &impl Serialize) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO mls_key (kind, key, value) VALUES (?1, ?2, ?3)";
        self.run(sql, params![kind, *encode(key)?, *encode(value)?])
    }

    pub(super) fn key<T: DeserializeOwned>(&self, kind: &str, key: &impl Serialize) -> Result<Option<T>> {
        self.one("SELECT value FROM mls_key WHERE kind = ?1 AND key = ?2", params![kind, *encode(key)?])
    }

    pub(super) fn remove_key(&self, kind: &str, key: &impl Serialize) -> Result<()> {
        self.run("DELETE FROM mls_key WHERE kind = ?1 AND key = ?2", params![kind, *encode(key)?])
    }
}

/// Decodes a column in place: most of what stands there is secret, and need not be copied.
fn blob<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T> {
    let bytes = row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(decode(bytes)?)
}
