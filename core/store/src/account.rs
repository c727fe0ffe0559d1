//! Whose profile this is.

use std::fmt;

use privmsg_protocol::{DeviceId, Secret, UserId};
use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

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

/// The account of a profile, with its secrets.
#[derive(Clone)]
pub struct Account {
    /// `http://…` or `https://…`, without a trailing slash.
    pub server_url: String,
    /// Account.
    pub user_id: UserId,
    /// From the administrator; kept to sign in anew when a token has expired.
    pub access_key: Secret,
    /// As other devices of the user see this one.
    pub device_name: String,
    /// Ed25519 secret of this device's leaves.
    pub device_key: Zeroizing<[u8; 32]>,
    /// Ed25519 secret of the account.
    pub account_key: Option<Zeroizing<[u8; 32]>>,
    /// The recovery key, until it has been shown.
    pub recovery_words: Option<Secret>,
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
            "SELECT server_url, user_id, access_key, device_name, device_key, account_key, recovery_words, device_id,
                    certificate, token, token_expires_at, state
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
        access_key: Secret::new(row.get(2)?),
        device_name: row.get(3)?,
        device_key: Zeroizing::new(key_bytes(row, 4)?),
        account_key: optional_key_bytes(row, 5)?.map(Zeroizing::new),
        recovery_words: row.get::<_, Option<String>>(6)?.map(Secret::new),
        device_id: optional_device_id(row, 7)?,
        certificate: row.get(8)?,
        token: row.get::<_, Option<String>>(9)?.map(Secret::new),
        token_expires_at: row.get(10)?,
        state: AccountState::parse(&row.get::<_, String>(11)?)?,
    })
}

/// Writes the account, whole.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn save(tx: &Tx<'_>, account: &Account) -> Result<(), StoreError> {
    tx.sql().execute(
        "INSERT OR REPLACE INTO account (id, server_url, user_id, access_key, device_name, device_key, account_key,
             recovery_words, device_id, certificate, token, token_expires_at, state)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            account.server_url,
            account.user_id.as_str(),
            account.access_key.expose(),
            account.device_name,
            account.device_key.as_slice(),
            account.account_key.as_ref().map(|key| key.as_slice()),
            account.recovery_words.as_ref().map(Secret::expose),
            account.device_id.as_ref().map(DeviceId::as_str),
            account.certificate,
            account.token.as_ref().map(Secret::expose),
            account.token_expires_at,
            account.state.as_str(),
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

/// Notes that the server does not know this device any more.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_signed_out(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE account SET state = 'signed_out', token = NULL, token_expires_at = 0", [])?;
    tx.changed(Change::Account);
    Ok(())
}

/// Forgets the recovery key, once it has been shown.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn forget_recovery_words(tx: &Tx<'_>) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE account SET recovery_words = NULL", [])?;
    tx.changed(Change::Account);
    Ok(())
}
