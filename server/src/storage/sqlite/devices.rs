//! Signed-in devices: login, tokens, signing out.

use privmsg_protocol::rest::Device;
use privmsg_protocol::{DeviceId, ErrorCode, UserId};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::engine_error;
use super::row::parse;
use super::taken_back;
use super::tx::Tx;
use crate::clock::format_utc;
use crate::secrets::{KeyHash, random_device_id};
use crate::storage::{DeviceKey, Login, Refusal, Result, Session, UserKey};

/// Whether the user has a device with this public key, so that a login makes no new one.
pub(super) fn knows_device(conn: &Connection, user: UserKey, public_key: &str) -> Result<bool> {
    Ok(device_of_key(conn, user, public_key).map_err(engine_error)?.is_some())
}

fn device_of_key(conn: &Connection, user: UserKey, public_key: &str) -> rusqlite::Result<Option<(i64, DeviceId)>> {
    if public_key.is_empty() {
        return Ok(None);
    }
    conn.prepare_cached("SELECT id, device_id FROM device WHERE user = ?1 AND public_key = ?2 AND removed_at = 0")?
        .query_row(params![user.0, public_key], |row| Ok((row.get(0)?, parse(row, 1)?)))
        .optional()
}

pub(super) fn session(conn: &Connection, token: KeyHash, now: i64) -> Result<Session> {
    let found = conn
        .prepare_cached(
            "SELECT u.user_id, u.id, d.device_id, d.id, d.token_expires_at
             FROM device d JOIN user u ON u.id = d.user
             WHERE d.token_hash = ?1 AND d.token_hash <> x'' AND d.removed_at = 0 AND u.revoked_at = 0",
        )
        .map_err(engine_error)?
        .query_row([token.as_bytes()], |row| {
            Ok(Session {
                user_id: parse(row, 0)?,
                user: UserKey(row.get(1)?),
                device_id: parse(row, 2)?,
                device: DeviceKey(row.get(3)?),
                expires_at: row.get(4)?,
            })
        })
        .optional()
        .map_err(engine_error)?;
    let Some(session) = found else {
        // A token that was made after the backup is unknown to the restored database, and is no sign that its device was
        // signed out: whether it was shows when it signs in anew.
        return Err(match taken_back::was_restored_lately(conn, now).map_err(engine_error)? {
            true => Refusal::new(ErrorCode::TokenExpired, "the server was restored; sign in again"),
            false => Refusal::new(ErrorCode::Unauthorized, "there is no such session; sign in"),
        }
        .into());
    };
    if session.expires_at <= now {
        return Err(Refusal::new(ErrorCode::TokenExpired, "the session has ended; sign in again").into());
    }
    Ok(session)
}

pub(super) fn devices(conn: &Connection, session: &Session) -> Result<Vec<Device>> {
    let filled = |text: String| (!text.is_empty()).then_some(text);
    conn.prepare_cached(
        "SELECT device_id, name, type, public_key, created_at, last_seen_at, id FROM device
         WHERE user = ?1 AND removed_at = 0 ORDER BY id",
    )
    .map_err(engine_error)?
    .query_map([session.user.0], |row| {
        Ok(Device {
            device_id: parse(row, 0)?,
            device_name: filled(row.get(1)?),
            device_type: filled(row.get(2)?),
            device_public_key: filled(row.get(3)?),
            created_at: format_utc(row.get(4)?).unwrap_or_default(),
            last_seen_at: format_utc(row.get(5)?),
            current: row.get::<_, i64>(6)? == session.device.0,
        })
    })
    .and_then(Iterator::collect)
    .map_err(engine_error)
}

