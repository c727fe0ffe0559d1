//! The log of administrative acts.

use privmsg_protocol::rest::{AuditEntry, AuditLog};
use rusqlite::{Connection, params};

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{AuditNote, Result};

impl SqliteStorage {
    /// Adds an entry to the audit log.
    pub(crate) async fn note(&self, note: AuditNote) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.note(&note)).await
    }

    /// The latest entries of the audit log, or the latest before that one.
    pub(crate) async fn audit(&self, before: Option<i64>, limit: u32) -> Result<AuditLog> {
        self.read(move |conn| page(conn, before, limit)).await
    }
}

/// The latest entries, or those before `before`.
pub(super) fn page(conn: &Connection, before: Option<i64>, limit: u32) -> Result<AuditLog> {
    let filled = |text: String| (!text.is_empty()).then_some(text);
    let mut entries: Vec<AuditEntry> = conn.all(
        "SELECT id, at, actor, action, user_id, detail FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2 + 1",
        params![before.unwrap_or(i64::MAX), limit],
        |row| {
            Ok(AuditEntry {
                id: row.get(0)?,
                at: row.get(1)?,
                actor: row.get(2)?,
                action: row.get(3)?,
                user_id: filled(row.get(4)?),
                detail: filled(row.get(5)?),
            })
        },
    )?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = entries.len() > limit;
    entries.truncate(limit);
    Ok(AuditLog { entries, has_more })
}

impl Tx<'_> {
    pub(super) fn note(&self, note: &AuditNote) -> Result<()> {
        let user_id = note.user_id.as_ref().map_or("", |user_id| user_id.as_str());
        write(self.conn, self.now(), note.actor.name(), note.action, user_id, &note.detail)
    }

    pub(super) fn expire_audit(&self, cutoff: i64) -> Result<()> {
        self.conn.execute("DELETE FROM audit WHERE at < ?1", [cutoff])?;
        Ok(())
    }
}

fn write(conn: &Connection, at: i64, actor: &str, action: &str, user_id: &str, detail: &str) -> Result<()> {
    conn.run(
        "INSERT INTO audit (at, actor, action, user_id, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![at, actor, action, user_id, detail],
    )?;
    Ok(())
}
