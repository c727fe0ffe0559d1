//! Whose profile this is.

use std::fmt;

use privmsg_protocol::{DeviceId, Secret, UserId};
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

use crate::sign_outs::{self, SignOutCause, SignedOut};
use crate::sql_types::{key_bytes, optional_device_id, optional_key_bytes, user_id};
use crate::{Change, Snapshot, StoreError, Tx};

/// How far this device's sign-in has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// Keys are made; the server may or may not know the device.
    SigningIn,
    /// Signed in, certified, key packages published.
    Ready,
    /// The server does not know this device any more. History stays readable.
    SignedOut,
}

impl AccountState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SigningIn => "signing_in",
            Self::Ready => "ready",
            Self::SignedOut => "signed_out",
        }
    }

    fn parse(text: &str) -> Result<Self, StoreError> {
        [Self::SigningIn, Self::Ready, Self::SignedOut]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(StoreError::Invalid("account state"))
    }
}

/// The account signing key of one generation.
#[derive(Clone)]
pub struct Signing {
    /// Ed25519 secret.
    pub key: Zeroizing<[u8; 32]>,
    /// The identity's word for it.
    pub certificate: Vec<u8>,
}

/// The account of a profile, with its secrets.
#[derive(Clone)]
pub struct Account {
    /// `http://…` or `https://…`, without a trailing slash.
    pub server_url: String,
    /// How the server is reached: a proxy's address, perhaps with its password; `none`; without it as the environment says.
    pub proxy: Option<Secret>,
    /// The only key that is accepted at the server, by its fingerprint.
    pub fingerprint: Option<String>,
    /// How far the server's clock was ahead of this machine's when it last answered, in milliseconds.
    pub server_clock_ms: Option<i64>,
    /// Account.
    pub user_id: UserId,
    /// From the administrator; kept until the sign-in is finished. A device comes in by its own key from then on.
    pub access_key: Option<Secret>,
    /// As other devices of the user see this one.
    pub device_name: String,
    /// `cli`, `desktop`, `android`, …; empty where it was never said.
    pub device_type: String,
    /// Ed25519 secret of this device's leaves.
    pub device_key: Zeroizing<[u8; 32]>,
    /// The account's public identity key, once it is known.
    pub identity: Option<[u8; 32]>,
    /// Its Ed25519 secret, on the device that has made it, as long as the words that seal it.
    pub identity_secret: Option<Zeroizing<[u8; 32]>>,
    /// The recovery key, until it has been shown.
    pub recovery_words: Option<Secret>,
    /// The identity, sealed with the words and signed for by itself: each device keeps a copy of what the server could lose.
    pub sealed_identity: Option<Vec<u8>>,
    /// What signs for the account.
    pub signing: Option<Signing>,
    /// What stands in the code that this device shows to be linked, as long as nobody has answered.
    pub link_secret: Option<Zeroizing<[u8; 32]>>,
    /// Named by the server.
    pub device_id: Option<DeviceId>,
    /// This device's certificate.
    pub certificate: Option<Vec<u8>>,
    /// Session token.
    pub token: Option<Secret>,
    /// When it ends, seconds since 1970.
    pub token_expires_at: i64,
    /// How far the sign-in has come.
    pub state: AccountState,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("user_id", &self.user_id)
            .field("device_id", &self.device_id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Reads the account; `None` in a new profile.
///
/// # Errors
/// [`StoreError`] of the query, or for a damaged row.
pub fn load(at: &Snapshot<'_>) -> Result<Option<Account>, StoreError> {
    at.sql()
        .prepare_cached(
            "SELECT server_url, user_id, access_key, device_name, device_key, identity, identity_secret, recovery_words,
                    signing_key, signing_certificate, device_id, certificate, token, token_expires_at, state, proxy,
                    fingerprint, server_clock_ms, sealed_identity, link_secret, device_type
             FROM account",
        )?
        .query_row([], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// Whose profile this is, and as which device: what others see as the sender. Reads no secret.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn sender(at: &Snapshot<'_>) -> Result<Option<(UserId, DeviceId)>, StoreError> {
    let names = at
        .sql()
        .prepare_cached("SELECT user_id, device_id FROM account")?
        .query_row([], |row| Ok((user_id(row, 0), optional_device_id(row, 1))))
        .optional()?;
    let Some((user, device)) = names else { return Ok(None) };
    let user = user?;
    Ok(device?.map(|device| (user, device)))
}

fn read(row: &rusqlite::Row<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        server_url: row.get(0)?,
        user_id: user_id(row, 1)?,
        access_key: row.get::<_, Option<String>>(2)?.map(Secret::new),
        device_name: row.get(3)?,
        device_key: Zeroizing::new(key_bytes(row, 4)?),
        identity: optional_key_bytes(row, 5)?,
        identity_secret: optional_key_bytes(row, 6)?.map(Zeroizing::new),
        recovery_words: row.get::<_, Option<String>>(7)?.map(Secret::new),
        signing: signing(row)?,
        device_id: optional_device_id(row, 10)?,
        certificate: row.get(11)?,
        token: row.get::<_, Option<String>>(12)?.map(Secret::new),
        token_expires_at: row.get(13)?,
        state: AccountState::parse(&row.get::<_, String>(14)?)?,
        proxy: row.get::<_, Option<String>>(15)?.map(Secret::new),
        fingerprint: row.get(16)?,
        server_clock_ms: row.get(17)?,
        sealed_identity: row.get(18)?,
        link_secret: optional_key_bytes(row, 19)?.map(Zeroizing::new),
        device_type: row.get(20)?,
    })
}

fn signing(row: &rusqlite::Row<'_>) -> Result<Option<Signing>, StoreError> {
    let key = optional_key_bytes(row, 8)?.map(Zeroizing::new);
    let certificate: Option<Vec<u8>> = row.get(9)?;
    Ok(key.zip(certificate).map(|(key, certificate)| Signing { key, certificate }))
}

/// Whether this device signs for the account. Reads no secret.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn has_signing_key(at: &Snapshot<'_>) -> Result<bool, StoreError> {
    let found = "SELECT EXISTS (SELECT 1 FROM account WHERE signing_key IS NOT NULL)";
    Ok(at.sql().prepare_cached(found)?.query_row([], |row| row.get(0))?)
}

