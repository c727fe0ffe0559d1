//! A write transaction: what all operations that change mailboxes share.

use bytes::Bytes;
use privmsg_protocol::{GroupId, MessageId};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params};

use super::batch::Batch;
use super::cache::Cache;
use super::filing::Left;
use super::group_entry::GroupEntry;
use super::notices::Untold;
use super::query::Query as _;
use super::relay::signed_out;
use super::sent::{SHELVES, Sent};
use crate::storage::{Bounds, Delivery, DeviceKey, Position, Result, Session};

/// Several mailboxes hold the body; `fanout` counts them once they are filed.
pub(super) const SHARED: i64 = 1;
/// The body is a welcome; `welcome` knows to which epoch.
pub(super) const WELCOME: i64 = 2;
/// The body is a notice; `notice` knows about which group.
const NOTICE: i64 = 4;
/// The body is a commit, without which nothing that follows can be read.
pub(super) const COMMIT: i64 = 8;
/// The body stands for messages that were kept back; `withheld` knows which.
const WITHHELD: i64 = 16;

/// The sender of what is the server's own.
pub(super) const SERVER: i64 = 0;

/// What something in a mailbox belongs to: the column `chat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The user who has sent it by itself.
    User(i64),
    /// Nothing: it is the server's own.
    Server,
    Group(i64),
}

impl ToSql for Source {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(match self {
            Self::User(user) => -user,
            Self::Server => 0,
            Self::Group(group) => *group,
        }))
    }
}

impl FromSql for Source {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(match value.as_i64()? {
            0 => Self::Server,
            group if group > 0 => Self::Group(group),
            user => Self::User(user.saturating_neg()),
        })
    }
}

/// What is put into mailboxes, besides its frame.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) message_id: MessageId,
    pub(super) devices: &'a [i64],
    pub(super) flags: i64,
    pub(super) source: Source,
    /// Whose it is.
    pub(super) sender: i64,
}

impl<'a> Piece<'a> {
    pub(super) const fn new(message_id: MessageId, devices: &'a [i64], source: Source, sender: i64) -> Self {
        Self { message_id, devices, flags: 0, source, sender }
    }

    pub(super) const fn commit(self) -> Self {
        Self { flags: self.flags | COMMIT, ..self }
    }

    pub(super) const fn withheld(self) -> Self {
        Self { flags: self.flags | WITHHELD, ..self }
    }
}

/// What the writer keeps between transactions.
pub(super) struct State {
    pub(super) cache: Cache,
    pub(super) sent: Sent,
    pub(super) batch: Batch,
    /// Never goes back while the process lives, also when a transaction does: open connections count on it.
    pub(super) next_position: i64,
    /// As it is in the database.
    pub(super) noted_position: i64,
    /// To be told to the observer after the commit.
    pub(super) deliveries: Vec<Delivery>,
    /// New messages in this transaction, told likewise.
    pub(super) accepted: u64,
    /// Bodies that this transaction has stored, less those that it has deleted.
    pub(super) bodies: i64,
    /// Whether groups are still to be told something. Looked at when the process begins.
    pub(super) untold: Untold,
    /// How much may wait.
    pub(super) bounds: Bounds,
}

impl State {
    /// For one transaction while nobody is connected. What it posts comes behind what waits.
    pub(super) fn of(conn: &Connection) -> Result<Self> {
        let next_position = conn.one("SELECT next_position FROM total", [], |row| row.get(0))?;
        Ok(Self::starting_at(next_position, Bounds::default()))
    }

    /// Remembers nothing yet.
    pub(super) fn starting_at(next_position: i64, bounds: Bounds) -> Self {
        Self {
            cache: Cache::default(),
            sent: Sent::with_shelves(SHELVES),
            batch: Batch::default(),
            next_position,
            noted_position: next_position,
            deliveries: Vec::new(),
            accepted: 0,
            bodies: 0,
            untold: Untold::Some,
            bounds,
        }
    }

