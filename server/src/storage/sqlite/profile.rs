//! What a user tells about themselves.

use privmsg_protocol::rest::UpdateProfile;
use privmsg_protocol::{ErrorCode, FileId};
use rusqlite::params;

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{Refusal, Result, Session, UserKey};

impl SqliteStorage {
    /// Returns the picture before, to be deleted from the disk.
    pub(crate) async fn update_profile(&self, session: Session, update: UpdateProfile) -> Result<Option<FileId>> {
        self.write(Touches::Structure, move |tx| tx.update_profile(&session, &update)).await
    }
}

impl Tx<'_> {
    fn update_profile(&mut self, session: &Session, update: &UpdateProfile) -> Result<Option<FileId>> {
        let user = session.user.0;
        if let Some(key) = &update.public_key {
            let known = self.public_key(user)?;
            if !known.is_empty() && known != *key {
                let detail = "the account already has another identity key";
                return Err(Refusal::new(ErrorCode::IdentityExists, detail).into());
            }
            self.set(user, "public_key", key)?;
        }
        if let Some(name) = &update.display_name {
            self.set(user, "display_name", name)?;
        }
        match &update.avatar_file_id {
            Some(file) => self.replace_avatar(session.user, file),
            None => Ok(None),
        }
    }

    /// A picture is kept for as long as it is one, so the one before goes. Returns it.
    fn replace_avatar(&self, user: UserKey, file: &FileId) -> Result<Option<FileId>> {
        let (before, owned): (String, bool) = self.conn.one(
            "SELECT avatar_file_id, EXISTS (SELECT 1 FROM file WHERE file_id = ?2 AND owner = ?1
                 AND (expires_at > ?3 OR file_id = avatar_file_id)) FROM user WHERE id = ?1",
            params![user.0, file.as_str(), self.now()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        if !owned {
            return Err(Refusal::new(ErrorCode::UnknownFile, "avatar_file_id is no file of yours").into());
        }
        self.set(user.0, "avatar_file_id", file.as_str())?;
        match FileId::new(&before) {
            Ok(before) if before != *file && self.forget_file(user, &before)? => Ok(Some(before)),
            _ => Ok(None),
        }
    }

    fn public_key(&self, user: i64) -> Result<String> {
        Ok(self.conn.query_row("SELECT public_key FROM user WHERE id = ?1", [user], |row| row.get(0))?)
    }

    fn set(&self, user: i64, column: &'static str, value: &str) -> Result<()> {
        self.conn.execute(&format!("UPDATE user SET {column} = ?2 WHERE id = ?1"), params![user, value])?;
        Ok(())
    }
}
