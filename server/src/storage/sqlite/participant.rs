//! Who takes part in a group, and how they stand to it.

use privmsg_protocol::ConversationId;
use rusqlite::{Connection, Row, params};

use super::keeping_out::KeptOutFor;
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
    pub(super) declined: bool,
    /// When the other one has seen them last, and whether they had answered, before they declined.
    pub(super) seen_before: i64,
    pub(super) had_answered: bool,
    /// The conversation is theirs, who asked for it.
    pub(super) began: bool,
    /// They hear nothing of it.
    pub(super) kept_out: Option<KeptOutFor>,
    pub(super) brought_by: i64,
}

impl Participant {
    /// Who has just come, and has said nothing.
    pub(super) const fn new(user: i64, came_at: i64) -> Self {
        Self {
            user,
            acted: false,
            acted_at: 0,
            came_at,
            declined: false,
            seen_before: 0,
            had_answered: false,
            began: false,
            kept_out: None,
            brought_by: 0,
        }
    }
}

const COLUMNS: &str = "p.user, p.acted, p.acted_at, p.came_at, p.declined, p.seen_before, p.had_answered, p.began,
    p.kept_out, p.kept_out_by, p.brought_by";

fn read(row: &Row<'_>) -> rusqlite::Result<Participant> {
    Ok(Participant {
        user: row.get(0)?,
        acted: row.get(1)?,
        acted_at: row.get(2)?,
        came_at: row.get(3)?,
        declined: row.get(4)?,
        seen_before: row.get(5)?,
        had_answered: row.get(6)?,
        began: row.get(7)?,
        kept_out: KeptOutFor::read(row.get(8)?, row.get(9)?),
        brought_by: row.get(10)?,
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
        let (one, seq) = (read(row)?, row.get::<_, i64>(11)?);
        Ok(Participant { acted_at: one.acted_at - seq, came_at: one.came_at - seq, ..one })
    })
}

/// Returns whether they are new in the group.
pub(super) fn insert(conn: &Connection, group: i64, one: &Participant) -> Result<bool> {
    let (kept_out, kept_out_by) = KeptOutFor::columns(one.kept_out);
    let inserted = conn.run(
        "INSERT OR IGNORE INTO grp_participant (grp, user, acted, acted_at, came_at, declined, seen_before,
             had_answered, began, kept_out, kept_out_by, brought_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            group,
            one.user,
            one.acted,
            one.acted_at,
            one.came_at,
            one.declined,
            one.seen_before,
            one.had_answered,
            one.began,
            kept_out,
            kept_out_by,
            one.brought_by,
        ],
    )?;
    Ok(inserted > 0)
}

/// Whether somebody hears nothing of a group.
pub(super) fn set_kept_out(conn: &Connection, group: i64, user: i64, why: Option<KeptOutFor>) -> Result<()> {
    let (kept_out, kept_out_by) = KeptOutFor::columns(why);
    conn.run(
        "UPDATE grp_participant SET kept_out = ?3, kept_out_by = ?4 WHERE grp = ?1 AND user = ?2",
        params![group, user, kept_out, kept_out_by],
    )?;
    Ok(())
}

/// What becomes of somebody by those who have put them into a group.
pub(super) fn set_brought_in(
    conn: &Connection,
    group: i64,
    user: i64,
    kept_out: Option<KeptOutFor>,
    brought_by: i64,
) -> Result<()> {
    let (kept_out, kept_out_by) = KeptOutFor::columns(kept_out);
    conn.run(
        "UPDATE grp_participant SET kept_out = ?3, kept_out_by = ?4, brought_by = ?5 WHERE grp = ?1 AND user = ?2",
        params![group, user, kept_out, kept_out_by, brought_by],
    )?;
    Ok(())
}
