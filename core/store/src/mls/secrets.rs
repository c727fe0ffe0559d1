//! A group's message secrets in their rows: see [`super::split`].

use rusqlite::params;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::codec::{CodecError, decode, decode_cbor, encode};
use super::split::{SPLIT_V2, SplitError, joined, split};
use super::tables::{MlsStorageError, Tables};

type Result<T> = std::result::Result<T, MlsStorageError>;

impl Tables<'_> {
    pub(super) fn set_message_secrets(&self, group: &impl Serialize, part: &str, value: &impl Serialize) -> Result<()> {
        let key = self.name(group)?;
        let known = self.past_epochs(&key)?;
        let (bytes, holes) = match split(value, &known) {
            Ok(parts) => parts,
            // Slower, and as good.
            Err(SplitError::Shape | SplitError::Custom(_)) => (encode(value)?, Vec::new()),
            Err(SplitError::Codec(error)) => return Err(error.into()),
        };
        for gone in known.iter().filter(|epoch| !holes.iter().any(|hole| hole.epoch == **epoch)) {
            self.change(
                &key,
                "DELETE FROM mls_past_leaves WHERE group_id = ?1 AND epoch = ?2",
                params![*key, &number(*gone)],
            )?;
        }
        for hole in &holes {
            if let Some(leaves) = &hole.leaves {
                let sql = "INSERT OR REPLACE INTO mls_past_leaves (group_id, epoch, leaves) VALUES (?1, ?2, ?3)";
                self.change(&key, sql, params![*key, &number(hole.epoch), leaves])?;
            }
        }
        let sql = "INSERT OR REPLACE INTO mls_group_data (group_id, part, value) VALUES (?1, ?2, ?3)";
        self.change(&key, sql, params![*key, part, *bytes])
    }

    pub(super) fn message_secrets<T: DeserializeOwned>(&self, group: &impl Serialize, part: &str) -> Result<Option<T>> {
        let key = self.name(group)?;
        let mut query =
            self.sql.prepare_cached("SELECT value FROM mls_group_data WHERE group_id = ?1 AND part = ?2")?;
        let mut rows = query.query(params![*key, part])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        if bytes.first() != Some(&SPLIT_V2) {
            return Ok(Some(decode(bytes)?));
        }
        let whole = joined(bytes, |epoch| self.past_leaves(&key, epoch))?;
        let whole = whole.ok_or(CodecError::Incomplete)?;
        Ok(Some(decode_cbor(&whole)?))
    }

    pub(super) fn remove_message_secrets(&self, group: &impl Serialize, part: &str) -> Result<()> {
        let key = self.name(group)?;
        self.change(&key, "DELETE FROM mls_past_leaves WHERE group_id = ?1", params![*key])?;
        self.change(&key, "DELETE FROM mls_group_data WHERE group_id = ?1 AND part = ?2", params![*key, part])
    }

    fn past_epochs(&self, key: &[u8]) -> Result<Vec<u64>> {
        let mut query = self.sql.prepare_cached("SELECT epoch FROM mls_past_leaves WHERE group_id = ?1")?;
        let rows = query.query_map(params![key], |row| row.get::<_, [u8; 8]>(0))?;
        Ok(rows.map(|epoch| epoch.map(u64::from_be_bytes)).collect::<rusqlite::Result<_>>()?)
    }

    fn past_leaves(&self, key: &[u8], epoch: u64) -> Result<Option<Vec<u8>>> {
        use rusqlite::OptionalExtension as _;
        let mut query =
            self.sql.prepare_cached("SELECT leaves FROM mls_past_leaves WHERE group_id = ?1 AND epoch = ?2")?;
        Ok(query.query_row(params![key, number(epoch)], |row| row.get(0)).optional()?)
    }
}

const fn number(epoch: u64) -> [u8; 8] {
    epoch.to_be_bytes()
}
