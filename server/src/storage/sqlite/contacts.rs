//! Who may see whose presence: those to whom one has written, alone or in a group, as a person.
//!
//! What is said in a group is said to those who are there. Whoever is brought in later sees nobody before they act there again: or one
//! word in a group would be one to everybody whom others add to it.
//!
//! It is one-way on purpose. A stranger who writes to somebody, or puts them into a group, learns nothing until that
//! somebody answers; what their clients do by themselves is no answer (consent.rs). Where one of two has blocked the other, neither sees anything; and
//! whoever declines the conversation with somebody is not seen by them, whatever else they have in common.

use privmsg_protocol::UserId;
use rusqlite::Connection;

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::row::parse;
use crate::storage::{Result, UserKey};

impl SqliteStorage {
    /// Users who may see when `user` is there.
    pub(crate) async fn watchers(&self, user: UserKey) -> Result<Vec<UserId>> {
        self.read(move |conn| watchers(conn, user)).await
    }

    /// Users whose presence `user` may see.
    pub(crate) async fn watched(&self, user: UserKey) -> Result<Vec<UserId>> {
        self.read(move |conn| watched(conn, user)).await
    }

    /// Whether both have written to each other, so that each may see whether the other is there.
    pub(crate) async fn are_acquainted(&self, user: UserKey, other: UserId) -> Result<bool> {
        self.read(move |conn| are_acquainted(conn, user, &other)).await
    }
}

/// Users who may see `?1`.
const WATCHERS: &str = "SELECT them.user FROM grp_participant me JOIN grp_participant them ON them.grp = me.grp
        WHERE me.user = ?1 AND me.acted = 1 AND me.acted_at >= them.came_at
    UNION SELECT peer FROM contact WHERE user = ?1
    EXCEPT SELECT them.user FROM grp_participant me JOIN grp_participant them ON them.grp = me.grp
        WHERE me.user = ?1 AND me.declined <> 0
    EXCEPT SELECT peer FROM block WHERE user = ?1
    EXCEPT SELECT user FROM block WHERE peer = ?1";

/// Users whom `?1` may see.
const WATCHED: &str = "SELECT them.user FROM grp_participant me JOIN grp_participant them ON them.grp = me.grp
        WHERE me.user = ?1 AND them.acted = 1 AND them.acted_at >= me.came_at
    UNION SELECT user FROM contact WHERE peer = ?1
    EXCEPT SELECT them.user FROM grp_participant me JOIN grp_participant them ON them.grp = me.grp
        WHERE me.user = ?1 AND them.declined <> 0
    EXCEPT SELECT peer FROM block WHERE user = ?1
    EXCEPT SELECT user FROM block WHERE peer = ?1";

pub(super) fn may_see(conn: &Connection, viewer: i64, user: i64) -> Result<bool> {
    conn.one(&format!("SELECT ?2 IN ({WATCHED})"), [viewer, user], |row| row.get(0))
}

/// Whether each of them may see the other.
fn are_acquainted(conn: &Connection, user: UserKey, other: &UserId) -> Result<bool> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM account WHERE user_id = ?2 AND id <> ?1
             AND id IN ({WATCHERS}) AND id IN ({WATCHED}))"
    );
    conn.one(&sql, (user.0, other.as_str()), |row| row.get(0))
}

/// Users who may see `user`.
fn watchers(conn: &Connection, user: UserKey) -> Result<Vec<UserId>> {
    others(conn, user, WATCHERS)
}

/// Users whom `user` may see.
fn watched(conn: &Connection, user: UserKey) -> Result<Vec<UserId>> {
    others(conn, user, WATCHED)
}

fn others(conn: &Connection, user: UserKey, whom: &str) -> Result<Vec<UserId>> {
    let sql = format!("SELECT user_id FROM account WHERE id IN ({whom}) AND id <> ?1");
    conn.all(&sql, [user.0], |row| parse(row, 0))
}
