//! Rows of stored files. The bytes are on the disk, elsewhere.

use privmsg_protocol::{ErrorCode, FileId};
use rusqlite::{Connection, params};

use super::engine_error;
use super::tx::Tx;
use crate::storage::{NewFile, Refusal, Result, UserKey, over_quota};

pub(super) fn exists(conn: &Connection, file_id: &FileId, now: i64) -> Result<bool> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM file WHERE file_id = ?1 AND expires_at > ?2)")
        .and_then(|mut query| query.query_row(params![file_id.as_str(), now], |row| row.get(0)))
        .map_err(engine_error)
}

pub(super) fn stored_bytes(conn: &Connection, owner: UserKey) -> Result<u64> {
    conn.prepare_cached("SELECT coalesce(sum(size), 0) FROM file WHERE owner = ?1")
        .and_then(|mut query| query.query_row([owner.0], |row| row.get(0)))
        .map_err(engine_error)
}

impl Tx<'_> {
    pub(super) fn add_file(&self, file: &NewFile, quota: u64) -> Result<()> {
        // Looked at again: the upload may have taken long, and the owner may have been deleted or revoked meanwhile.
        let exists: bool = self
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM user WHERE id = ?1 AND deleted_at = 0 AND revoked_at = 0)")
            .and_then(|mut query| query.query_row([file.owner.0], |row| row.get(0)))
            .map_err(engine_error)?;
        if !exists {
            return Err(super::relay::signed_out().into());
        }
        if stored_bytes(self.conn, file.owner)?.saturating_add(file.size) > quota {
            return Err(over_quota().into());
        }
        self.conn
            .execute(
                "INSERT INTO file (file_id, owner, size, expires_at) VALUES (?1, ?2, ?3, ?4)",
                params![file.file_id.as_str(), file.owner.0, file.size, file.expires_at],
            )
            .map_err(engine_error)?;
        Ok(())
    }

    pub(super) fn delete_file(&self, owner: UserKey, file_id: &FileId) -> Result<()> {
        let deleted = self
            .conn
            .execute("DELETE FROM file WHERE file_id = ?1 AND owner = ?2", params![file_id.as_str(), owner.0])
            .map_err(engine_error)?;
        if deleted == 0 {
            return Err(Refusal::new(ErrorCode::UnknownFile, "there is no such file of yours").into());
        }
        Ok(())
    }
}