    /// Writes how many bodies there are, and which position comes next.
    pub(super) fn write_total(&self, conn: &Connection) -> Result<()> {
        if self.bodies != 0 || self.noted_position != self.next_position {
            let sql = "UPDATE total SET bodies = bodies + ?1, next_position = ?2";
            conn.run(sql, [self.bodies, self.next_position])?;
        }
        Ok(())
    }

    /// Writes what has been gathered, so that the tables are as they should be by now.
    pub(super) fn flush(&mut self, conn: &Connection) -> Result<()> {
        self.cache.flush(conn)?;
        self.sent.write(conn)?;
        if !self.batch.is_empty() {
            let arrivals = self.cache.arrivals(conn)?;
            let deleted = self.batch.write(conn, arrivals)?;
            arrivals.trim();
            self.note_deleted(deleted);
        }
        Ok(())
    }

    /// The tables have gone back to what they were when [`Sent::mark`] said so.
    pub(super) fn back_to(&mut self, sent: i64) {
        self.batch.clear();
        self.sent.back_to(sent);
        self.cache.forget_all();
    }

    /// Counts deleted bodies.
    pub(super) fn note_deleted(&mut self, bodies: usize) {
        self.bodies -= i64::try_from(bodies).unwrap_or(i64::MAX);
    }
}

/// An open write transaction.
pub(super) struct Tx<'a> {
    pub(super) conn: &'a Connection,
    pub(super) state: &'a mut State,
    pub(super) now_ms: i64,
}

