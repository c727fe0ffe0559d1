//! Who may see whose presence: those who share a conversation, and those to whom one has written.
//!
//! The second is one-way on purpose. A stranger who writes to somebody learns nothing until that somebody answers.

use privmsg_protocol::UserId;
use rusqlite::Connection;

use super::{engine_error, parse};
use crate::storage::{Result, UserKey};

/// Users in a conversation with `?1`, himself among them.
const SHARING: &str = "SELECT them.user FROM grp_participant me JOIN grp_participant them
    ON them.grp = me.grp WHERE me.user = ?1";

pub(super) fn may_see(conn: &Connection, viewer: i64, user: i64) -> Result<bool> {
    conn.prepare_cached(&format!("SELECT ?2 IN ({SHARING}) OR ?2 IN (SELECT user FROM contact WHERE peer = ?1)"))
        .map_err(engine_error)?
        .query_row([viewer, user], |row| row.get(0))
        .map_err(engine_error)
}

/// Users who may see `user`.
pub(super) fn watchers(conn: &Connection, user: UserKey) -> Result<Vec<UserId>> {
    others(conn, user, "SELECT peer FROM contact WHERE user = ?1")
}

/// Users whom `user` may see.
pub(super) fn watched(conn: &Connection, user: UserKey) -> Result<Vec<UserId>> {
    others(conn, user, "SELECT user FROM contact WHERE peer = ?1")
}

fn others(conn: &Connection, user: UserKey, contacts: &str) -> Result<Vec<UserId>> {
    let mut query = conn
        .prepare_cached(&format!(
            "SELECT user_id FROM user
             WHERE id IN ({SHARING} UNION {contacts}) AND id <> ?1 AND deleted_at = 0"
        ))
        .map_err(engine_error)?;
    query.query_map([user.0], |row| parse(row, 0)).and_then(Iterator::collect).map_err(engine_error)
}
