//! Rows of stored files. The bytes are on the disk, elsewhere.
//!
//! A file lives until it expires, or until its owner deletes it. One that is its owner's picture lives for as long as
//! it is that, and no longer.

use privmsg_protocol::{ErrorCode, FileId};
use rusqlite::{Connection, params};

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::row::parse;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{NewFile, Refusal, Result, UserKey, over_quota};

impl SqliteStorage {
    /// Adds a file, unless its owner's files would then have more than `quota` bytes.
    pub(crate) async fn add_file(&self, file: NewFile, quota: u64) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.add_file(&file, quota)).await
    }

    /// Bytes of the user's files, with what is reserved for uploads under way.
    pub(crate) async fn stored_bytes(&self, owner: UserKey) -> Result<u64> {
        self.read(move |conn| stored_bytes(conn, owner)).await
    }

    pub(crate) async fn file_exists(&self, file_id: FileId) -> Result<bool> {
        let now = self.clock.now();
        self.read(move |conn| exists(conn, &file_id, now)).await
    }

    /// Whether bytes of this name on the disk belong to a file or to an upload under way.
    pub(crate) async fn file_is_known(&self, file_id: FileId) -> Result<bool> {
        self.read(move |conn| is_known(conn, &file_id)).await
    }

    pub(crate) async fn delete_file(&self, owner: UserKey, file_id: FileId) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.delete_file(owner, &file_id)).await
    }
}

pub(super) fn exists(conn: &Connection, file_id: &FileId, now: i64) -> Result<bool> {
    conn.one(
        "SELECT EXISTS (SELECT 1 FROM file WHERE file_id = ?1 AND (expires_at > ?2
             OR EXISTS (SELECT 1 FROM user WHERE user.id = file.owner AND avatar_file_id = file.file_id)))",
        params![file_id.as_str(), now],
        |row| row.get(0),
    )
}

/// Whether bytes of this name belong to anybody: to a file, or to an upload that is under way.
fn is_known(conn: &Connection, file_id: &FileId) -> Result<bool> {
    conn.one(
        "SELECT EXISTS (SELECT 1 FROM file WHERE file_id = ?1)
             OR EXISTS (SELECT 1 FROM upload WHERE file_id = ?1 AND finished = 0)",
        [file_id.as_str()],
        |row| row.get(0),
    )
}

/// Bytes of the user's files, with what is reserved for uploads under way.
pub(super) fn stored_bytes(conn: &Connection, owner: UserKey) -> Result<u64> {
    conn.one(
        "SELECT (SELECT coalesce(sum(size), 0) FROM file WHERE owner = ?1)
              + (SELECT coalesce(sum(size), 0) FROM upload WHERE owner = ?1 AND finished = 0)",
        [owner.0],
        |row| row.get(0),
    )
}

pub(super) fn insert(conn: &Connection, file: &NewFile) -> Result<()> {
    conn.run(
        "INSERT INTO file (file_id, owner, size, expires_at) VALUES (?1, ?2, ?3, ?4)",
        params![file.file_id.as_str(), file.owner.0, file.size, file.expires_at],
    )?;
    Ok(())
}

impl Tx<'_> {
    fn add_file(&self, file: &NewFile, quota: u64) -> Result<()> {
        self.check_owner(file.owner)?;
        if stored_bytes(self.conn, file.owner)?.saturating_add(file.size) > quota {
            return Err(over_quota().into());
        }
        insert(self.conn, file)
    }

    /// Looked at again when a file is complete: the upload may have taken long, and the owner may have been deleted or
    /// revoked meanwhile.
    pub(super) fn check_owner(&self, owner: UserKey) -> Result<()> {
        let exists: bool =
            self.conn.one("SELECT EXISTS (SELECT 1 FROM active_account WHERE id = ?1)", [owner.0], |row| row.get(0))?;
        if exists { Ok(()) } else { Err(super::relay::signed_out().into()) }
    }

    fn delete_file(&self, owner: UserKey, file_id: &FileId) -> Result<()> {
        if !self.forget_file(owner, file_id)? {
            return Err(Refusal::new(ErrorCode::UnknownFile, "there is no such file of yours").into());
        }
        Ok(())
    }

    /// Forgets a file and what names it. Returns whether there was one.
    pub(super) fn forget_file(&self, owner: UserKey, file_id: &FileId) -> Result<bool> {
        let row = params![file_id.as_str(), owner.0];
        let deleted = self.conn.run("DELETE FROM file WHERE file_id = ?1 AND owner = ?2", row)?;
        if deleted > 0 {
            for sql in [
                "DELETE FROM upload WHERE file_id = ?1 AND owner = ?2",
                "UPDATE user SET avatar_file_id = '' WHERE avatar_file_id = ?1 AND id = ?2",
            ] {
                self.conn.run(sql, row)?;
            }
        }
        Ok(deleted > 0)
    }

    /// Forgets files and uploads that are too old. Returns what lies on the disk of them.
    pub(super) fn expire_files(&self, now: i64) -> Result<Vec<FileId>> {
        let mut expired = Vec::new();
        for sql in [
            "DELETE FROM file WHERE expires_at <= ?1 AND NOT EXISTS
                 (SELECT 1 FROM user WHERE user.id = file.owner AND avatar_file_id = file.file_id) RETURNING file_id",
            "DELETE FROM upload WHERE expires_at <= ?1 AND finished = 0 RETURNING file_id",
        ] {
            expired.extend(self.conn.all::<_, Vec<_>>(sql, [now], |row| parse(row, 0))?);
        }
        self.conn.run(
            "DELETE FROM upload WHERE finished = 1 AND (expires_at <= ?1
                 OR NOT EXISTS (SELECT 1 FROM file WHERE file.file_id = upload.file_id))",
            [now],
        )?;
        Ok(expired)
    }

    /// Forgets all files and uploads of a user. Returns what lies on the disk of them.
    pub(super) fn forget_files(&self, user: i64) -> Result<Vec<FileId>> {
        let mut files: Vec<FileId> = Vec::new();
        for sql in [
            "DELETE FROM file WHERE owner = ?1 RETURNING file_id",
            "DELETE FROM upload WHERE owner = ?1 RETURNING file_id",
        ] {
            files.extend(self.conn.all::<_, Vec<_>>(sql, [user], |row| parse(row, 0))?);
        }
        Ok(files)
    }
}
