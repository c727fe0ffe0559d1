//! Rows of resumable uploads.

use privmsg_protocol::{ErrorCode, FileId};
use rusqlite::{Connection, params};

use super::engine::SqliteStorage;
use super::files::{insert, stored_bytes};
use super::query::Query as _;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{NewFile, Refusal, Result, StoredUpload, UploadBounds, UserKey, over_quota};

impl SqliteStorage {
    /// Begins a resumable upload: its file's row comes with [`SqliteStorage::finish_upload`].
    pub(crate) async fn create_upload(&self, upload: NewFile, bounds: UploadBounds) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.create_upload(&upload, bounds)).await
    }

    pub(crate) async fn upload(&self, owner: UserKey, file_id: FileId) -> Result<StoredUpload> {
        let now = self.clock.now();
        self.read(move |conn| upload(conn, owner, &file_id, now)).await
    }

    /// Notes from where on bytes have not been compared with their checksum.
    pub(crate) async fn set_unproven(&self, owner: UserKey, file_id: FileId, from: Option<u64>) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.set_unproven(owner, &file_id, from)).await
    }

    /// Makes a file of an upload whose bytes are all on the disk.
    pub(crate) async fn finish_upload(&self, owner: UserKey, file_id: FileId, expires_at: i64) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.finish_upload(owner, &file_id, expires_at)).await
    }

    /// Forgets an upload, also when it has become a file.
    pub(crate) async fn delete_upload(&self, owner: UserKey, file_id: FileId) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.delete_upload(owner, &file_id)).await
    }
}

fn unknown() -> Refusal {
    Refusal::new(ErrorCode::UnknownUpload, "there is no such upload of yours")
}

pub(super) fn upload(conn: &Connection, owner: UserKey, file_id: &FileId, now: i64) -> Result<StoredUpload> {
    conn.first(
        "SELECT upload.size, upload.expires_at, unproven_from, file.expires_at
         FROM upload LEFT JOIN file ON finished = 1 AND file.file_id = upload.file_id
         WHERE upload.file_id = ?1 AND upload.owner = ?2 AND upload.expires_at > ?3",
        params![file_id.as_str(), owner.0, now],
        |row| {
            Ok(StoredUpload {
                size: row.get(0)?,
                expires_at: row.get(1)?,
                unproven_from: u64::try_from(row.get::<_, i64>(2)?).ok(),
                file_expires_at: row.get(3)?,
            })
        },
    )?
    .ok_or_else(|| unknown().into())
}

impl Tx<'_> {
    fn create_upload(&self, upload: &NewFile, bounds: UploadBounds) -> Result<()> {
        let unfinished: u32 = self.conn.one(
            "SELECT count(*) FROM upload WHERE owner = ?1 AND finished = 0 AND expires_at > ?2",
            [upload.owner.0, self.now()],
            |row| row.get(0),
        )?;
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
        self.conn.run(
            "INSERT INTO upload (file_id, owner, size, expires_at) VALUES (?1, ?2, ?3, ?4)",
            params![upload.file_id.as_str(), upload.owner.0, upload.size, upload.expires_at],
        )?;
        Ok(())
    }

    fn set_unproven(&self, owner: UserKey, file_id: &FileId, from: Option<u64>) -> Result<()> {
        let from = from.map_or(-1, |from| i64::try_from(from).unwrap_or(i64::MAX));
        let changed = self.conn.run(
            "UPDATE upload SET unproven_from = ?3 WHERE file_id = ?1 AND owner = ?2 AND finished = 0",
            params![file_id.as_str(), owner.0, from],
        )?;
        if changed == 0 { Err(unknown().into()) } else { Ok(()) }
    }

    /// Makes a file of an upload whose bytes are all on the disk.
    fn finish_upload(&self, owner: UserKey, file_id: &FileId, expires_at: i64) -> Result<()> {
        self.check_owner(owner)?;
        let size: Option<u64> = self.conn.first(
            "UPDATE upload SET finished = 1, unproven_from = -1
             WHERE file_id = ?1 AND owner = ?2 AND finished = 0 RETURNING size",
            params![file_id.as_str(), owner.0],
            |row| row.get(0),
        )?;
        let Some(size) = size else { return Err(unknown().into()) };
        insert(self.conn, &NewFile { file_id: file_id.clone(), owner, size, expires_at })
    }

    /// Forgets an upload, and the file if it has become one.
    fn delete_upload(&self, owner: UserKey, file_id: &FileId) -> Result<()> {
        let deleted = self
            .conn
            .run("DELETE FROM upload WHERE file_id = ?1 AND owner = ?2", params![file_id.as_str(), owner.0])?;
        if deleted == 0 {
            return Err(unknown().into());
        }
        self.forget_file(owner, file_id).map(drop)
    }
}
