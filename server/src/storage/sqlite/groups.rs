//! Groups as they are asked for: roster, epoch, public state.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use privmsg_protocol::rest::{Group, GroupDevice, GroupKind, Groups, UnchangedGroup};
use privmsg_protocol::{Epoch, GroupId, Incarnation, Opaque, Seq, UserId};
use rusqlite::{Connection, Row, params};

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::relay::{not_a_member, unknown_group};
use super::rosters;
use super::row::{parse, parse_chat_id, parse_group_id};
use crate::storage::{Refusal, Result, Session, StoredState, UserKey};

impl SqliteStorage {
    /// The user's groups; of those that are as they were at this cursor, the names alone.
    pub(crate) async fn groups(&self, user: UserKey, since: Option<String>) -> Result<Groups> {
        self.read(move |conn| groups(conn, user, since.as_deref())).await
    }

    pub(crate) async fn group(&self, user: UserKey, group_id: GroupId) -> Result<Group> {
        self.read(move |conn| group(conn, user, group_id)).await
    }

    /// The current state, or that of an earlier epoch whose welcome still waits for the device.
    pub(crate) async fn group_state(
        &self,
        session: Session,
        group_id: GroupId,
        epoch: Option<Epoch>,
    ) -> Result<StoredState> {
        self.read(move |conn| state(conn, &session, group_id, epoch)).await
    }

    /// The current state of a group that the user takes part in, to check a commit against.
    pub(crate) async fn state_to_commit_to(&self, user: UserKey, group_id: GroupId) -> Result<Option<StoredState>> {
        self.read(move |conn| current_state(conn, user, group_id)).await
    }
}

