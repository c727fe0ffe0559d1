//! Commits that the server took and that others cannot use: it sees neither path secrets nor confirmation tag, and not whether
//! `external_pub` is the epoch's.
//!
//! Who cannot use one says so. Where as many say it as could not well be wrong together, the device that has made it commits
//! no more for a day, in this conversation: two of the same mind can so keep a third one's device from committing, and no
//! more than that. Whose GroupInfo was wrong is blamed for what others, who joined by it, could not do better.

use privmsg_protocol::rest::{TakenCommit, UnusableCommit};
use privmsg_protocol::{ConversationId, Epoch, ErrorCode, GroupId, Opaque};
use rusqlite::{Connection, params};

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::row::parse;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{Refusal, Result, Session, UserKey};

impl SqliteStorage {
    /// Who has made a commit that was taken lately.
    pub(crate) async fn taken_commit(&self, user: UserKey, group_id: GroupId, epoch: Epoch) -> Result<TakenCommit> {
        self.read(move |conn| taken_commit(conn, user, group_id, epoch)).await
    }

    /// Notes that a device cannot use a commit that was taken. Whose commits several users cannot use makes no more for a
    /// while.
    pub(crate) async fn report_unusable(
        &self,
        session: Session,
        group_id: GroupId,
        epoch: Epoch,
        report: UnusableCommit,
    ) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.report_unusable(&session, group_id, epoch, report)).await
    }
}

/// Commits of a group that can be reported. Who is away for longer has others to tell.
const KEPT: u64 = 8;

/// In seconds.
const DAY: i64 = 24 * 3600;

/// Suspended devices from which on all devices of their user are.
const DEVICES: i64 = 2;

fn taken_commit(conn: &Connection, user: UserKey, group_id: GroupId, epoch: Epoch) -> Result<TakenCommit> {
    let group = super::groups::require(conn, user, group_id)?;
    let found = conn.first(
        "SELECT u.user_id, d.device_id, c.external, c.group_info
         FROM grp_commit c JOIN device d ON d.id = c.device JOIN user u ON u.id = c.user
         WHERE c.grp = ?1 AND c.epoch = ?2",
        params![group, epoch.0],
        |row| {
            Ok(TakenCommit {
                user_id: parse(row, 0)?,
                device_id: parse(row, 1)?,
                external: row.get(2)?,
                group_info: Opaque::from_base64(row.get::<_, String>(3)?),
            })
        },
    )?;
    match found {
        Some(taken) => Ok(taken),
        None => Err(Refusal::stale(super::groups::current_epoch(conn, group)?).into()),
    }
}

/// Whose fault it is.
struct Blamed {
    device: i64,
    user: i64,
    /// The epoch that the commit builds on; 0 for whoever has begun the group.
    epoch: Epoch,
}

