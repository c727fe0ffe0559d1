//! Signing in by the key of a device, and by the recovery words.

use privmsg_mls_public::{AnsweredChallenge, DevicePublicKey, RecoveryPublicKey};
use privmsg_protocol::{DeviceId, ErrorCode, UserId};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use super::accounts;
use super::engine::SqliteStorage;
use super::query::Query as _;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{
    Credentials, DeviceKey, Login, Refusal, RemovedDevice, Result, Session, SignIn, SignedIn, Signer, UserKey,
};

impl SqliteStorage {
    /// By what a device shows that it is this one; `None` for an unknown user or device.
    pub(crate) async fn device_signer(
        &self,
        user_id: UserId,
        device_id: DeviceId,
    ) -> Result<Option<Signer<DevicePublicKey>>> {
        self.read(move |conn| device_signer(conn, &user_id, &device_id)).await
    }

    /// A device that was signed out.
    pub(crate) async fn removed_device(&self, user_id: UserId, device_id: DeviceId) -> Result<Option<RemovedDevice>> {
        self.read(move |conn| removed_device(conn, &user_id, &device_id)).await
    }

    /// By what somebody shows that they have the recovery words.
    pub(crate) async fn recovery_signer(&self, user_id: UserId) -> Result<Option<Signer<RecoveryPublicKey>>> {
        self.read(move |conn| recovery_signer(conn, &user_id)).await
    }

    /// Signs a device in that has signed.
    pub(crate) async fn sign_in_by_device(&self, order: SignIn, answered: AnsweredChallenge) -> Result<SignedIn> {
        self.write(Touches::Data, move |tx| tx.sign_in_by_device(&order, &answered)).await
    }

    /// Signs a new device in, with the words that have been shown.
    pub(crate) async fn sign_in_by_recovery(&self, order: SignIn, words: RecoveryPublicKey) -> Result<SignedIn> {
        self.write(Touches::Data, move |tx| tx.sign_in_by_recovery(&order, &words)).await
    }
}

/// Whose doing it is that devices are signed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Because {
    /// The account's own devices have it so.
    Account,
    Administrator,
    IdentityReplaced,
    AccountDeleted,
}

impl Because {
    /// As it is stored, and said.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "",
            Self::Administrator => "administrator",
            Self::IdentityReplaced => "identity_replaced",
            Self::AccountDeleted => "account_deleted",
        }
    }

    /// As it was stored.
    pub(super) fn of(reason: &str) -> Self {
        let all = [Self::Administrator, Self::IdentityReplaced, Self::AccountDeleted];
        all.into_iter().find(|because| because.as_str() == reason).unwrap_or(Self::Account)
    }
}

/// Devices of an account that wait to be let in. A person has one or two at a time.
const MAX_WAITING: i64 = 8;

/// Keys of removed devices that an account has the server remember.
const MAX_REMOVED: i64 = 1_000;

/// Number of no user.
const NOBODY: i64 = -1;

/// Number under which devices of deleted users are remembered.
const DELETED: i64 = 0;

/// An account that somebody signs in to.
pub(super) struct Account {
    pub(super) user_id: UserId,
    pub(super) has_list: bool,
}

/// Whether a device stands in its account's list, if that has one: the column `waiting`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Listed,
    /// It never has, and waits to be let in.
    New,
    /// A later generation has left it out, and it waits.
    LeftOut,
}

impl Admission {
    const ALL: [Self; 3] = [Self::Listed, Self::New, Self::LeftOut];

    const fn number(self) -> i64 {
        match self {
            Self::Listed => 0,
            Self::New => 1,
            Self::LeftOut => 2,
        }
    }

    pub(super) fn waits(self) -> bool {
        self != Self::Listed
    }
}

impl ToSql for Admission {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.number()))
    }
}

impl FromSql for Admission {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        Self::ALL.into_iter().find(|known| known.number() == number).ok_or(FromSqlError::OutOfRange(number))
    }
}

/// How a new device comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// The account has no device list.
    Free,
    /// It waits to be let in.
    ByAccessKey,
    /// It waits too, and whoever it is has the recovery words.
    ByWords,
}

/// The key that a device signs in with. The same is looked up whether there is such a user or not.
fn device_signer(conn: &Connection, user_id: &UserId, device_id: &DeviceId) -> Result<Option<Signer<DevicePublicKey>>> {
    let known = accounts::credentials(conn, user_id)?;
    let user = known.as_ref().map_or(NOBODY, |known| known.user.0);
    let key: Option<String> = conn.first(
        "SELECT public_key FROM device WHERE user = ?1 AND device_id = ?2 AND removed_at = 0",
        params![user, device_id.as_str()],
        |row| row.get(0),
    )?;
    let key = key.and_then(|key| key.parse().ok());
    Ok(known.zip(key).map(|(known, key)| signer(known, key)))
}