/// Numbers of the kinds in the table. Never reused.
pub(super) const fn kind_number(kind: GroupKind) -> i64 {
    match kind {
        GroupKind::Direct => 1,
        GroupKind::Group => 2,
        GroupKind::SelfNotes => 3,
    }
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<GroupKind> {
    match row.get(column)? {
        1 => Ok(GroupKind::Direct),
        2 => Ok(GroupKind::Group),
        3 => Ok(GroupKind::SelfNotes),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}

/// The group's row, if the user takes part in it and is not kept out.
fn find(conn: &Connection, user: UserKey, group_id: GroupId) -> Result<Option<i64>> {
    conn.first(
        "SELECT g.id FROM grp g JOIN grp_participant p ON p.grp = g.id
         WHERE g.group_id = ?1 AND p.user = ?2 AND p.kept_out = 0",
        params![group_id.as_bytes(), user.0],
        |row| row.get(0),
    )
}

pub(super) fn require(conn: &Connection, user: UserKey, group_id: GroupId) -> Result<i64> {
    Ok(find(conn, user, group_id)?.ok_or_else(unknown_group)?)
}

pub(super) fn group(conn: &Connection, user: UserKey, group_id: GroupId) -> Result<Group> {
    let id = require(conn, user, group_id)?;
    load(conn, id)
}

/// A cursor is the number of the last change in any of the user's groups, and the lineage of the database that gave it.
pub(super) fn groups(conn: &Connection, user: UserKey, since: Option<&str>) -> Result<Groups> {
    let lineage: Vec<u8> = conn.one("SELECT lineage FROM last_change", [], |row| row.get(0))?;
    let lineage = URL_SAFE_NO_PAD.encode(lineage);
    let since = since.and_then(|text| text.split_once('.')).filter(|(of, _)| *of == lineage);
    let seen: i64 = since.and_then(|(_, number)| number.parse().ok()).unwrap_or(-1);
    let all: Vec<(i64, UnchangedGroup, i64, bool)> = conn.all(
        "SELECT g.id, g.group_id, g.changed, g.epoch, g.seq,
                 g.kind = ?2 AND (SELECT count(*) FROM grp_participant WHERE grp = g.id) < 2
             FROM grp_participant p JOIN grp g ON g.id = p.grp WHERE p.user = ?1 AND p.kept_out = 0 ORDER BY g.id",
        [user.0, kind_number(GroupKind::Direct)],
        |row| {
            let (group_id, epoch, seq) = (parse_group_id(row, 1)?, Epoch(row.get(3)?), Seq(row.get(4)?));
            Ok((row.get(0)?, UnchangedGroup { group_id, epoch, seq }, row.get(2)?, row.get(5)?))
        },
    )?;
    let newest = all.iter().map(|(_, _, changed, _)| *changed).max().unwrap_or(0);
    // What would be above all that there is, is none of ours.
    let seen = if seen > newest { -1 } else { seen };
    let (mut groups, mut unchanged) = (Vec::new(), Vec::new());
    for (id, group, changed, is_alone) in all {
        // Of a conversation with somebody who was deleted, people have no use: it is told each time that it is one.
        if changed > seen || is_alone {
            groups.push(load(conn, id)?);
        } else {
            unchanged.push(group);
        }
    }
    Ok(Groups { groups, unchanged, cursor: format!("{lineage}.{newest}"), lineage })
}

pub(super) fn load(conn: &Connection, id: i64) -> Result<Group> {
    let participants: Vec<UserId> = conn.all(
        "SELECT u.user_id FROM grp_participant p JOIN user u ON u.id = p.user
         WHERE p.grp = ?1 ORDER BY u.id",
        [id],
        |row| parse(row, 0),
    )?;
    let devices = conn.all(
        "SELECT u.user_id, d.device_id, l.former IS 0, d.removed_at = 0 AND d.waiting = 0,
             (SELECT s.until FROM suspended s
              WHERE s.chat_id = (SELECT chat_id FROM grp WHERE id = ?1) AND s.device = d.id)
         FROM (SELECT device AS id FROM grp_leaf WHERE grp = ?1
               UNION
               SELECT d.id FROM grp_participant p JOIN listed_device d ON d.user = p.user
               WHERE p.grp = ?1) present
         JOIN device d ON d.id = present.id
         JOIN user u ON u.id = d.user
         LEFT JOIN grp_leaf l ON l.grp = ?1 AND l.device = d.id
         ORDER BY d.id",
        [id],
        |row| {
            Ok(GroupDevice {
                user_id: parse(row, 0)?,
                device_id: parse(row, 1)?,
                leaf: row.get(2)?,
                active: row.get(3)?,
                no_commits_until: row.get(4)?,
            })
        },
    )?;
    let (mut group, context) = conn.one(
        "SELECT group_id, kind, epoch, seq, incarnation, chat_id, roster FROM grp WHERE id = ?1",
        [id],
        |row| {
            let group = Group {
                group_id: parse_group_id(row, 0)?,
                kind: kind(row, 1)?,
                chat_id: parse_chat_id(row, 5)?,
                incarnation: Incarnation(row.get(4)?),
                epoch: Epoch(row.get(2)?),
                seq: Seq(row.get(3)?),
                participants,
                devices,
                roster: None,
                steps: Vec::new(),
            };
            Ok((group, row.get(6)?))
        },
    )?;
    if group.kind == GroupKind::Group {
        group.roster = rosters::newest_name(conn, &group.chat_id)?;
        group.steps = rosters::waiting(conn, &group.chat_id, context)?;
    }
    Ok(group)
}

/// The state to join at: the current one, or that of a welcome which still waits for the device.
pub(super) fn state(
    conn: &Connection,
    session: &Session,
    group_id: GroupId,
    epoch: Option<Epoch>,
) -> Result<StoredState> {
    let id = require(conn, session.user, group_id)?;
    let current = current_epoch(conn, id)?;
    let epoch = epoch.unwrap_or(current);
    if epoch != current && !welcome_waits(conn, session, id, epoch)? {
        return Err(Refusal::stale(current).into());
    }
    Ok(read_state(conn, id, epoch)?.ok_or_else(not_a_member)?)
}

fn current_state(conn: &Connection, user: UserKey, group_id: GroupId) -> Result<Option<StoredState>> {
    find(conn, user, group_id)?.map_or(Ok(None), |id| read_state(conn, id, current_epoch(conn, id)?))
}

pub(super) fn current_epoch(conn: &Connection, group: i64) -> Result<Epoch> {
    conn.one("SELECT epoch FROM grp WHERE id = ?1", [group], |row| row.get(0).map(Epoch))
}

fn read_state(conn: &Connection, group: i64, epoch: Epoch) -> Result<Option<StoredState>> {
    let founding_roster = rosters::founding(conn, group)?;
    conn.first(
        "SELECT epoch, seq, group_info, state FROM grp_state WHERE grp = ?1 AND epoch = ?2",
        params![group, epoch.0],
        |row| {
            Ok(StoredState {
                epoch: Epoch(row.get(0)?),
                seq: Seq(row.get(1)?),
                group_info: Opaque::from_base64(row.get::<_, String>(2)?),
                state: row.get(3)?,
                founding_roster,
            })
        },
    )
}

fn welcome_waits(conn: &Connection, session: &Session, group: i64, epoch: Epoch) -> Result<bool> {
    // An epoch that no commit can reach is not in the table either.
    let epoch = i64::try_from(epoch.0).unwrap_or(-1);
    conn.one(
        "SELECT EXISTS (SELECT 1 FROM welcome WHERE device = ?1 AND grp = ?2 AND epoch = ?3)",
        [session.device.0, group, epoch],
        |row| row.get(0),
    )
}
