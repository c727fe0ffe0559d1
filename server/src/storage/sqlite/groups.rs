//! Groups as they are asked for: roster, epoch, public state.

use privmsg_protocol::rest::{Group, GroupDevice, GroupKind};
use privmsg_protocol::{Epoch, GroupId, Incarnation, Opaque, Seq, UserId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::engine_error;
use super::relay::{not_a_member, unknown_group};
use super::row::{parse, parse_group_id};
use crate::storage::{Refusal, Result, Session, StoredState, UserKey};

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

/// The group's row, if the user takes part in it.
fn find(conn: &Connection, user: UserKey, group_id: GroupId) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached(
        "SELECT g.id FROM grp g JOIN grp_participant p ON p.grp = g.id
         WHERE g.group_id = ?1 AND p.user = ?2",
    )?
    .query_row(params![group_id.as_bytes(), user.0], |row| row.get(0))
    .optional()
}

fn require(conn: &Connection, user: UserKey, group_id: GroupId) -> Result<i64> {
    Ok(find(conn, user, group_id).map_err(engine_error)?.ok_or_else(unknown_group)?)
}

pub(super) fn group(conn: &Connection, user: UserKey, group_id: GroupId) -> Result<Group> {
    let id = require(conn, user, group_id)?;
    load(conn, id).map_err(engine_error)
}

pub(super) fn groups(conn: &Connection, user: UserKey) -> Result<Vec<Group>> {
    let ids: Vec<i64> = conn
        .prepare_cached("SELECT grp FROM grp_participant WHERE user = ?1 ORDER BY grp")
        .and_then(|mut query| query.query_map([user.0], |row| row.get(0))?.collect())
        .map_err(engine_error)?;
    ids.into_iter().map(|id| load(conn, id).map_err(engine_error)).collect()
}

pub(super) fn load(conn: &Connection, id: i64) -> rusqlite::Result<Group> {
    let participants: Vec<UserId> = conn
        .prepare_cached(
            "SELECT u.user_id FROM grp_participant p JOIN user u ON u.id = p.user
             WHERE p.grp = ?1 ORDER BY u.id",
        )?
        .query_map([id], |row| parse(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    let devices = conn
        .prepare_cached(
            "SELECT u.user_id, d.device_id, l.former IS 0, d.removed_at = 0 AND d.waiting = 0
             FROM (SELECT device AS id FROM grp_leaf WHERE grp = ?1
                   UNION
                   SELECT d.id FROM grp_participant p JOIN device d ON d.user = p.user
                   WHERE p.grp = ?1 AND d.removed_at = 0 AND d.waiting = 0) present
             JOIN device d ON d.id = present.id
             JOIN user u ON u.id = d.user
             LEFT JOIN grp_leaf l ON l.grp = ?1 AND l.device = d.id
             ORDER BY d.id",
        )?
        .query_map([id], |row| {
            Ok(GroupDevice {
                user_id: parse(row, 0)?,
                device_id: parse(row, 1)?,
                leaf: row.get(2)?,
                active: row.get(3)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    conn.prepare_cached("SELECT group_id, kind, epoch, seq, incarnation FROM grp WHERE id = ?1")?.query_row(
        [id],
        |row| {
            Ok(Group {
                group_id: parse_group_id(row, 0)?,
                kind: kind(row, 1)?,
                incarnation: Incarnation(row.get(4)?),
                epoch: Epoch(row.get(2)?),
                seq: Seq(row.get(3)?),
                participants,
                devices,
            })
        },
    )
}

/// The state to join at: the current one, or that of a welcome which still waits for the device.
pub(super) fn state(
    conn: &Connection,
    session: &Session,
    group_id: GroupId,
    epoch: Option<Epoch>,
) -> Result<StoredState> {
    let id = require(conn, session.user, group_id)?;
    let current = current_epoch(conn, id).map_err(engine_error)?;
    let epoch = epoch.unwrap_or(current);
    if epoch != current && !welcome_waits(conn, session, id, epoch).map_err(engine_error)? {
        return Err(Refusal::stale(current).into());
    }
    Ok(read_state(conn, id, epoch).map_err(engine_error)?.ok_or_else(not_a_member)?)
}

pub(super) fn current_state(conn: &Connection, user: UserKey, group_id: GroupId) -> Result<Option<StoredState>> {
    find(conn, user, group_id)
        .and_then(|found| found.map_or(Ok(None), |id| read_state(conn, id, current_epoch(conn, id)?)))
        .map_err(engine_error)
}

fn current_epoch(conn: &Connection, group: i64) -> rusqlite::Result<Epoch> {
    conn.prepare_cached("SELECT epoch FROM grp WHERE id = ?1")?.query_row([group], |row| row.get(0).map(Epoch))
}

fn read_state(conn: &Connection, group: i64, epoch: Epoch) -> rusqlite::Result<Option<StoredState>> {
    conn.prepare_cached("SELECT epoch, seq, group_info, state FROM grp_state WHERE grp = ?1 AND epoch = ?2")?
        .query_row(params![group, epoch.0], |row| {
            Ok(StoredState {
                epoch: Epoch(row.get(0)?),
                seq: Seq(row.get(1)?),
                group_info: Opaque::from_base64(row.get::<_, String>(2)?),
                state: row.get(3)?,
            })
        })
        .optional()
}

fn welcome_waits(conn: &Connection, session: &Session, group: i64, epoch: Epoch) -> rusqlite::Result<bool> {
    // An epoch that no commit can reach is not in the table either.
    let epoch = i64::try_from(epoch.0).unwrap_or(-1);
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM welcome WHERE device = ?1 AND grp = ?2 AND epoch = ?3)")?
        .query_row([session.device.0, group, epoch], |row| row.get(0))
}