/// The key that the recovery words of a user give.
fn recovery_signer(conn: &Connection, user_id: &UserId) -> Result<Option<Signer<RecoveryPublicKey>>> {
    let known = accounts::credentials(conn, user_id)?;
    let user = known.as_ref().map_or(NOBODY, |known| known.user.0);
    let key: Option<Vec<u8>> = conn.first("SELECT recovery_key FROM user WHERE id = ?1", [user], |row| row.get(0))?;
    let key = key.and_then(|key| key.try_into().ok()).and_then(|key| RecoveryPublicKey::from_bytes(key).ok());
    Ok(known.zip(key).map(|(known, key)| signer(known, key)))
}

fn signer<K>(known: Credentials, key: K) -> Signer<K> {
    Signer { user: known.user, key, revoked: known.revoked, profile: known.profile }
}

/// Answers of each device that are kept, for the device to know all of them. One alone would be gone with an answer
/// that was lost, and what somebody else has answered with it.
const ANSWERED: usize = 16;

impl Tx<'_> {
    /// Signs a device in that has signed. Only one that is still there: who was signed out has no row to come back to.
    fn sign_in_by_device(&mut self, order: &SignIn, answer: &AnsweredChallenge) -> Result<SignedIn> {
        let account = self.account_to_enter(order.user)?;
        let found: Option<(i64, Vec<u8>, bool, bool)> = self.conn.first(
            "SELECT id, answered, name <> '', type <> '' FROM device
             WHERE user = ?1 AND device_id = ?2 AND public_key = ?3 AND removed_at = 0",
            params![order.user.0, order.device_id.as_str(), order.device_key.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        let detail = "the device has been signed out";
        let (device, mut answered, is_named, is_typed) = found.ok_or(Refusal::new(ErrorCode::DeviceRemoved, detail))?;
        let before = answered.chunks_exact(AnsweredChallenge::LEN).filter_map(AnsweredChallenge::decode).collect();
        answered.extend_from_slice(&answer.encode());
        let kept = answered.len().saturating_sub(ANSWERED * AnsweredChallenge::LEN);
        let answered = answered.split_off(kept);
        let mut login = login_of(order);
        // It is called what it was called when it was let in.
        if is_named {
            login.device_name.clear();
        }
        if is_typed {
            login.device_type.clear();
        }
        self.sign_in_again(&login, (device, order.device_id.clone()))?;
        self.conn.run("UPDATE device SET answered = ?2 WHERE id = ?1", params![device, answered])?;
        let session = self.entered(&login, account, DeviceKey(device), order.device_id.clone())?;
        Ok(SignedIn { session, answered: before, pushed_out: None })
    }

    /// Signs a new device in for whoever has the words. The same device again is a lost answer.
    fn sign_in_by_recovery(&mut self, order: &SignIn, words: &RecoveryPublicKey) -> Result<SignedIn> {
        let account = self.account_to_enter(order.user)?;
        let same: bool = self.conn.one(
            "SELECT recovery_key = ?2 FROM user WHERE id = ?1",
            params![order.user.0, words.as_bytes()],
            |row| row.get(0),
        )?;
        if !same || !account.has_list {
            return Err(Refusal::new(ErrorCode::InvalidCredentials, "the account has other recovery words now").into());
        }
        let login = login_of(order);
        let again: Option<i64> = self.conn.first(
            "SELECT id FROM device WHERE user = ?1 AND device_id = ?2 AND public_key = ?3
             AND removed_at = 0 AND waiting = ?4 AND recovered = 1",
            params![order.user.0, order.device_id.as_str(), login.device_public_key, Admission::New],
            |row| row.get(0),
        )?;
        let mut pushed_out = None;
        let (device, device_id) = match again {
            Some(device) => self.sign_in_again(&login, (device, order.device_id.clone()))?,
            None => {
                self.check_free(&order.device_id, order.user, &login.device_public_key)?;
                pushed_out = self.make_room_for_waiting(order.user, &login.device_public_key, true)?;
                self.add_waiting_device(&login, &order.device_id, Entry::ByWords)?
            }
        };
        let session = self.entered(&login, account, DeviceKey(device), device_id)?;
        Ok(SignedIn { session, answered: Vec::new(), pushed_out })
    }

    /// Refuses a name or a key that a device has already.
    pub(super) fn check_free(&self, device_id: &DeviceId, user: UserKey, key: &str) -> Result<()> {
        let taken: bool = self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM device WHERE device_id = ?1)
                 OR EXISTS (SELECT 1 FROM device WHERE user = ?2 AND public_key = ?3 AND removed_at = 0)",
            params![device_id.as_str(), user.0, key],
            |row| row.get(0),
        )?;
        if taken {
            let detail = "there is a device with this device_id or this key; make another one";
            return Err(Refusal::new(ErrorCode::DeviceExists, detail).into());
        }
        Ok(())
    }

    /// Refuses the key of a device that was signed out.
    pub(super) fn check_not_removed(&self, user: UserKey, key: &str) -> Result<()> {
        let removed: bool = self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM removed_key WHERE user = ?1 AND key_hash = ?2)",
            params![user.0, hash(key)],
            |row| row.get(0),
        )?;
        if removed {
            return Err(Refusal::new(ErrorCode::DeviceRemoved, "a device with this key was signed out").into());
        }
        Ok(())
    }

    /// Lets one more device wait. Where there are too many, the oldest goes that nobody has let in; whoever has but the
    /// access key does not push out who has the words, and nobody the device that has begun a replacement.
    pub(super) fn make_room_for_waiting(
        &mut self,
        user: UserKey,
        key: &str,
        has_words: bool,
    ) -> Result<Option<DeviceKey>> {
        self.check_not_removed(user, key)?;
        let waiting: i64 = self.conn.one(
            "SELECT count(*) FROM device WHERE user = ?1 AND removed_at = 0 AND waiting = ?2",
            params![user.0, Admission::New],
            |row| row.get(0),
        )?;
        if waiting < MAX_WAITING {
            return Ok(None);
        }
        let oldest: Option<i64> = self.conn.first(
            "SELECT id FROM device WHERE user = ?1 AND removed_at = 0 AND waiting = ?3 AND recovered <= ?2
                 AND id NOT IN (SELECT device FROM replacement WHERE user = ?1)
             ORDER BY recovered, id LIMIT 1",
            params![user.0, has_words, Admission::New],
            |row| row.get(0),
        )?;
        let Some(oldest) = oldest else {
            let detail = "too many devices wait to be let in";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
        };
        self.sign_out(user.0, &[oldest], Because::Account)?;
        Ok(Some(DeviceKey(oldest)))
    }

    /// Remembers the key of a device that stood in a list and is being signed out.
    pub(super) fn note_removed_key(&self, user: i64, device: i64, because: Because) -> Result<()> {
        let found: Option<(String, String)> = self.conn.first(
            "SELECT d.public_key, d.device_id FROM device d JOIN user u ON u.id = d.user
             WHERE d.id = ?1 AND d.waiting <> ?2 AND d.public_key <> '' AND u.device_list <> x''",
            params![device, Admission::New],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        found.map_or(Ok(()), |(key, id)| self.remember(user, (&id, &key), because))
    }

    /// The same of a device of which the record says it, whose account has a list.
    pub(super) fn remember_removed(
        &self,
        user: i64,
        (device_id, key): (&DeviceId, &str),
        because: Because,
        by: Option<&str>,
    ) -> Result<()> {
        let has_list: bool =
            self.conn.one("SELECT device_list <> x'' FROM user WHERE id = ?1", [user], |row| row.get(0))?;
        if key.is_empty() || !has_list {
            return Ok(());
        }
        self.remember(user, (device_id.as_str(), key), because)?;
        self.conn.run(
            "UPDATE removed_key SET reason = ?3, removed_by = ?4
             WHERE user = ?1 AND device_id = ?2 AND reason = '' AND removed_by = ''",
            params![user, device_id.as_str(), because.as_str(), by.unwrap_or_default()],
        )?;
        Ok(())
    }

    fn remember(&self, user: i64, (device_id, key): (&str, &str), because: Because) -> Result<()> {
        if let Ok(key) = key.parse() {
            self.forget_leaf_dates_of(user, &key)?;
        }
        self.conn.run(
            "INSERT OR IGNORE INTO removed_key (user, key_hash, device_id, public_key, reason)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![user, hash(key), device_id, key, because.as_str()],
        )?;
        self.conn.run(
            "DELETE FROM removed_key WHERE user = ?1 AND id <= (SELECT id FROM removed_key WHERE user = ?1
             ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            [user, MAX_REMOVED],
        )?;
        Ok(())
    }
}

