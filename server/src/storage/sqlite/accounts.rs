//! Users: creation, what a login is checked against, deletion.

use privmsg_protocol::{ErrorCode, FileId, UserId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::row::parse;
use super::sign_in::Because;
use super::tx::Tx;
use super::writer::Touches;
use crate::clock::format_utc;
use crate::secrets::KeyHash;
use crate::storage::{Credentials, DeviceKey, Refusal, Result, UserKey};
use privmsg_protocol::rest::UserProfile;

impl SqliteStorage {
    /// What a login is checked against; `None` for an unknown or deleted user.
    pub(crate) async fn credentials(&self, user_id: UserId) -> Result<Option<Credentials>> {
        self.read(move |conn| credentials(conn, &user_id)).await
    }

    pub(crate) async fn admin_key_hash(&self) -> Result<Option<KeyHash>> {
        self.read(admin_key_hash).await
    }

    pub(crate) async fn set_admin_key_hash(&self, hash: KeyHash) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.set_admin_key_hash(hash)).await
    }

    /// The profile of `user_id` as `viewer` may see it.
    pub(crate) async fn profile(&self, user_id: UserId, viewer: UserKey) -> Result<UserProfile> {
        self.read(move |conn| profile(conn, &user_id, viewer)).await
    }

    pub(crate) async fn user_exists(&self, user_id: UserId) -> Result<bool> {
        self.read(move |conn| user_exists(conn, &user_id)).await
    }
}

const ADMIN_KEY: &str = "admin_key_hash";

const PROFILE: &str = "user_id, display_name, avatar_file_id, public_key, last_seen_at";

pub(super) fn unknown_user() -> Refusal {
    Refusal::new(ErrorCode::UnknownUser, "there is no such user")
}

/// Reads the columns of [`PROFILE`] from the front of a row.
fn profile_of(row: &Row<'_>) -> rusqlite::Result<UserProfile> {
    let filled = |text: String| (!text.is_empty()).then_some(text);
    Ok(UserProfile {
        user_id: parse(row, 0)?,
        display_name: filled(row.get(1)?),
        avatar_file_id: filled(row.get(2)?).and_then(|id| FileId::new(&id).ok()),
        public_key: filled(row.get(3)?),
        last_seen_at: format_utc(row.get(4)?),
    })
}

/// Where there is no such user another one's row is read and thrown away: what takes less time would tell.
pub(super) fn credentials(conn: &Connection, user_id: &UserId) -> Result<Option<Credentials>> {
    let found = conn.first(
        &format!(
            "SELECT {PROFILE}, id, access_key_hash, revoked_at <> 0, user_id = ?1 AND deleted_at = 0 FROM user
             WHERE id = coalesce((SELECT id FROM account WHERE user_id = ?1),
                 (SELECT min(id) FROM user))"
        ),
        [user_id.as_str()],
        |row| {
            let hash: Vec<u8> = row.get(6)?;
            let credentials = Credentials {
                profile: profile_of(row)?,
                user: UserKey(row.get(5)?),
                key: KeyHash::from_slice(&hash).unwrap_or(KeyHash::NOBODY),
                revoked: row.get(7)?,
            };
            Ok((credentials, row.get(8)?))
        },
    )?;
    Ok(found.and_then(|(credentials, is_asked_for)| if is_asked_for { Some(credentials) } else { None }))
}

/// The profile as `viewer` may see it: when somebody was last here is only for those to whom they have written.
pub(super) fn profile(conn: &Connection, user_id: &UserId, viewer: UserKey) -> Result<UserProfile> {
    let found =
        conn.first(&format!("SELECT {PROFILE}, id FROM account WHERE user_id = ?1"), [user_id.as_str()], |row| {
            Ok((profile_of(row)?, row.get::<_, i64>(5)?))
        })?;
    let (mut profile, user) = found.ok_or_else(unknown_user)?;
    if user != viewer.0 && !super::contacts::may_see(conn, viewer.0, user)? {
        let seen =
            super::blocks::seen_before(conn, user, viewer.0)?.max(super::consent::seen_before(conn, user, viewer.0)?);
        profile.last_seen_at = format_utc(seen);
    }
    Ok(profile)
}

fn user_exists(conn: &Connection, user_id: &UserId) -> Result<bool> {
    conn.one("SELECT EXISTS (SELECT 1 FROM active_account WHERE user_id = ?1)", [user_id.as_str()], |row| row.get(0))
}

pub(super) fn admin_key_hash(conn: &Connection) -> Result<Option<KeyHash>> {
    let stored: Option<Vec<u8>> =
        conn.query_row("SELECT value FROM meta WHERE key = ?1", [ADMIN_KEY], |row| row.get(0)).optional()?;
    Ok(stored.and_then(|bytes| KeyHash::from_slice(&bytes)))
}

impl Tx<'_> {
    fn set_admin_key_hash(&self, hash: KeyHash) -> Result<()> {
        self.conn.execute(
            "INSERT INTO meta (key, value) VALUES (?1, ?2)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![ADMIN_KEY, hash.as_bytes()],
        )?;
        Ok(())
    }

    pub(super) fn create_user(&self, user_id: &UserId, key: KeyHash) -> Result<()> {
        // `/users/me` is whoever asks: nobody could ever look at a user of that name.
        if user_id.as_str().eq_ignore_ascii_case("me") {
            return Err(
                Refusal::new(ErrorCode::InvalidRequest, "`me` cannot be a user_id: it means whoever asks").into()
            );
        }
        let added = self.conn.execute(
            "INSERT INTO user (user_id, access_key_hash, created_at) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
            params![user_id.as_str(), key.as_bytes(), self.now()],
        )?;
        if added == 0 {
            return Err(Refusal::new(ErrorCode::UserExists, "this user_id is taken").into());
        }
        Ok(())
    }

    pub(super) fn user(&self, user_id: &UserId) -> Result<i64> {
        Ok(self.present_user(user_id)?.ok_or_else(unknown_user)?)
    }

    pub(super) fn present_user(&self, user_id: &UserId) -> Result<Option<i64>> {
        self.conn.first("SELECT id FROM account WHERE user_id = ?1", [user_id.as_str()], |row| row.get(0))
    }

    /// Everything of a user goes, by the triggers of the table. An empty row stays while one of their devices is a leaf of
    /// somebody's group.
    pub(super) fn delete_user(&mut self, user_id: &UserId) -> Result<(Vec<DeviceKey>, Vec<FileId>)> {
        let user = self.user(user_id)?;
        let signed_out = self.sign_out_all(user, Because::AccountDeleted)?;
        let groups: Vec<i64> =
            self.conn.all("SELECT grp FROM grp_participant WHERE user = ?1", [user], |row| row.get(0))?;
        let files = self.forget_files(user)?;
        self.conn.run(
            "UPDATE user SET access_key_hash = x'', display_name = '', avatar_file_id = '', public_key = '',
                 backup = '', certificate = x'', device_list = x'', recovery_key = x'', last_seen_at = 0,
                 deleted_at = max(1, ?2) WHERE id = ?1",
            [user, self.now()],
        )?;
        groups.into_iter().try_for_each(|group| self.part_declined(group, None))?;
        self.forget_empty_groups()?;
        self.forget_leftovers()?;
        Ok((signed_out, files))
    }
}
