//! An account's identity: its beginning, what only it may ask for, and another one in its place.

use privmsg_mls_public::{AccountPublicKey, DeviceList, PublicKeyError, RecoveryPublicKey, check_published};
use privmsg_protocol::rest::IdentityReplacement;
use privmsg_protocol::{ErrorCode, Opaque, UserId};
use rusqlite::{Connection, Row, params};

use super::accounts;
use super::device_lists::{NewDevices, check_size, damaged, is_same, no_device_list, read_list, refusal};
use super::engine::SqliteStorage;
use super::query::Query as _;
use super::row::parse;
use super::sign_in::{Admission, Because};
use super::tx::Tx;
use super::writer::Touches;
use crate::secrets::KeyHash;
use crate::storage::{
    Actor, AuditNote, Authority, DeviceKey, NewIdentity, Own, Refusal, Relisted, Replaced, Result, Session, StoredList,
    UserKey,
};

impl SqliteStorage {
    /// The identity of an account that has a device list.
    pub(crate) async fn identity(&self, user: UserKey) -> Result<Option<AccountPublicKey>> {
        self.read(move |conn| identity(conn, user)).await
    }

    /// Stores all that an identity begins with, unless the account has one.
    pub(crate) async fn set_up_identity(&self, session: Session, identity: NewIdentity) -> Result<Relisted> {
        self.write(Touches::Structure, move |tx| tx.set_up_identity(&session, &identity)).await
    }

    /// Sets another access key. Sessions stay.
    pub(crate) async fn set_access_key(&self, session: Session, key: KeyHash, by: Authority) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.set_access_key(&session, key, &by)).await
    }

    /// Keeps another sealed identity, which that identity has signed for.
    pub(crate) async fn seal_identity(
        &self,
        session: Session,
        identity: AccountPublicKey,
        backup: Opaque,
        recovery_key: RecoveryPublicKey,
    ) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.seal_identity(&session, &identity, &backup, &recovery_key)).await
    }

    /// Begins to put another identity in place of the present one.
    pub(crate) async fn begin_replacement(
        &self,
        session: Session,
        access_key: KeyHash,
        identity: NewIdentity,
    ) -> Result<IdentityReplacement> {
        self.write(Touches::Data, move |tx| tx.begin_replacement(&session, access_key, &identity)).await
    }

    /// Ends what has been begun, which the present identity has signed for.
    pub(crate) async fn end_replacement(&self, session: Session, identity: AccountPublicKey) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.end_replacement(&session, &identity)).await
    }

    /// Puts off the replacements whose time came while the server was off.
    pub(crate) async fn put_off_replacements(&self, now: i64) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.put_off_replacements(now)).await
    }

    /// Carries out the replacements whose time has come.
    pub(crate) async fn replace_identities(&self, now: i64) -> Result<Replaced> {
        self.write(Touches::Structure, move |tx| tx.replace_identities(now)).await
    }

    /// What a user sees of their own account.
    pub(crate) async fn own(&self, session: Session) -> Result<Own> {
        self.read(move |conn| own(conn, &session)).await
    }

    /// The sealed identity, and those before it that are kept, the newest first.
    pub(crate) async fn backups(&self, user: UserKey) -> Result<Vec<Opaque>> {
        self.read(move |conn| backups(conn, user)).await
    }
}

/// How long somebody who has the present identity has to end a replacement: three days.
const NOTICE: i64 = 3 * 24 * 60 * 60;

/// What is left of it at least when the server has been off: a day.
const AFTER_AN_OUTAGE: i64 = 24 * 60 * 60;

/// Sealed identities that are kept, the present one included.
const BACKUPS: i64 = 3;

/// The identity of an account that has a device list.
pub(super) fn identity(conn: &Connection, user: UserKey) -> Result<Option<AccountPublicKey>> {
    let key: Option<String> =
        conn.first("SELECT public_key FROM user WHERE id = ?1 AND device_list <> x''", [user.0], |row| row.get(0))?;
    key.map(|key| key.parse().map_err(damaged::<PublicKeyError>)).transpose()
}

/// What a user sees of their own account.
pub(super) fn own(conn: &Connection, session: &Session) -> Result<Own> {
    let profile = accounts::profile(conn, &session.user_id, session.user)?;
    let replacement = replacement(conn, session.user)?;
    Ok(Own { profile, replacement })
}

