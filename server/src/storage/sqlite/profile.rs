//! What a user tells about themselves, and their sealed backup.

use privmsg_protocol::rest::UpdateProfile;
use privmsg_protocol::{ErrorCode, FileId, Opaque};
use rusqlite::params;

use super::fault::engine_error;
use super::tx::Tx;
use crate::storage::{ProfileUpdated, Refusal, Result, Session, UserKey};

impl Tx<'_> {
    /// Keeps the backup of an account without a device list.
    pub(super) fn set_backup(&self, user: UserKey, backup: &Opaque) -> Result<()> {
        if self.has_list(user.0)? {
            return Err(Refusal::new(ErrorCode::SignatureRequired, "the account's identity must sign this").into());
        }
        self.conn
            .execute("UPDATE user SET backup = ?2 WHERE id = ?1 AND deleted_at = 0", params![user.0, backup.as_str()])
            .map_err(engine_error)?;
        Ok(())
    }

    fn has_list(&self, user: i64) -> Result<bool> {
        self.conn
            .query_row("SELECT device_list <> x'' FROM user WHERE id = ?1", [user], |row| row.get(0))
            .map_err(engine_error)
    }

    pub(super) fn update_profile(&mut self, session: &Session, update: &UpdateProfile) -> Result<ProfileUpdated> {
        let user = session.user.0;
        let mut updated = ProfileUpdated::default();
        if let Some(key) = &update.public_key {
            let known = self.public_key(user)?;
            if !known.is_empty() && known != *key {
                if !update.replace_public_key || self.has_list(user)? {
                    return Err(Refusal::new(
                        ErrorCode::IdentityExists,
                        "the account already has another identity key",
                    )
                    .into());
                }
                // The backup holds the old identity.
                self.set_backup(session.user, &Opaque::default())?;
                updated.signed_out = self.sign_out_all(user, Some(session.device)).map_err(engine_error)?;
            }
            self.set(user, "public_key", key)?;
        }
        if let Some(name) = &update.display_name {
            self.set(user, "display_name", name)?;
        }
        if let Some(file) = &update.avatar_file_id {
            updated.file = self.replace_avatar(session.user, file)?;
        }
        Ok(updated)
    }

    /// A picture is kept for as long as it is one, so the one before goes. Returns it.
    fn replace_avatar(&self, user: UserKey, file: &FileId) -> Result<Option<FileId>> {
        let (before, owned): (String, bool) = self
            .conn
            .prepare_cached(
                "SELECT avatar_file_id, EXISTS (SELECT 1 FROM file WHERE file_id = ?2 AND owner = ?1
                     AND (expires_at > ?3 OR file_id = avatar_file_id)) FROM user WHERE id = ?1",
            )
            .and_then(|mut query| {
                query.query_row(params![user.0, file.as_str(), self.now()], |row| Ok((row.get(0)?, row.get(1)?)))
            })
            .map_err(engine_error)?;
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
        self.conn.query_row("SELECT public_key FROM user WHERE id = ?1", [user], |row| row.get(0)).map_err(engine_error)
    }

    fn set(&self, user: i64, column: &'static str, value: &str) -> Result<()> {
        self.conn
            .execute(&format!("UPDATE user SET {column} = ?2 WHERE id = ?1"), params![user, value])
            .map_err(engine_error)?;
        Ok(())
    }
}