/// Writes the account, whole.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn save(tx: &Tx<'_>, account: &Account) -> Result<(), StoreError> {
    tx.sql().execute(
        "INSERT OR REPLACE INTO account (id, server_url, user_id, access_key, device_name, device_key, identity,
             identity_secret, recovery_words, signing_key, signing_certificate, device_id, certificate, token,
             token_expires_at, state, proxy, fingerprint, server_clock_ms, sealed_identity, link_secret, device_type,
             begins_at)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
             (SELECT begins_at FROM account WHERE ?15 = 'signing_in'))",
        params![
            account.server_url,
            account.user_id.as_str(),
            account.access_key.as_ref().map(Secret::expose),
            account.device_name,
            account.device_key.as_slice(),
            account.identity.as_ref().map(|key| key.as_slice()),
            account.identity_secret.as_ref().map(|key| key.as_slice()),
            account.recovery_words.as_ref().map(Secret::expose),
            account.signing.as_ref().map(|signing| signing.key.as_slice()),
            account.signing.as_ref().map(|signing| &signing.certificate),
            account.device_id.as_ref().map(DeviceId::as_str),
            account.certificate,
            account.token.as_ref().map(Secret::expose),
            account.token_expires_at,
            account.state.as_str(),
            account.proxy.as_ref().map(Secret::expose),
            account.fingerprint,
            account.server_clock_ms,
            account.sealed_identity,
            account.link_secret.as_ref().map(|secret| secret.as_slice()),
            account.device_type,
        ],
    )?;
    tx.changed(Change::Account);
    Ok(())
}

/// Writes a new session token.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_token(tx: &Tx<'_>, token: &Secret, expires_at: i64) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE account SET token = ?1, token_expires_at = ?2", params![token.expose(), expires_at])?;
    tx.changed(Change::Account);
    Ok(())
}

/// Notes how far the server's clock is ahead of this machine's.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_server_clock(tx: &Tx<'_>, ahead_ms: i64) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE account SET server_clock_ms = ?1", params![ahead_ms])?;
    tx.changed(Change::Account);
    Ok(())
}

/// Notes that somebody else has this device's key. Until the server has put it out, it is tried again.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_key_elsewhere(tx: &Tx<'_>) -> Result<(), StoreError> {
    Ok(tx.sql().execute("UPDATE account SET key_elsewhere = 1", []).map(drop)?)
}

/// Whether somebody else has this device's key.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_key_elsewhere(at: &Snapshot<'_>) -> Result<bool, StoreError> {
    Ok(at.sql().query_row("SELECT key_elsewhere FROM account", [], |row| row.get(0))?)
}

/// Notes that a device whose key somebody else has was put out. They have the signing key, too: it signs no further
/// device here.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn put_out(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE account SET signing_key = NULL, signing_certificate = NULL, key_elsewhere = 0", [])?;
    sign_outs::set(tx, &SignedOut { cause: SignOutCause::KeyElsewhere, at_ms: 0 })
}

/// Forgets the recovery key and the identity key that it seals, and an access key that was made here, once they have been shown.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn forget_recovery_words(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE account SET recovery_words = NULL, identity_secret = NULL, access_key = NULL", [])?;
    tx.changed(Change::Account);
    Ok(())
}
