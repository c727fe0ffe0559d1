//! Rows of resumable uploads.

use privmsg_protocol::{ErrorCode, FileId};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::fault::engine_error;
use super::files::{insert, stored_bytes};
use super::tx::Tx;
use crate::storage::{NewFile, Refusal, Result, StoredUpload, UploadBounds, UserKey, over_quota};

fn unknown() -> Refusal {
    Refusal::new(ErrorCode::UnknownUpload, "there is no such upload of yours")
}

pub(super) fn upload(conn: &Connection, owner: UserKey, file_id: &FileId, now: i64) -> Result<StoredUpload> {
    conn.prepare_cached(
        "SELECT upload.size, upload.expires_at, unproven_from, file.expires_at
         FROM upload LEFT JOIN file ON finished = 1 AND file.file_id = upload.file_id
         WHERE upload.file_id = ?1 AND upload.owner = ?2 AND upload.expires_at > ?3",
    )
    .and_then(|mut query| {
        query
            .query_row(params![file_id.as_str(), owner.0, now], |row| {
                Ok(StoredUpload {
                    size: row.get(0)?,
                    expires_at: row.get(1)?,
                    unproven_from: u64::try_from(row.get::<_, i64>(2)?).ok(),
                    file_expires_at: row.get(3)?,
                })
            })
            .optional()
    })
    .map_err(engine_error)?
    .ok_or_else(|| unknown().into())
}

impl Tx<'_> {
    pub(super) fn create_upload(&self, upload: &NewFile, bounds: UploadBounds) -> Result<()> {
        let unfinished: u32 = self
            .conn
            .prepare_cached("SELECT count(*) FROM upload WHERE owner = ?1 AND finished = 0 AND expires_at > ?2")
            .and_then(|mut query| query.query_row([upload.owner.0, self.now()], |row| row.get(0)))
            .map_err(engine_error)?;
        if bounds.unfinished != 0 && unfinished >= bounds.unfinished {
            return Err(Refusal::new(
                ErrorCode::TooManyUploads,
                "you have too many unfinished uploads; finish or delete some",
            )
            .into());
        }
        if stored_bytes(self.conn, upload.owner)?.saturating_add(upload.size) > bounds.quota {
            return Err(over_quota().into());
        }
        self.conn
            .prepare_cached("INSERT INTO upload (file_id, owner, size, expires_at) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut insert| {
                insert.execute(params![upload.file_id.as_str(), upload.owner.0, upload.size, upload.expires_at])
            })
            .map_err(engine_error)?;
        Ok(())
    }

    pub(super) fn set_unproven(&self, owner: UserKey, file_id: &FileId, from: Option<u64>) -> Result<()> {
        let from = from.map_or(-1, |from| i64::try_from(from).unwrap_or(i64::MAX));
        let changed = self
            .conn
            .prepare_cached("UPDATE upload SET unproven_from = ?3 WHERE file_id = ?1 AND owner = ?2 AND finished = 0")
            .and_then(|mut update| update.execute(params![file_id.as_str(), owner.0, from]))
            .map_err(engine_error)?;
        if changed == 0 { Err(unknown().into()) } else { Ok(()) }
    }

    /// Makes a file of an upload whose bytes are all on the disk.
    pub(super) fn finish_upload(&self, owner: UserKey, file_id: &FileId, expires_at: i64) -> Result<()> {
        self.check_owner(owner)?;
        let size: Option<u64> = self
            .conn
            .prepare_cached(
                "UPDATE upload SET finished = 1, unproven_from = -1
                 WHERE file_id = ?1 AND owner = ?2 AND finished = 0 RETURNING size",
            )
            .and_then(|mut update| update.query_row(params![file_id.as_str(), owner.0], |row| row.get(0)).optional())
            .map_err(engine_error)?;
        let Some(size) = size else { return Err(unknown().into()) };
        insert(self.conn, &NewFile { file_id: file_id.clone(), owner, size, expires_at })
    }

    /// Forgets an upload, and the file if it has become one.
    pub(super) fn delete_upload(&self, owner: UserKey, file_id: &FileId) -> Result<()> {
        let deleted = self
            .conn
            .prepare_cached("DELETE FROM upload WHERE file_id = ?1 AND owner = ?2")
            .and_then(|mut delete| delete.execute(params![file_id.as_str(), owner.0]))
            .map_err(engine_error)?;
        if deleted == 0 {
            return Err(unknown().into());
        }
        self.forget_file(owner, file_id).map(drop)
    }
}