impl Tx<'_> {
    /// Signs in the user's device with this public key, or a new one.
    pub(super) fn login(&mut self, login: &Login) -> Result<Session> {
        // Looked at again: the user may have been revoked or deleted since the key was checked.
        let user_id: Option<UserId> = self
            .conn
            .prepare_cached("SELECT user_id FROM user WHERE id = ?1 AND deleted_at = 0 AND revoked_at = 0")
            .and_then(|mut user| user.query_row([login.user.0], |row| parse(row, 0)).optional())
            .map_err(engine_error)?;
        let user_id =
            user_id.ok_or(Refusal::new(ErrorCode::AccountRevoked, "the administrator has revoked this account"))?;
        let (device, device_id) = match device_of_key(self.conn, login.user, &login.device_public_key) {
            Ok(Some(known)) => self.sign_in_again(login, known).map_err(engine_error)?,
            Ok(None) => {
                let count = self.device_count(login.user).map_err(engine_error)?;
                if login.max_devices > 0 && count >= i64::from(login.max_devices) {
                    let max = login.max_devices;
                    let detail = format!("a user can have {max} devices; sign one out before adding another");
                    let refusal = Refusal::new(ErrorCode::InvalidRequest, "");
                    return Err(Refusal { detail: detail.into(), ..refusal }.into());
                }
                // All that the writer remembers of a user's devices: the new one is no leaf yet, and of no group.
                self.state.cache.forget_devices_of(login.user.0);
                self.add_device(login).map_err(engine_error)?
            }
            Err(error) => return Err(engine_error(error)),
        };
        self.conn
            .prepare_cached("UPDATE user SET last_seen_at = ?2 WHERE id = ?1")
            .and_then(|mut update| update.execute([login.user.0, self.now()]))
            .map_err(engine_error)?;
        Ok(Session { user: login.user, user_id, device: DeviceKey(device), device_id, expires_at: login.expires_at })
    }

    fn device_count(&self, user: UserKey) -> rusqlite::Result<i64> {
        self.conn
            .prepare_cached("SELECT count(*) FROM device WHERE user = ?1 AND removed_at = 0")?
            .query_row([user.0], |row| row.get(0))
    }

    /// Name and type stay what they were if the login does not say them.
    fn sign_in_again(&self, login: &Login, known: (i64, DeviceId)) -> rusqlite::Result<(i64, DeviceId)> {
        self.conn
            .prepare_cached(
                "UPDATE device SET name = iif(?2 = '', name, ?2), type = iif(?3 = '', type, ?3), token_hash = ?4,
                     token_expires_at = ?5, last_seen_at = ?6 WHERE id = ?1",
            )?
            .execute(params![
                known.0,
                login.device_name,
                login.device_type,
                login.token.as_bytes(),
                login.expires_at,
                self.now()
            ])?;
        Ok(known)
    }

    fn add_device(&self, login: &Login) -> rusqlite::Result<(i64, DeviceId)> {
        let device_id = random_device_id();
        self.conn
            .prepare_cached(
                "INSERT INTO device (device_id, user, name, type, public_key, token_hash,
                     token_expires_at, created_at, last_seen_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
            )?
            .execute(params![
                device_id.as_str(),
                login.user.0,
                login.device_name,
                login.device_type,
                login.device_public_key,
                login.token.as_bytes(),
                login.expires_at,
                self.now()
            ])?;
        Ok((self.conn.last_insert_rowid(), device_id))
    }

    pub(super) fn renew_token(&self, device: DeviceKey, token: KeyHash, expires_at: i64) -> Result<()> {
        let renewed = self
            .conn
            .prepare_cached(
                "UPDATE device SET token_hash = ?2, token_expires_at = ?3
                 WHERE id = ?1 AND removed_at = 0",
            )
            .and_then(|mut update| update.execute(params![device.0, token.as_bytes(), expires_at]))
            .map_err(engine_error)?;
        if renewed == 0 {
            return Err(super::relay::signed_out().into());
        }
        Ok(())
    }

    /// Refuses a device that has been signed out since its token was looked up.
    pub(super) fn connected(&self, device: DeviceKey) -> Result<()> {
        let user: Option<i64> = self
            .conn
            .prepare_cached(
                "UPDATE device SET last_seen_at = ?2 WHERE id = ?1 AND removed_at = 0
                 AND (SELECT revoked_at FROM user u WHERE u.id = device.user) = 0 RETURNING user",
            )
            .and_then(|mut update| update.query_row([device.0, self.now()], |row| row.get(0)).optional())
            .map_err(engine_error)?;
        let user = user.ok_or_else(super::relay::signed_out)?;
        self.conn
            .prepare_cached("UPDATE user SET last_seen_at = ?2 WHERE id = ?1")
            .and_then(|mut update| update.execute([user, self.now()]))
            .map_err(engine_error)?;
        Ok(())
    }

    pub(super) fn remove_device(&mut self, user: UserKey, device_id: &DeviceId) -> Result<DeviceKey> {
        let found: Option<i64> = self
            .conn
            .prepare_cached("SELECT id FROM device WHERE user = ?1 AND device_id = ?2 AND removed_at = 0")
            .and_then(|mut device| device.query_row(params![user.0, device_id.as_str()], |row| row.get(0)).optional())
            .map_err(engine_error)?;
        let device = found.ok_or(Refusal::new(ErrorCode::UnknownDevice, "the user has no such device"))?;
        self.sign_out(user.0, &[device]).map_err(engine_error)?;
        Ok(DeviceKey(device))
    }

    /// Signs out all devices of a user, or all but one.
    pub(super) fn sign_out_all(&mut self, user: i64, but: Option<DeviceKey>) -> rusqlite::Result<Vec<DeviceKey>> {
        let but = but.map_or(0, |device| device.0);
        let devices: Vec<i64> = self
            .conn
            .prepare_cached("SELECT id FROM device WHERE user = ?1 AND removed_at = 0 AND id <> ?2")?
            .query_map([user, but], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        self.sign_out(user, &devices)?;
        Ok(devices.into_iter().map(DeviceKey).collect())
    }

    /// Their tokens die, their mailboxes and key packages go, and each remaining leaf of the user's groups gets one notice.
    fn sign_out(&mut self, user: i64, devices: &[i64]) -> rusqlite::Result<()> {
        for device in devices {
            self.conn
                .prepare_cached("UPDATE device SET removed_at = max(1, ?2), token_hash = x'' WHERE id = ?1")?
                .execute([*device, self.now()])?;
            self.conn.prepare_cached("DELETE FROM key_package WHERE device = ?1")?.execute([device])?;
            self.empty_mailbox(*device)?;
        }
        if devices.is_empty() {
            return Ok(());
        }
        // All of the user's groups, not only those in which a device is a leaf here: after a backup was restored it may be
        // one in the tree only, and the others must not go on encrypting to it.
        let groups: Vec<i64> = self
            .conn
            .prepare_cached("SELECT grp FROM grp_participant WHERE user = ?1 ORDER BY grp")?
            .query_map([user], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for group in groups {
            self.notify(group, user)?;
        }
        Ok(())
    }
}