impl Tx<'_> {
    /// Notes which device has signed these out.
    pub(super) fn note_removed_by(&self, session: &Session, removed: &[DeviceKey]) -> Result<()> {
        for device in removed.iter().filter(|device| **device != session.device) {
            self.conn.run(
                "UPDATE removed_key SET removed_by = ?3 WHERE user = ?1
                     AND device_id = (SELECT device_id FROM device WHERE id = ?2)",
                params![session.user.0, device.0, session.device_id.as_str()],
            )?;
        }
        Ok(())
    }
}

/// A device that was signed out. Of a deleted user only the device is known, whose signature names the user.
fn removed_device(conn: &Connection, user_id: &UserId, device_id: &DeviceId) -> Result<Option<RemovedDevice>> {
    let known = accounts::credentials(conn, user_id)?;
    let found: Option<(String, String, String)> = conn.first(
        "SELECT public_key, removed_by, reason FROM removed_key WHERE user IN (?1, ?2) AND device_id = ?3
         ORDER BY user DESC, id DESC LIMIT 1",
        params![known.as_ref().map_or(DELETED, |known| known.user.0), DELETED, device_id.as_str()],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let Some((key, by, reason)) = found else { return Ok(None) };
    let Ok(key) = key.parse() else { return Ok(None) };
    let reason = (!reason.is_empty()).then(|| reason.into_boxed_str());
    let revoked = known.is_some_and(|known| known.revoked);
    Ok(Some(RemovedDevice { key, by: DeviceId::new(&by).ok(), reason, revoked }))
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn login_of(order: &SignIn) -> Login {
    Login {
        user: order.user,
        device_name: order.device_name.clone(),
        device_type: order.device_type.clone(),
        device_public_key: order.device_key.to_string(),
        token: order.token,
        expires_at: order.expires_at,
        max_devices: 0,
    }
}
