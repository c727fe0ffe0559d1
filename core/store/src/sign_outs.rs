//! Why this device is not signed in.

use privmsg_protocol::{DeviceId, Secret};
use rusqlite::{OptionalExtension, params};

use crate::{Change, Snapshot, StoreError, Tx};

/// Why a device was signed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignOutCause {
    /// The user has done it here.
    Here,
    /// The server does not know the device any more, and does not say why.
    Forgotten,
    /// Another device of the account has done it, by the server's word.
    Device(DeviceId),
    /// The administrator has done it.
    Administrator,
    /// The administrator has deactivated the account.
    Deactivated,
    /// The account was deleted.
    Deleted,
    /// Another identity has taken the place of the account's.
    Replaced,
    /// Somebody else has the device's key.
    KeyElsewhere,
}

impl SignOutCause {
    /// What the server says of it.
    #[must_use]
    pub fn of_server(reason: Option<&str>, by: Option<DeviceId>) -> Self {
        match (reason, by) {
            (_, Some(by)) => Self::Device(by),
            (Some("administrator"), None) => Self::Administrator,
            (Some("account_deleted"), None) => Self::Deleted,
            (Some("identity_replaced"), None) => Self::Replaced,
            _ => Self::Forgotten,
        }
    }

    /// Whether the server alone has said so of this device, and nobody has signed for it.
    #[must_use]
    pub const fn is_the_servers_word(&self) -> bool {
        match self {
            Self::Here | Self::KeyElsewhere => false,
            Self::Forgotten
            | Self::Device(_)
            | Self::Administrator
            | Self::Deactivated
            | Self::Deleted
            | Self::Replaced => true,
        }
    }

    fn stored(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Here => ("here", None),
            Self::Forgotten => ("forgotten", None),
            Self::Device(by) => ("device", Some(by.as_str())),
            Self::Administrator => ("administrator", None),
            Self::Deactivated => ("deactivated", None),
            Self::Deleted => ("deleted", None),
            Self::Replaced => ("replaced", None),
            Self::KeyElsewhere => ("key_elsewhere", None),
        }
    }

    fn parse(name: &str, by: Option<&str>) -> Result<Self, StoreError> {
        Ok(match name {
            "here" => Self::Here,
            "forgotten" => Self::Forgotten,
            "device" => {
                let by = by.and_then(|by| DeviceId::new(by).ok());
                Self::Device(by.ok_or(StoreError::Invalid("who has signed the device out"))?)
            }
            "administrator" => Self::Administrator,
            "deactivated" => Self::Deactivated,
            "deleted" => Self::Deleted,
            "replaced" => Self::Replaced,
            "key_elsewhere" => Self::KeyElsewhere,
            _ => return Err(StoreError::Invalid("why the device is signed out")),
        })
    }
}

/// That a device was signed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedOut {
    /// Why.
    pub cause: SignOutCause,
    /// When this device has heard of it, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Notes that the server does not know this device any more, and why.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set(tx: &Tx<'_>, signed_out: &SignedOut) -> Result<(), StoreError> {
    let (cause, by) = signed_out.cause.stored();
    tx.sql().execute(
        "UPDATE account SET state = 'signed_out', token = NULL, token_expires_at = 0, sign_out_cause = ?1,
             signed_out_by = ?2, signed_out_at = ?3",
        params![cause, by, signed_out.at_ms],
    )?;
    tx.changed(Change::Account);
    Ok(())
}

/// The server has let the device in again, whatever it had said.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn take_back(tx: &Tx<'_>, token: &Secret, expires_at: i64) -> Result<(), StoreError> {
    tx.sql().execute(
        "UPDATE account SET state = 'ready', token = ?1, token_expires_at = ?2, sign_out_cause = NULL,
             signed_out_by = NULL, signed_out_at = NULL WHERE state = 'signed_out'",
        params![token.expose(), expires_at],
    )?;
    tx.changed(Change::Account);
    Ok(())
}

/// Why this device is signed out; nothing while it is not, or after another sign-in has begun.
///
/// # Errors
/// [`StoreError`] of the query, or for a damaged row.
pub fn load(at: &Snapshot<'_>) -> Result<Option<SignedOut>, StoreError> {
    let found: Option<(String, Option<String>, i64)> = at
        .sql()
        .query_row(
            "SELECT sign_out_cause, signed_out_by, signed_out_at FROM account
             WHERE state = 'signed_out' AND sign_out_cause IS NOT NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((cause, by, at_ms)) = found else { return Ok(None) };
    Ok(Some(SignedOut { cause: SignOutCause::parse(&cause, by.as_deref())?, at_ms }))
}

/// Notes when the identity that was begun on this device takes effect, in seconds since 1970. What comes of the sign-in forgets it.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_begins_at(tx: &Tx<'_>, at: i64) -> Result<(), StoreError> {
    tx.sql().execute("UPDATE account SET begins_at = ?1", [at])?;
    tx.changed(Change::Account);
    Ok(())
}

/// When the identity takes effect that was begun on this device.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn begins_at(at: &Snapshot<'_>) -> Result<Option<i64>, StoreError> {
    let found = at.sql().query_row("SELECT begins_at FROM account WHERE state = 'signing_in'", [], |row| row.get(0));
    Ok(found.optional()?.flatten())
}