/// A replacement that has begun.
pub(super) fn replacement(conn: &Connection, user: UserKey) -> Result<Option<IdentityReplacement>> {
    conn.first("SELECT public_key, device_id, takes_effect_at FROM replacement WHERE user = ?1", [user.0], |row| {
        Ok(IdentityReplacement { public_key: row.get(0)?, device_id: parse(row, 1)?, takes_effect_at: row.get(2)? })
    })
}

/// The sealed identity, and those before it, the newest first.
fn backups(conn: &Connection, user: UserKey) -> Result<Vec<Opaque>> {
    conn.all(
        "SELECT backup FROM (SELECT backup, 9223372036854775807 AS id FROM user WHERE id = ?1 AND backup <> ''
             UNION ALL SELECT backup, id FROM earlier_backup WHERE user = ?1) ORDER BY id DESC",
        [user.0],
        |row| Ok(Opaque::from_base64(row.get::<_, String>(0)?)),
    )
}

impl Tx<'_> {
    /// All that an identity begins with, stored together or not at all. Of two that do it at once, one comes second.
    fn set_up_identity(&mut self, session: &Session, new: &NewIdentity) -> Result<Relisted> {
        let user = session.user.0;
        let (known, has_list): (String, bool) =
            self.conn.one("SELECT public_key, device_list <> x'' FROM user WHERE id = ?1", [user], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let identity = new.list.certificate().identity_key().to_string();
        // The answer was lost: to be told now that somebody else was faster, the device would throw its identity away.
        if self.stored_list(user)?.is_some_and(|stored| is_same(&stored, &new.list)) {
            return Ok(Relisted::default());
        }
        if has_list || (!known.is_empty() && known != identity) {
            let detail = "the account has an identity; have one of its devices let this one in";
            return Err(Refusal::new(ErrorCode::IdentityExists, detail).into());
        }
        self.check_first_list(session, new)?;
        let relisted = self.relist(session.user, None, &new.list, &[], NewDevices::MustBeFree)?;
        self.seal(user, &new.backup, &new.recovery_key)?;
        self.note_of_user(&session.user_id, "set_up_identity", String::new())?;
        Ok(relisted)
    }

    /// The list that an identity begins with has the device in it that brings it.
    fn check_first_list(&self, session: &Session, new: &NewIdentity) -> Result<()> {
        let now = self.now().unsigned_abs();
        check_published(None, None, &new.list, &[], now).map_err(refusal)?;
        if !self.publisher(session, &new.list)?.stands_in_it {
            let detail = "this device does not stand in the device list with its key";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
        }
        check_size(&new.list, new.max_devices)
    }

    /// Keeps the sealed identity, and the last ones before it.
    pub(super) fn seal(&self, user: i64, backup: &Opaque, recovery_key: &RecoveryPublicKey) -> Result<()> {
        self.conn.run(
            "INSERT INTO earlier_backup (user, backup)
             SELECT id, backup FROM user WHERE id = ?1 AND backup <> '' AND backup <> ?2",
            params![user, backup.as_str()],
        )?;
        self.conn.run(
            "DELETE FROM earlier_backup WHERE user = ?1 AND id NOT IN
                 (SELECT id FROM earlier_backup WHERE user = ?1 ORDER BY id DESC LIMIT ?2)",
            [user, BACKUPS - 1],
        )?;
        self.conn.run(
            "UPDATE user SET backup = ?2, recovery_key = ?3 WHERE id = ?1",
            params![user, backup.as_str(), recovery_key.as_bytes()],
        )?;
        Ok(())
    }

    /// Keeps another sealed identity for who has signed with the identity.
    fn seal_identity(
        &mut self,
        session: &Session,
        identity: &AccountPublicKey,
        backup: &Opaque,
        recovery_key: &RecoveryPublicKey,
    ) -> Result<()> {
        self.require_identity(session.user, identity)?;
        self.seal(session.user.0, backup, recovery_key)?;
        self.note_of_user(&session.user_id, "seal_identity", String::new())?;
        self.notify_account(session.user.0, Some(session.device))
    }

    /// Refuses who has signed with an identity that the account has no more.
    fn require_identity(&self, user: UserKey, signer: &AccountPublicKey) -> Result<()> {
        if identity(self.conn, user)? == Some(*signer) {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::InvalidSignature, "the account has another identity now").into())
    }

    /// Refuses who has shown another access key than the account's.
    fn require_access_key(&self, user: UserKey, shown: KeyHash) -> Result<()> {
        let known: Vec<u8> =
            self.conn.one("SELECT access_key_hash FROM user WHERE id = ?1", [user.0], |row| row.get(0))?;
        if KeyHash::from_slice(&known).is_some_and(|known| known.matches(&shown)) {
            return Ok(());
        }
        Err(Refusal::new(ErrorCode::InvalidCredentials, "this is not the account's access key").into())
    }

    /// Sets another access key. Sessions stay; an invitation, which could set yet another one, ends, and so does, where the
    /// identity asks for it, a replacement of the identity that was begun with the key before.
    fn set_access_key(&mut self, session: &Session, key: KeyHash, by: &Authority) -> Result<()> {
        let user = session.user.0;
        match by {
            Authority::Identity(signer) => self.require_identity(session.user, signer)?,
            Authority::AccessKey(present) => self.require_access_key(session.user, *present)?,
        }
        self.conn.run("UPDATE user SET access_key_hash = ?2 WHERE id = ?1", params![user, key.as_bytes()])?;
        self.withdraw_invitation(user)?;
        let by_identity = matches!(by, Authority::Identity(_));
        if by_identity {
            // Whoever has begun it has shown the access key that is worth nothing now.
            self.conn.run("DELETE FROM replacement WHERE user = ?1", [user])?;
        }
        let by = if by_identity { "identity" } else { "access_key" };
        self.note_of_user(&session.user_id, "set_access_key", format!("by={by}"))?;
        self.notify_account(user, Some(session.device))
    }

    /// Begins to put another identity in place of the present one. All devices are told at once.
    fn begin_replacement(
        &mut self,
        session: &Session,
        access_key: KeyHash,
        new: &NewIdentity,
    ) -> Result<IdentityReplacement> {
        let user = session.user;
        self.require_access_key(user, access_key)?;
        let present = identity(self.conn, user)?.ok_or_else(no_device_list)?;
        let public_key = new.list.certificate().identity_key().to_string();
        if public_key == present.to_string() {
            let detail = "this is the account's identity; publish a new generation of it";
            return Err(Refusal::new(ErrorCode::IdentityExists, detail).into());
        }
        match replacement(self.conn, user)? {
            Some(begun) if begun.public_key == public_key && begun.device_id == session.device_id => return Ok(begun),
            Some(_) => {
                let detail = "another replacement has begun; it has to be ended first";
                return Err(Refusal::new(ErrorCode::ReplacementPending, detail).into());
            }
            None => {}
        }
        self.check_first_list(session, new)?;
        let takes_effect_at = self.now() + NOTICE;
        self.conn.run(
            "INSERT INTO replacement (user, device, device_id, takes_effect_at, public_key, certificate, device_list,
                 backup, recovery_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                user.0,
                session.device.0,
                session.device_id.as_str(),
                takes_effect_at,
                public_key,
                new.list.certificate().encode(),
                new.list.encode(),
                new.backup.as_str(),
                new.recovery_key.as_bytes(),
            ],
        )?;
        self.note_of_user(&session.user_id, "begin_replacement", format!("device_id={}", session.device_id))?;
        self.notify_account(user.0, Some(session.device))?;
        Ok(IdentityReplacement { public_key, device_id: session.device_id.clone(), takes_effect_at })
    }

    /// Ends a replacement for who has signed with the present identity.
    pub(super) fn end_replacement(&mut self, session: &Session, signer: &AccountPublicKey) -> Result<()> {
        self.require_identity(session.user, signer)?;
        self.forget_replacement(session.user.0)?;
        self.note_of_user(&session.user_id, "end_replacement", "by=identity".to_owned())?;
        self.notify_account(session.user.0, Some(session.device))
    }

    pub(super) fn forget_replacement(&self, user: i64) -> Result<()> {
        let ended = self.conn.run("DELETE FROM replacement WHERE user = ?1", [user])?;
        if ended == 0 {
            let detail = "no replacement of the identity has begun";
            return Err(Refusal::new(ErrorCode::NoReplacement, detail).into());
        }
        Ok(())
    }

    /// Puts off the replacements whose time came while nobody could end them, and tells the devices.
    fn put_off_replacements(&mut self, now: i64) -> Result<()> {
        let due: Vec<i64> = self.conn.all(
            "UPDATE replacement SET takes_effect_at = ?1 + ?2 WHERE takes_effect_at <= ?1 RETURNING user",
            [now, AFTER_AN_OUTAGE],
            |row| row.get(0),
        )?;
        due.into_iter().try_for_each(|user| self.notify_account(user, None))
    }

    /// Carries out the replacements whose time has come.
    fn replace_identities(&mut self, now: i64) -> Result<Replaced> {
        let due: Vec<(i64, UserId)> = self.conn.all(
            "SELECT r.user, u.user_id FROM replacement r JOIN user u ON u.id = r.user
             WHERE r.takes_effect_at <= ?1",
            [now],
            |row| Ok((row.get(0)?, parse(row, 1)?)),
        )?;
        let mut replaced = Replaced::default();
        for (user, user_id) in due {
            replaced.signed_out.extend(self.replace_identity(user)?);
            self.note_of_user(&user_id, "replace_identity", String::new())?;
            replaced.accounts += 1;
        }
        Ok(replaced)
    }

    /// The new identity, list, sealed identity and words take the place of the old ones, and devices that do not stand in
    /// the list are signed out.
    pub(super) fn replace_identity(&mut self, user: i64) -> Result<Vec<DeviceKey>> {
        let Some(new) = self.pending(user)? else {
            let detail = "no replacement of the identity has begun";
            return Err(Refusal::new(ErrorCode::NoReplacement, detail).into());
        };
        let signed_out = self.begin_anew(user, &new.list)?;
        self.seal(user, &new.backup, &new.recovery_key)?;
        self.conn.execute("DELETE FROM replacement WHERE user = ?1", [user])?;
        self.notify_account(user, None)?;
        Ok(signed_out)
    }

    /// Puts the first list of another identity in the place of all that was the identity's before.
    pub(super) fn begin_anew(&mut self, user: i64, list: &DeviceList) -> Result<Vec<DeviceKey>> {
        self.conn.run("DELETE FROM published_list WHERE user = ?1", [user])?;
        let relisted = self.relist(UserKey(user), None, list, &[], NewDevices::WhereFree)?;
        // Those too that have waited for the old identity.
        let waiting: Vec<i64> = self.conn.all(
            "SELECT id FROM device WHERE user = ?1 AND removed_at = 0 AND waiting <> ?2",
            params![user, Admission::Listed],
            |row| row.get(0),
        )?;
        debug_assert!(relisted.signed_out.is_empty(), "there is no list before it");
        self.sign_out(user, &waiting, Because::IdentityReplaced)?;
        self.conn.execute("UPDATE user SET backup = '', recovery_key = x'' WHERE id = ?1", [user])?;
        self.conn.execute("DELETE FROM earlier_backup WHERE user = ?1", [user])?;
        Ok(waiting.into_iter().map(DeviceKey).collect())
    }

    /// The identity that is to come. It was verified when it came; one that cannot be read is a damaged database.
    fn pending(&self, user: i64) -> Result<Option<NewIdentity>> {
        let read = |row: &Row<'_>| {
            let stored = StoredList { certificate: row.get(0)?, list: row.get(1)? };
            Ok((stored, Opaque::from_base64(row.get::<_, String>(2)?), row.get(3)?))
        };
        let found: Option<(StoredList, Opaque, [u8; 32])> = self.conn.first(
            "SELECT certificate, device_list, backup, recovery_key FROM replacement WHERE user = ?1",
            [user],
            read,
        )?;
        let Some((stored, backup, recovery_key)) = found else { return Ok(None) };
        let recovery_key = RecoveryPublicKey::from_bytes(recovery_key).map_err(damaged)?;
        Ok(Some(NewIdentity { list: read_list(&stored)?, backup, recovery_key, max_devices: 0 }))
    }

    fn note_of_user(&self, user_id: &UserId, action: &'static str, detail: String) -> Result<()> {
        self.note(&AuditNote { actor: Actor::Server, action, user_id: Some(user_id.clone()), detail })
    }
}