impl Tx<'_> {
    fn report_unusable(
        &mut self,
        session: &Session,
        group_id: GroupId,
        epoch: Epoch,
        report: UnusableCommit,
    ) -> Result<()> {
        let (user, device) = (session.user.0, session.device.0);
        let entry = self.taking_part(session, group_id)?;
        entry.require_leaf(device)?;
        let (group, chat, people) = (entry.id, entry.chat, entry.participants.len());
        let current = Epoch(entry.epoch.unsigned_abs());
        let blamed = self.blamed(group, epoch, report.group_info, current)?;
        if !self.was_there(group, device, epoch)? {
            let detail = "this device was not in the group then";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
        }
        if blamed.user == user {
            return Err(Refusal::new(ErrorCode::InvalidRequest, "that is of one's own").into());
        }
        if self.is_judged(group, &blamed)? {
            return Ok(());
        }
        let enough = if people > 2 { 2 } else { 1 };
        if self.note_report(group, epoch, report.group_info, user)? >= enough {
            self.suspend(group, &chat, &blamed, current)?;
        }
        Ok(())
    }

    fn blamed(&self, group: i64, epoch: Epoch, before: bool, current: Epoch) -> Result<Blamed> {
        let stale = || Refusal::stale(current);
        let (device, user, external) = self.commit_to(group, epoch)?.ok_or_else(stale)?;
        if !before {
            return Ok(Blamed { device, user, epoch });
        }
        if !external {
            let detail = "a commit by a member does not build on a GroupInfo";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
        }
        if epoch == Epoch(1) {
            return self.conn.one("SELECT creator, founder FROM grp WHERE id = ?1", [group], |row| {
                Ok(Blamed { device: row.get(0)?, user: row.get(1)?, epoch: Epoch(0) })
            });
        }
        let epoch = Epoch(epoch.0.saturating_sub(1));
        let (device, user, _) = self.commit_to(group, epoch)?.ok_or_else(stale)?;
        Ok(Blamed { device, user, epoch })
    }

    /// Whether the device could have followed the commit that builds on this epoch.
    fn was_there(&self, group: i64, device: i64, epoch: Epoch) -> Result<bool> {
        self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM grp_leaf WHERE grp = ?1 AND device = ?2 AND since <= ?3)",
            params![group, device, epoch.0],
            |row| row.get(0),
        )
    }

    fn commit_to(&self, group: i64, epoch: Epoch) -> Result<Option<(i64, i64, bool)>> {
        self.conn.first(
            "SELECT device, user, external FROM grp_commit WHERE grp = ?1 AND epoch = ?2",
            params![group, epoch.0],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
    }

    /// Returns how many users have said so.
    fn note_report(&self, group: i64, epoch: Epoch, before: bool, user: i64) -> Result<i64> {
        self.conn.run(
            "INSERT OR IGNORE INTO unusable (grp, epoch, before, user) VALUES (?1, ?2, ?3, ?4)",
            params![group, epoch.0, before, user],
        )?;
        self.conn.one(
            "SELECT count(*) FROM unusable WHERE grp = ?1 AND epoch = ?2 AND before = ?3",
            params![group, epoch.0, before],
            |row| row.get(0),
        )
    }

    /// Whether the device has been suspended for this commit, or for one after it: once is enough, or two of the same mind
    /// could hold a commit of a year ago against it each day.
    fn is_judged(&self, group: i64, blamed: &Blamed) -> Result<bool> {
        self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM judged WHERE grp = ?1 AND device = ?2 AND before > ?3)",
            params![group, blamed.device, blamed.epoch.0],
            |row| row.get(0),
        )
    }

    fn suspend(&mut self, group: i64, chat: &ConversationId, blamed: &Blamed, current: Epoch) -> Result<()> {
        self.conn.execute("DELETE FROM suspended WHERE until <= ?1", [self.now()])?;
        self.conn.run(
            "INSERT OR REPLACE INTO judged (grp, device, before) VALUES (?1, ?2, ?3)",
            params![group, blamed.device, current.0],
        )?;
        let new = self.conn.run(
            "INSERT OR IGNORE INTO suspended (chat_id, device, user, until) VALUES (?1, ?2, ?3, ?4)",
            params![chat.as_bytes(), blamed.device, blamed.user, self.now() + DAY],
        )?;
        if new == 0 { Ok(()) } else { self.notify(group, blamed.user) }
    }

    /// Refuses a device whose commits others could not use.
    pub(super) fn require_not_suspended(&self, session: &Session, chat: &ConversationId) -> Result<()> {
        let suspended: bool = self.conn.one(
            "SELECT coalesce(max(device = ?2), 0) OR count(*) >= ?5 FROM suspended
             WHERE chat_id = ?1 AND user = ?3 AND until > ?4",
            params![chat.as_bytes(), session.device.0, session.user.0, self.now(), DEVICES],
            |row| row.get(0),
        )?;
        if suspended {
            let detail = "others could not use what this device has committed; it commits nothing here for a day";
            return Err(Refusal::new(ErrorCode::CommitsSuspended, detail).into());
        }
        Ok(())
    }

    /// Notes who takes the group to its next epoch.
    pub(super) fn note_commit(&self, session: &Session, group: i64, external: bool) -> Result<()> {
        self.conn.run(
            "INSERT OR REPLACE INTO grp_commit (grp, epoch, device, user, external, group_info)
             SELECT g.id, g.epoch, ?2, ?3, ?4, s.group_info
             FROM grp g JOIN grp_state s ON s.grp = g.id AND s.epoch = g.epoch
             WHERE g.id = ?1",
            params![group, session.device.0, session.user.0, external],
        )?;
        for table in ["grp_commit", "unusable"] {
            let sql =
                format!("DELETE FROM {table} WHERE grp = ?1 AND epoch + ?2 <= (SELECT epoch FROM grp WHERE id = ?1)");
            self.conn.run(&sql, params![group, KEPT])?;
        }
        Ok(())
    }
}
