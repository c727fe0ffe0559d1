//! What administrators do and see.

use privmsg_protocol::UserId;
use rusqlite::{Connection, Row, params};

use super::accounts::unknown_user;
use super::engine::SqliteStorage;
use super::identity::replacement;
use super::query::Query as _;
use super::row::parse;
use super::sign_in::Because;
use super::tx::Tx;
use super::writer::Touches;
use crate::secrets::KeyHash;
use crate::storage::{
    Act, Actor, AuditNote, Consequences, DeviceKey, DeviceSummary, RequestId, Result, UserDetail, UserKey, UserSummary,
};

impl SqliteStorage {
    /// Carries an act out, notes it in the audit log and, if it was requested, marks the request as done with this
    /// outcome: all of it or nothing. [`SqliteStorage::answer`] lets the command line read it.
    pub(crate) async fn administer(
        &self,
        act: Act,
        by: Actor,
        request: Option<(RequestId, String)>,
    ) -> Result<Consequences> {
        let touches = match act {
            Act::CreateUser { .. } | Act::Invite { .. } | Act::WithdrawInvitation { .. } => Touches::Data,
            _ => Touches::Structure,
        };
        self.write(touches, move |tx| {
            tx.administer(&act, by, request.as_ref().map(|(id, outcome)| (*id, outcome.as_str())))
        })
        .await
    }

    pub(crate) async fn users(&self) -> Result<Vec<UserSummary>> {
        self.read(users).await
    }

    pub(crate) async fn user(&self, user_id: UserId) -> Result<UserDetail> {
        self.read(move |conn| user(conn, &user_id)).await
    }
}

/// Columns of a [`UserSummary`].
const SUMMARY: &str = "user_id, display_name, created_at, last_seen_at, revoked_at <> 0,
    (SELECT count(*) FROM device d WHERE d.user = user.id AND d.removed_at = 0),
    (SELECT coalesce(sum(f.size), 0) FROM file f WHERE f.owner = user.id),
    (SELECT count(*) FROM device d JOIN mailbox m ON m.device = d.id WHERE d.user = user.id)
        + (SELECT coalesce(sum(a.messages), 0) FROM device d JOIN arrived a ON a.device = d.id WHERE d.user = user.id)";

/// What has not been filed by mailbox yet, counted once for all.
const ARRIVED: &str = "WITH arrived AS MATERIALIZED (SELECT device, count(*) AS messages FROM arrival GROUP BY device)";

fn summary_of(row: &Row<'_>) -> rusqlite::Result<UserSummary> {
    Ok(UserSummary {
        user_id: parse(row, 0)?,
        display_name: row.get(1)?,
        created_at: row.get(2)?,
        last_seen_at: row.get(3)?,
        revoked: row.get(4)?,
        devices: row.get(5)?,
        stored_bytes: row.get(6)?,
        pending_messages: row.get(7)?,
    })
}

pub(super) fn users(conn: &Connection) -> Result<Vec<UserSummary>> {
    conn.all(&format!("{ARRIVED} SELECT {SUMMARY} FROM account user ORDER BY id"), [], summary_of)
}

pub(super) fn user(conn: &Connection, user_id: &UserId) -> Result<UserDetail> {
    let found = conn.first(
        &format!("{ARRIVED} SELECT {SUMMARY}, id FROM account user WHERE user_id = ?1"),
        [user_id.as_str()],
        |row| Ok((summary_of(row)?, row.get(8)?)),
    )?;
    let (summary, user) = found.ok_or_else(unknown_user)?;
    let devices = devices(conn, user)?;
    let invitation_expires_at =
        conn.first("SELECT expires_at FROM invitation WHERE user = ?1 AND spent_at = 0", [user], |row| row.get(0))?;
    let replacement = replacement(conn, UserKey(user))?;
    Ok(UserDetail { summary, devices, invitation_expires_at, replacement })
}