impl Tx<'_> {
    pub(super) const fn now(&self) -> i64 {
        self.now_ms / 1000
    }

    /// Refuses a device that is not signed in, or waits to be let in.
    pub(super) fn require_signed_in(&mut self, session: &Session) -> Result<()> {
        match self.state.cache.owner(self.conn, session.device.0)? {
            Some(_) => Ok(()),
            None => Err(signed_out().into()),
        }
    }

    /// The group, for a device that is signed in and whose user takes part in it.
    pub(super) fn taking_part(&mut self, session: &Session, group_id: GroupId) -> Result<&GroupEntry> {
        self.require_signed_in(session)?;
        self.state.cache.group_of(self.conn, session.user.0, group_id)
    }

    /// Puts one message into mailboxes.
    pub(super) fn post(&mut self, piece: Piece<'_>, frame: String) -> Result<()> {
        self.post_flagged(piece, frame)?;
        Ok(())
    }

    /// Puts a welcome into the mailbox of the device that joins, to this group and epoch.
    pub(super) fn post_welcome(&mut self, piece: Piece<'_>, frame: String, to: (i64, i64)) -> Result<()> {
        let position = self.post_flagged(Piece { flags: WELCOME, ..piece }, frame)?;
        let mut insert =
            self.conn.prepare_cached("INSERT INTO welcome (device, pos, grp, epoch) VALUES (?1, ?2, ?3, ?4)")?;
        for device in piece.devices {
            insert.execute(params![device, position, to.0, to.1])?;
        }
        Ok(())
    }

    /// Puts a notice about a group into mailboxes, in place of an older one that still waits there: it says the same,
    /// and a device that stays away must not gather one for every sign-in of the others.
    pub(super) fn post_notice(
        &mut self,
        message_id: MessageId,
        frame: String,
        group: i64,
        devices: &[i64],
    ) -> Result<()> {
        for device in devices {
            let older: Option<i64> =
                self.conn.first("SELECT pos FROM notice WHERE device = ?1 AND grp = ?2", [*device, group], |row| {
                    row.get(0)
                })?;
            if let Some(older) = older {
                self.take(*device, older)?;
            }
        }
        let piece = Piece { flags: NOTICE, ..Piece::new(message_id, devices, Source::Server, SERVER) };
        let position = self.post_flagged(piece, frame)?;
        let mut insert = self.conn.prepare_cached("INSERT INTO notice (device, grp, pos) VALUES (?1, ?2, ?3)")?;
        for device in devices {
            insert.execute([*device, group, position])?;
        }
        Ok(())
    }

    fn post_flagged(&mut self, piece: Piece<'_>, frame: String) -> Result<i64> {
        let (position, devices, message_id) = (self.state.next_position, piece.devices, piece.message_id);
        if devices.is_empty() {
            return Ok(position);
        }
        let shared = if devices.len() > 1 { SHARED } else { 0 };
        let piece = Piece { flags: piece.flags | shared, ..piece };
        self.state.next_position += 1;
        self.state.bodies += 1;
        let frame = Bytes::from(frame);
        self.arrive(position, piece, frame.clone())?;
        self.state.deliveries.extend(devices.iter().map(|device| Delivery {
            device: DeviceKey(*device),
            position: Position(position),
            message_id,
            frame: frame.clone(),
        }));
        Ok(position)
    }

    /// Takes a message out of a mailbox; the last mailbox frees the body. Passes over what is not there.
    pub(super) fn take(&mut self, device: i64, position: i64) -> Result<()> {
        let Some(Left { flags, last }) = self.leave(device, position)? else { return Ok(()) };
        if flags & WELCOME != 0 {
            self.welcome_taken(device, position)?;
        }
        if flags & NOTICE != 0 {
            self.conn.run("DELETE FROM notice WHERE device = ?1 AND pos = ?2", [device, position])?;
        }
        // Of what is not filed, the body goes with the last row.
        if last.is_some() || (flags & SHARED != 0 && !self.last_of_shared(position)?) {
            return Ok(());
        }
        let gone: Option<(i64, i64)> =
            self.conn.first("DELETE FROM body WHERE id = ?1 RETURNING sender, len", [position], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let Some((sender, len)) = gone else { return Ok(()) };
        self.state.note_deleted(1);
        self.state.cache.is_gone(sender, len);
        self.conn.run("UPDATE filed_bytes SET bytes = bytes - ?2 WHERE sender = ?1", [sender, len])?;
        Ok(())
    }

    /// As [`Tx::take`], if it is what stands for messages that were kept back.
    pub(super) fn take_withheld(&mut self, device: i64, position: i64) -> Result<()> {
        match self.flags_of(device, position)? {
            Some(flags) if flags & WITHHELD != 0 => self.take(device, position),
            _ => Ok(()),
        }
    }

    fn last_of_shared(&self, position: i64) -> Result<bool> {
        let pending: i64 = self.conn.one(
            "UPDATE fanout SET pending = pending - 1 WHERE body = ?1 RETURNING pending",
            [position],
            |row| row.get(0),
        )?;
        if pending > 0 {
            return Ok(false);
        }
        self.conn.run("DELETE FROM fanout WHERE body = ?1", [position])?;
        Ok(true)
    }

    fn welcome_taken(&self, device: i64, position: i64) -> Result<()> {
        let group: Option<i64> = self.conn.first(
            "DELETE FROM welcome WHERE device = ?1 AND pos = ?2 RETURNING grp",
            [device, position],
            |row| row.get(0),
        )?;
        group.map_or(Ok(()), |group| self.prune_states(group))
    }

    /// Forgets the states of a group that nobody can ask for any more.
    pub(super) fn prune_states(&self, group: i64) -> Result<()> {
        self.conn.run(
            "DELETE FROM grp_state WHERE grp = ?1
             AND epoch < (SELECT epoch FROM grp WHERE id = ?1)
             AND NOT EXISTS (SELECT 1 FROM welcome w WHERE w.grp = ?1 AND w.epoch = grp_state.epoch)",
            [group],
        )?;
        Ok(())
    }

    /// Takes everything out of a mailbox.
    pub(super) fn empty_mailbox(&mut self, device: i64) -> Result<()> {
        self.state.flush(self.conn)?;
        let positions: Vec<i64> = self.conn.all(
            "SELECT pos FROM mailbox WHERE device = ?1 UNION ALL SELECT pos FROM arrival WHERE device = ?1",
            [device],
            |row| row.get(0),
        )?;
        for position in positions {
            self.take(device, position)?;
        }
        Ok(())
    }
}
