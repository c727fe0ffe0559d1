//! Signed-in devices: login, tokens, signing out.

use std::collections::BTreeSet;

use privmsg_protocol::rest::Device;
use privmsg_protocol::{DeviceId, ErrorCode};
use rusqlite::{Connection, params};

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::row::parse;
use super::sign_in::{Account, Admission, Because, Entry};
use super::taken_back;
use super::tx::Tx;
use super::writer::Touches;
use crate::clock::format_utc;
use crate::secrets::{KeyHash, random_device_id};
use crate::storage::{DeviceKey, Login, Refusal, Result, Session, SignedIn, UserKey, not_listed};

impl SqliteStorage {
    /// Whether a login with this public key is one of a device that the user has already.
    pub(crate) async fn knows_device(&self, user: UserKey, public_key: String) -> Result<bool> {
        self.read(move |conn| knows_device(conn, user, &public_key)).await
    }

    /// Signs a device in by the access key: the user's device with the same public key, or a new one.
    pub(crate) async fn login(&self, login: Login) -> Result<SignedIn> {
        // Says itself what it changes: whatever else the writer remembers stays right, and there are many logins. A
        // device that it pushes out has waited, so nothing about it is remembered.
        self.write(Touches::Data, move |tx| tx.login(&login)).await
    }

    /// Whose token it is.
    pub(crate) async fn session(&self, token: KeyHash) -> Result<Session> {
        let now = self.clock.now();
        self.read(move |conn| session(conn, token, now)).await
    }

    /// Replaces the device's token, unless the device has a key to sign in with.
    pub(crate) async fn renew_token(&self, session: Session, token: KeyHash, expires_at: i64) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.renew_token(&session, token, expires_at)).await
    }

    pub(crate) async fn devices(&self, session: Session) -> Result<Vec<Device>> {
        self.read(move |conn| devices(conn, &session)).await
    }

    /// Signs a device of the session's user out for good.
    pub(crate) async fn remove_device(&self, session: Session, device_id: DeviceId) -> Result<DeviceKey> {
        self.write(Touches::Structure, move |tx| tx.remove_own_device(&session, &device_id)).await
    }

    /// Notes that the device is here. Acknowledgements submitted before are in effect when this answers.
    pub(crate) async fn connected(&self, device: DeviceKey) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.connected(device)).await
    }
}

/// Whether the user has a device with this public key, so that a login makes no new one.
fn knows_device(conn: &Connection, user: UserKey, public_key: &str) -> Result<bool> {
    Ok(device_of_key(conn, user, public_key)?.is_some())
}

fn device_of_key(conn: &Connection, user: UserKey, public_key: &str) -> Result<Option<(i64, DeviceId)>> {
    if public_key.is_empty() {
        return Ok(None);
    }
    conn.first(
        "SELECT id, device_id FROM device WHERE user = ?1 AND public_key = ?2 AND removed_at = 0",
        params![user.0, public_key],
        |row| Ok((row.get(0)?, parse(row, 1)?)),
    )
}

pub(super) fn too_many_devices(max: u32) -> Refusal {
    let detail = format!("a user can have {max} devices; sign one out before adding another");
    Refusal::new(ErrorCode::InvalidRequest, detail)
}