fn devices(conn: &Connection, user: i64) -> Result<Vec<DeviceSummary>> {
    conn.all(
        "SELECT id, device_id, name, type, created_at, last_seen_at,
             (SELECT count(*) FROM mailbox m WHERE m.device = device.id)
                 + (SELECT count(*) FROM arrival a WHERE a.device = device.id)
         FROM device WHERE user = ?1 AND removed_at = 0 ORDER BY id",
        [user],
        |row| {
            Ok(DeviceSummary {
                device: DeviceKey(row.get(0)?),
                device_id: parse(row, 1)?,
                name: row.get(2)?,
                kind: row.get(3)?,
                created_at: row.get(4)?,
                last_seen_at: row.get(5)?,
                pending_messages: row.get(6)?,
            })
        },
    )
}

impl Tx<'_> {
    /// Carries an act out, and writes it into the audit log. If it was a request, that is marked as done in the same
    /// transaction: it is carried out once, whenever the server dies.
    fn administer(&mut self, act: &Act, by: Actor, request: Option<(RequestId, &str)>) -> Result<Consequences> {
        let mut consequences = Consequences::default();
        let mut detail = String::new();
        match act {
            Act::CreateUser { user_id, key } => self.create_user(user_id, *key)?,
            Act::DeactivateUser { user_id } => consequences.signed_out = self.deactivate(user_id)?,
            Act::ReactivateUser { user_id } => self.reactivate(user_id)?,
            Act::ResetKey { user_id, key, sign_out_devices } => {
                consequences.signed_out = self.reset_key(user_id, *key, *sign_out_devices)?;
            }
            Act::Invite { user_id, key, expires_at } => {
                self.invite(user_id, *key, *expires_at)?;
                detail = format!("expires_at={expires_at}");
            }
            Act::WithdrawInvitation { user_id } => {
                let user = self.user(user_id)?;
                self.withdraw_invitation(user)?;
            }
            Act::SignOutDevice { user_id, device_id } => {
                let user = self.user(user_id)?;
                consequences.signed_out.push(self.remove_device(UserKey(user), device_id, Because::Administrator)?);
                detail = format!("device_id={device_id}");
            }
            Act::EndReplacement { user_id } => {
                let user = self.user(user_id)?;
                self.forget_replacement(user)?;
                self.notify_account(user, None)?;
            }
            Act::PassReplacement { user_id } => {
                let user = self.user(user_id)?;
                consequences.signed_out = self.replace_identity(user)?;
            }
            Act::DeleteUser { user_id } => {
                (consequences.signed_out, consequences.files) = self.delete_user(user_id)?;
            }
        }
        if detail.is_empty() && !consequences.signed_out.is_empty() {
            detail = format!("devices={}", consequences.signed_out.len());
        }
        self.note(&AuditNote { actor: by, action: act.name(), user_id: Some(act.user_id().clone()), detail })?;
        if let Some((request, outcome)) = request {
            self.mark_done(request, outcome)?;
        }
        Ok(consequences)
    }

    /// From now on nobody can sign in as the user, and no token of theirs is good.
    pub(super) fn deactivate(&mut self, user_id: &UserId) -> Result<Vec<DeviceKey>> {
        let user = self.user(user_id)?;
        self.conn
            .execute("UPDATE user SET revoked_at = max(1, ?2) WHERE id = ?1 AND revoked_at = 0", [user, self.now()])?;
        self.withdraw_invitation(user)?;
        self.sign_out_all(user, Because::Administrator)
    }

    pub(super) fn reactivate(&self, user_id: &UserId) -> Result<()> {
        let user = self.user(user_id)?;
        self.conn.execute("UPDATE user SET revoked_at = 0 WHERE id = ?1", [user])?;
        Ok(())
    }

    fn reset_key(&mut self, user_id: &UserId, key: KeyHash, sign_out_devices: bool) -> Result<Vec<DeviceKey>> {
        let user = self.user(user_id)?;
        self.conn.execute("UPDATE user SET access_key_hash = ?2 WHERE id = ?1", params![user, key.as_bytes()])?;
        self.withdraw_invitation(user)?;
        if sign_out_devices { self.sign_out_all(user, Because::Administrator) } else { Ok(Vec::new()) }
    }
}
