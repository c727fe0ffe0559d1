//! Who takes part in a group, and how they stand to it.

use privmsg_protocol::ConversationId;
use rusqlite::{Connection, Row, params};

use super::query::Query as _;
use crate::storage::Result;

/// A row of `grp_participant`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Participant {
    pub(super) user: i64,
    /// A person of theirs has written there, or accepted it.
    pub(super) acted: bool,
    /// How far the group was when they did so last, and when they came.
    pub(super) acted_at: i64,
    pub(super) came_at: i64,
    pub(super) declined: i64,
    /// The conversation is theirs, who asked for it.
    pub(super) began: bool,
    pub(super) kept_out: i64,
    pub(super) brought_by: i64,
}

impl Participant {
    /// Who has just come, and has said nothing.
    pub(super) const fn new(user: i64, came_at: i64) -> Self {
        Self { user, acted: false, acted_at: 0, came_at, declined: 0, began: false, kept_out: 0, brought_by: 0 }
    }
}

const COLUMNS: &str = "p.user, p.acted, p.acted_at, p.came_at, p.declined, p.began, p.kept_out, p.brought_by";

fn read(row: &Row<'_>) -> rusqlite::Result<Participant> {
    Ok(Participant {
        user: row.get(0)?,
        acted: row.get(1)?,
        acted_at: row.get(2)?,
        came_at: row.get(3)?,
        declined: row.get(4)?,
        began: row.get(5)?,
        kept_out: row.get(6)?,
        brought_by: row.get(7)?,
    })
}

pub(super) fn of_group(conn: &Connection, group: i64) -> Result<Vec<Participant>> {
    conn.all(&format!("SELECT {COLUMNS} FROM grp_participant p WHERE p.grp = ?1"), [group], read)
}

/// Of the group that a conversation is in, as they are to be in the one in which it goes on: what was there has numbers up to
/// 0 there.
pub(super) fn of_chat_before(conn: &Connection, chat: &ConversationId) -> Result<Vec<Participant>> {
    let sql = format!("SELECT {COLUMNS}, g.seq FROM grp_participant p JOIN grp g ON g.id = p.grp WHERE g.chat_id = ?1");
    conn.all(&sql, [chat.as_bytes()], |row| {
        let (one, seq) = (read(row)?, row.get::<_, i64>(8)?);
        Ok(Participant { acted_at: one.acted_at - seq, came_at: one.came_at - seq, ..one })
    })
}

pub(super) fn insert(conn: &Connection, group: i64, one: &Participant) -> Result<()> {
    let Participant { user, acted, acted_at, came_at, declined, began, kept_out, brought_by } = one;
    conn.run(
        "INSERT OR IGNORE INTO grp_participant
             (grp, user, acted, acted_at, came_at, declined, began, kept_out, brought_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![group, user, acted, acted_at, came_at, declined, began, kept_out, brought_by],
    )?;
    Ok(())
}
