//! Invitations: keys that are good for one use and a while.

use privmsg_protocol::{ErrorCode, UserId};
use rusqlite::{Connection, params};

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::tx::Tx;
use super::writer::Touches;
use crate::secrets::KeyHash;
use crate::storage::{Actor, AuditNote, Refusal, Result, StoredInvitation};

impl SqliteStorage {
    /// The invitation of an active user, spent or not, if it has not been withdrawn.
    pub(crate) async fn invitation(&self, user_id: UserId) -> Result<Option<StoredInvitation>> {
        self.read(move |conn| invitation(conn, &user_id)).await
    }

    /// Spends an invitation: from now on `access_key` is the user's. Spending it again for the same access key changes
    /// nothing; for another one it is refused.
    pub(crate) async fn redeem(&self, user_id: UserId, key: KeyHash, access_key: KeyHash) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.redeem(&user_id, key, access_key)).await
    }
}

/// The invitation of an active user.
pub(super) fn invitation(conn: &Connection, user_id: &UserId) -> Result<Option<StoredInvitation>> {
    let hash = |bytes: Vec<u8>| KeyHash::from_slice(&bytes).unwrap_or(KeyHash::NOBODY);
    conn.first(
        "SELECT i.key_hash, i.expires_at, i.spent_at <> 0, u.access_key_hash
         FROM invitation i JOIN active_account u ON u.id = i.user WHERE u.user_id = ?1",
        [user_id.as_str()],
        |row| {
            Ok(StoredInvitation {
                key: hash(row.get(0)?),
                expires_at: row.get(1)?,
                spent: row.get(2)?,
                access_key: hash(row.get(3)?),
            })
        },
    )
}

impl Tx<'_> {
    pub(super) fn invite(&self, user_id: &UserId, key: KeyHash, expires_at: i64) -> Result<()> {
        let user = self.user(user_id)?;
        let revoked: bool =
            self.conn.query_row("SELECT revoked_at <> 0 FROM user WHERE id = ?1", [user], |row| row.get(0))?;
        if revoked {
            let detail = "the user is deactivated; reactivate them first";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
        }
        self.conn.execute(
            "INSERT OR REPLACE INTO invitation (user, key_hash, expires_at) VALUES (?1, ?2, ?3)",
            params![user, key.as_bytes(), expires_at],
        )?;
        Ok(())
    }

    pub(super) fn withdraw_invitation(&self, user: i64) -> Result<()> {
        self.conn.execute("DELETE FROM invitation WHERE user = ?1", [user])?;
        Ok(())
    }

    /// Spends the invitation. The key was compared before; what is looked at again is whether it is still good, because
    /// of two that come at the same moment one must lose.
    fn redeem(&self, user_id: &UserId, key: KeyHash, access_key: KeyHash) -> Result<()> {
        let found = invitation(self.conn, user_id)?;
        let Some(found) = found.filter(|found| found.key.matches(&key) && found.expires_at > self.now()) else {
            let detail = "the invitation is wrong, or has ended";
            return Err(Refusal::new(ErrorCode::InvalidCredentials, detail).into());
        };
        // Somebody who has not got the answer asks again, with the same key.
        if found.spent && found.access_key.matches(&access_key) {
            return Ok(());
        }
        if found.spent {
            let detail = "the invitation has been used; if it was not you, tell the administrator at once";
            return Err(Refusal::new(ErrorCode::InvitationUsed, detail).into());
        }
        let user = self.user(user_id)?;
        self.conn.execute("UPDATE invitation SET spent_at = max(1, ?2) WHERE user = ?1", [user, self.now()])?;
        let hash = access_key.as_bytes();
        self.conn.execute("UPDATE user SET access_key_hash = ?2 WHERE id = ?1", params![user, hash])?;
        self.note(&AuditNote {
            actor: Actor::Server,
            action: "redeem_invitation",
            user_id: Some(user_id.clone()),
            detail: String::new(),
        })
    }

    pub(super) fn expire_invitations(&self, now: i64) -> Result<()> {
        self.conn.execute("DELETE FROM invitation WHERE expires_at <= ?1", [now])?;
        Ok(())
    }
}