pub(super) fn session(conn: &Connection, token: KeyHash, now: i64) -> Result<Session> {
    let found = conn.first(
        "SELECT u.user_id, u.id, d.device_id, d.id, d.token_expires_at, d.waiting
         FROM device d JOIN user u ON u.id = d.user
         WHERE d.token_hash = ?1 AND d.token_hash <> x'' AND d.removed_at = 0 AND u.revoked_at = 0",
        [token.as_bytes()],
        |row| {
            Ok(Session {
                user_id: parse(row, 0)?,
                user: UserKey(row.get(1)?),
                device_id: parse(row, 2)?,
                device: DeviceKey(row.get(3)?),
                expires_at: row.get(4)?,
                waiting: row.get::<_, Admission>(5)?.waits(),
            })
        },
    )?;
    let Some(session) = found else {
        // A token that was made after the backup is unknown to the restored database, and is no sign that its device was
        // signed out: whether it was shows when it signs in anew.
        return Err(match taken_back::was_restored_lately(conn, now)? {
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
    conn.all(
        "SELECT device_id, name, type, public_key, created_at, last_seen_at, id, waiting FROM device
         WHERE user = ?1 AND removed_at = 0 ORDER BY id",
        [session.user.0],
        |row| {
            Ok(Device {
                device_id: parse(row, 0)?,
                device_name: filled(row.get(1)?),
                device_type: filled(row.get(2)?),
                device_public_key: filled(row.get(3)?),
                created_at: format_utc(row.get(4)?).unwrap_or_default(),
                last_seen_at: format_utc(row.get(5)?),
                current: row.get::<_, i64>(6)? == session.device.0,
                waiting: row.get::<_, Admission>(7)?.waits(),
            })
        },
    )
}

impl Tx<'_> {
    /// Signs in the user's device with this public key, or a new one, by the access key.
    pub(super) fn login(&mut self, login: &Login) -> Result<SignedIn> {
        let account = self.account_to_enter(login.user)?;
        let known = device_of_key(self.conn, login.user, &login.device_public_key)?;
        let mut pushed_out = None;
        let (device, device_id) = match known {
            // Whoever knows the access key and a public key does not take the device over that has shown its own.
            Some((device, _)) if self.comes_by_its_key(device, &account)? => {
                let detail = "this device signs in by its key";
                return Err(Refusal::new(ErrorCode::SignatureRequired, detail).into());
            }
            Some(known) => self.sign_in_again(login, known)?,
            None if account.has_list => {
                pushed_out = self.make_room_for_waiting(login.user, &login.device_public_key, false)?;
                self.add_waiting_device(login, &random_device_id(), Entry::ByAccessKey)?
            }
            None => {
                self.check_device_count(login.user, login.max_devices)?;
                self.add_device(login, &random_device_id(), Entry::Free)?
            }
        };
        let session = self.entered(login, account, DeviceKey(device), device_id)?;
        Ok(SignedIn { session, answered: Vec::new(), pushed_out })
    }

    /// Whether a known device has to sign to come in.
    fn comes_by_its_key(&self, device: i64, account: &Account) -> Result<bool> {
        let has_answered: bool =
            self.conn.one("SELECT answered <> x'' FROM device WHERE id = ?1", [device], |row| row.get(0))?;
        Ok(has_answered || (account.has_list && !self.waits_by_access_key(device)?))
    }

    /// Looked at again: the user may have been revoked or deleted since the key was checked.
    pub(super) fn account_to_enter(&self, user: UserKey) -> Result<Account> {
        let found = self.conn.first(
            "SELECT user_id, device_list <> x'' FROM active_account WHERE id = ?1",
            [user.0],
            |row| Ok(Account { user_id: parse(row, 0)?, has_list: row.get(1)? }),
        )?;
        Ok(found.ok_or(Refusal::new(ErrorCode::AccountRevoked, "the administrator has revoked this account"))?)
    }

    /// The session of a device that has been let in.
    pub(super) fn entered(
        &self,
        login: &Login,
        account: Account,
        device: DeviceKey,
        device_id: DeviceId,
    ) -> Result<Session> {
        self.conn.run("UPDATE user SET last_seen_at = ?2 WHERE id = ?1", [login.user.0, self.now()])?;
        let admission: Admission =
            self.conn.one("SELECT waiting FROM device WHERE id = ?1", [device.0], |row| row.get(0))?;
        let waiting = admission.waits();
        let Account { user_id, .. } = account;
        Ok(Session { user: login.user, user_id, device, device_id, expires_at: login.expires_at, waiting })
    }

    /// Whether whoever has the access key may go on as this device: nobody has let it in, and it did not come by the
    /// words.
    fn waits_by_access_key(&self, device: i64) -> Result<bool> {
        self.conn.one(
            "SELECT waiting = ?2 AND recovered = 0 FROM device WHERE id = ?1",
            params![device, Admission::New],
            |row| row.get(0),
        )
    }

    fn check_device_count(&self, user: UserKey, max: u32) -> Result<()> {
        let count: i64 =
            self.conn.one("SELECT count(*) FROM listed_device WHERE user = ?1", [user.0], |row| row.get(0))?;
        if max > 0 && count >= i64::from(max) {
            return Err(too_many_devices(max).into());
        }
        Ok(())
    }

    /// Name and type stay what they were if the login does not say them.
    pub(super) fn sign_in_again(&self, login: &Login, known: (i64, DeviceId)) -> Result<(i64, DeviceId)> {
        self.conn.run(
            "UPDATE device SET name = iif(?2 = '', name, ?2), type = iif(?3 = '', type, ?3), token_hash = ?4,
                 token_expires_at = ?5, last_seen_at = ?6 WHERE id = ?1",
            params![
                known.0,
                login.device_name,
                login.device_type,
                login.token.as_bytes(),
                login.expires_at,
                self.now()
            ],
        )?;
        Ok(known)
    }

    /// Adds a device that waits to be let in, and tells those that could do it: it may be nobody's whom they know.
    pub(super) fn add_waiting_device(
        &mut self,
        login: &Login,
        device_id: &DeviceId,
        entry: Entry,
    ) -> Result<(i64, DeviceId)> {
        let added = self.add_device(login, device_id, entry)?;
        self.notify_account(login.user.0, None)?;
        Ok(added)
    }

    fn add_device(&mut self, login: &Login, device_id: &DeviceId, entry: Entry) -> Result<(i64, DeviceId)> {
        // All that the writer remembers of a user's devices: the new one is no leaf yet, and of no group.
        self.state.cache.forget_devices_of(login.user.0);
        self.conn.run(
            "INSERT INTO device (device_id, user, name, type, public_key, token_hash,
                 token_expires_at, created_at, last_seen_at, waiting, recovered)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10)",
            params![
                device_id.as_str(),
                login.user.0,
                login.device_name,
                login.device_type,
                login.device_public_key,
                login.token.as_bytes(),
                login.expires_at,
                self.now(),
                if entry == Entry::Free { Admission::Listed } else { Admission::New },
                entry == Entry::ByWords,
            ],
        )?;
        Ok((self.conn.last_insert_rowid(), device_id.clone()))
    }

    /// Renews a token by itself, which is nothing that only the device could show.
    fn renew_token(&self, session: &Session, token: KeyHash, expires_at: i64) -> Result<()> {
        let (device, account) = (session.device, self.account_to_enter(session.user)?);
        if self.comes_by_its_key(device.0, &account)? {
            return Err(Refusal::new(ErrorCode::SignatureRequired, "this device signs in by its key").into());
        }
        let renewed = self.conn.run(
            "UPDATE device SET token_hash = ?2, token_expires_at = ?3
             WHERE id = ?1 AND removed_at = 0",
            params![device.0, token.as_bytes(), expires_at],
        )?;
        if renewed == 0 {
            return Err(super::relay::signed_out().into());
        }
        Ok(())
    }

    /// Refuses a device that has been signed out, or left out of the account's device list, since its token was looked up.
    fn connected(&self, device: DeviceKey) -> Result<()> {
        let found: Option<(i64, Admission)> = self.conn.first(
            "UPDATE device SET last_seen_at = ?2 WHERE id = ?1 AND removed_at = 0
             AND (SELECT revoked_at FROM user u WHERE u.id = device.user) = 0 RETURNING user, waiting",
            [device.0, self.now()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (user, admission) = found.ok_or_else(super::relay::signed_out)?;
        if admission.waits() {
            return Err(not_listed().into());
        }
        self.conn.run("UPDATE user SET last_seen_at = ?2 WHERE id = ?1", [user, self.now()])?;
        Ok(())
    }

    /// Signs a device out for the user. One that stands in a device list leaves by another list, or by itself.
    fn remove_own_device(&mut self, session: &Session, device_id: &DeviceId) -> Result<DeviceKey> {
        let listed: bool = self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM listed_device d JOIN user u ON u.id = d.user WHERE d.user = ?1
                 AND d.device_id = ?2 AND u.device_list <> x'')",
            params![session.user.0, device_id.as_str()],
            |row| row.get(0),
        )?;
        if listed && *device_id != session.device_id {
            let detail = "the device stands in the account's device list; publish one without it";
            return Err(Refusal::new(ErrorCode::SignatureRequired, detail).into());
        }
        let removed = self.remove_device(session.user, device_id, Because::Account)?;
        self.note_removed_by(session, &[removed])?;
        Ok(removed)
    }

    pub(super) fn remove_device(&mut self, user: UserKey, device_id: &DeviceId, because: Because) -> Result<DeviceKey> {
        let found: Option<i64> = self.conn.first(
            "SELECT id FROM device WHERE user = ?1 AND device_id = ?2 AND removed_at = 0",
            params![user.0, device_id.as_str()],
            |row| row.get(0),
        )?;
        let device = found.ok_or(Refusal::new(ErrorCode::UnknownDevice, "the user has no such device"))?;
        self.sign_out(user.0, &[device], because)?;
        Ok(DeviceKey(device))
    }

    /// Signs out all devices of a user.
    pub(super) fn sign_out_all(&mut self, user: i64, because: Because) -> Result<Vec<DeviceKey>> {
        let devices: Vec<i64> =
            self.conn.all("SELECT id FROM device WHERE user = ?1 AND removed_at = 0", [user], |row| row.get(0))?;
        self.sign_out(user, &devices, because)?;
        Ok(devices.into_iter().map(DeviceKey).collect())
    }

    /// Their tokens die, their mailboxes and key packages go, and each remaining leaf of groups that they were in gets one
    /// notice. Of a device that nobody has let in nobody knows, so nobody is told: whoever has but the access key could
    /// have all of the user's groups written to, again and again.
    pub(super) fn sign_out(&mut self, user: i64, devices: &[i64], because: Because) -> Result<()> {
        let groups = self.groups_with(user, devices)?;
        for device in devices {
            self.note_removed_key(user, *device, because)?;
            self.conn.run(
                "UPDATE device SET removed_at = max(1, ?2), token_hash = x'', link_reply = '' WHERE id = ?1",
                [*device, self.now()],
            )?;
            self.conn.run("DELETE FROM key_package WHERE device = ?1", [device])?;
            self.empty_mailbox(*device)?;
        }
        self.notify_all(&groups, user)
    }

    /// The user's groups in which one of these devices, which was let in once, may be a leaf: it is one here; or it has lost the
    /// group to a full mailbox, or the group was restored, and it is one in the tree only: the others must not go on encrypting to it.
    pub(super) fn groups_with(&self, user: i64, devices: &[i64]) -> Result<BTreeSet<i64>> {
        let mut groups = BTreeSet::new();
        let mut query = self.conn.prepare_cached(
            "SELECT p.grp FROM grp_participant p
             WHERE p.user = ?1 AND (SELECT waiting FROM device WHERE id = ?2) <> ?3
                 AND (EXISTS (SELECT 1 FROM grp_leaf l WHERE l.grp = p.grp AND (l.device = ?2 OR l.former = 1))
                     OR EXISTS (SELECT 1 FROM lost_leaf l WHERE l.grp = p.grp AND l.device = ?2))",
        )?;
        for device in devices {
            for group in query.query_map(params![user, device, Admission::New], |row| row.get(0))? {
                groups.insert(group?);
            }
        }
        Ok(groups)
    }
}
