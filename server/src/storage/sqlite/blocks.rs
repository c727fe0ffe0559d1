//! Whom users have blocked, and what is kept from them.
//!
//! While one user blocks another, no message of that other one reaches them: neither one to the user, nor one in the
//! conversation between the two. Whoever is blocked gets the answers that they would get otherwise, and what is refused is
//! refused for the same reasons, so all of that is decided before anybody asks here.
//!
//! When the user was last there stays for whoever is blocked what it was for them before: a time that is gone would tell them.
//!
//! Commits, welcomes and notices are delivered all the same. They say nothing, and without them the devices of whoever
//! blocks would lose the conversation: they could neither go on in it afterwards nor take a device of theirs out of it meanwhile.
//! A message that is kept back has its number in the group like any other, or the other devices of its sender would have a hole.
//! For the devices that it is kept from a notice stands in its place: they miss nothing, and an honest gap is still seen. It is
//! one for all that are kept back in a row, so that nobody fills a mailbox with what does not arrive.

use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::limits::MAX_BLOCKED_USERS;
use privmsg_protocol::rest::BlockedUser;
use privmsg_protocol::{ErrorCode, GroupId, Seq, UserId};
use rusqlite::{Connection, params};

use super::contacts::may_see;
use super::engine::SqliteStorage;
use super::query::Query as _;
use super::row::parse;
use super::tx::{Piece, SERVER, Source, Tx};
use super::writer::Touches;
use crate::frame_text;
use crate::secrets::random_message_id;
use crate::storage::{Blocked, Refusal, Result, Session, UserKey};

impl SqliteStorage {
    /// Nothing that `user_id` sends reaches the session's user any more. `None` if that is so already.
    pub(crate) async fn block(&self, session: Session, user_id: UserId) -> Result<Option<Blocked>> {
        // Says itself what it changes: nobody empties what the writer remembers by blocking and unblocking.
        self.write(Touches::Data, move |tx| tx.block(&session, &user_id)).await
    }

    /// Takes that back. `None` if there was nothing to take back.
    pub(crate) async fn unblock(&self, session: Session, user_id: UserId) -> Result<Option<Blocked>> {
        self.write(Touches::Data, move |tx| tx.unblock(&session, &user_id)).await
    }

    pub(crate) async fn blocked(&self, user: UserKey) -> Result<Vec<BlockedUser>> {
        self.read(move |conn| blocked(conn, user)).await
    }
}

/// Who gets nothing of a message.
#[derive(Clone, Copy)]
pub(super) struct KeptFrom {
    pub(super) user: i64,
    /// The row of the group, if it is a message to one.
    pub(super) group: Option<i64>,
}

/// Users whom `user` has blocked, in the order in which they were.
pub(super) fn blocked(conn: &Connection, user: UserKey) -> Result<Vec<BlockedUser>> {
    conn.all(
        "SELECT u.user_id, b.blocked_at FROM block b JOIN user u ON u.id = b.peer
         WHERE b.user = ?1 ORDER BY b.blocked_at, u.user_id",
        [user.0],
        |row| Ok(BlockedUser { user_id: parse(row, 0)?, blocked_at: row.get(1)? }),
    )
}

pub(super) fn is_blocked(conn: &Connection, user: i64, peer: i64) -> Result<bool> {
    conn.one("SELECT EXISTS (SELECT 1 FROM block WHERE user = ?1 AND peer = ?2)", [user, peer], |row| row.get(0))
}

/// When `user` was last there, as far as `peer` sees it: what they saw before they were blocked.
pub(super) fn seen_before(conn: &Connection, user: i64, peer: i64) -> Result<i64> {
    let sql = "SELECT seen_at FROM block WHERE user = ?1 AND peer = ?2";
    Ok(conn.first(sql, [user, peer], |row| row.get(0))?.unwrap_or_default())
}

impl Tx<'_> {
    /// From the end of this transaction on, `user_id` does not reach the user of the session.
    pub(super) fn block(&mut self, session: &Session, user_id: &UserId) -> Result<Option<Blocked>> {
        let (user, peer) = (session.user.0, self.user(user_id)?);
        if user == peer {
            return Err(Refusal::new(ErrorCode::InvalidRequest, "nobody can block themselves").into());
        }
        let seen = self.seeing(user, peer)?;
        if !self.insert_block(user, peer)? {
            return Ok(None);
        }
        self.blocks_changed(user, peer)?;
        Ok(Some(seen))
    }

    /// Takes that back. What was kept back does not come any more.
    fn unblock(&mut self, session: &Session, user_id: &UserId) -> Result<Option<Blocked>> {
        let (user, peer) = (session.user.0, self.user(user_id)?);
        if !self.delete_block(user, peer)? {
            return Ok(None);
        }
        self.blocks_changed(user, peer)?;
        self.let_in_by(user, peer)?;
        Ok(Some(self.seeing(user, peer)?))
    }

    /// Returns whether there was one.
    pub(super) fn delete_block(&self, user: i64, peer: i64) -> Result<bool> {
        Ok(self.conn.run("DELETE FROM block WHERE user = ?1 AND peer = ?2", [user, peer])? > 0)
    }

    /// Returns whether it is new.
    pub(super) fn insert_block(&self, user: i64, peer: i64) -> Result<bool> {
        if is_blocked(self.conn, user, peer)? {
            return Ok(false);
        }
        let count: i64 = self.conn.one("SELECT count(*) FROM block WHERE user = ?1", [user], |row| row.get(0))?;
        if count.unsigned_abs() >= MAX_BLOCKED_USERS as u64 {
            return Err(Refusal::new(ErrorCode::InvalidRequest, "too many users are blocked; unblock one first").into());
        }
        let is_seen = may_see(self.conn, peer, user)?;
        self.conn.run(
            "INSERT INTO block (user, peer, blocked_at, seen_at)
             SELECT id, ?2, ?3, iif(?4, last_seen_at, 0) FROM user WHERE id = ?1",
            params![user, peer, self.now(), is_seen],
        )?;
        Ok(true)
    }

    /// Tells all devices of `user`, the asking one too: what it was asking for meanwhile may be older.
    fn blocks_changed(&mut self, user: i64, peer: i64) -> Result<()> {
        self.state.cache.forget_block(user, peer);
        self.notify_account(user, None)
    }

    fn seeing(&self, user: i64, peer: i64) -> Result<Blocked> {
        Ok(Blocked { sees_user: may_see(self.conn, peer, user)?, seen_by_user: may_see(self.conn, user, peer)? })
    }

    /// Parts devices that get a message from those that are spared it.
    pub(super) fn parted(&mut self, kept_from: Option<KeptFrom>, devices: Vec<i64>) -> Result<(Vec<i64>, Vec<i64>)> {
        let Some(kept_from) = kept_from else { return Ok((devices, Vec::new())) };
        let (mut reached, mut spared) = (Vec::with_capacity(devices.len()), Vec::new());
        for device in devices {
            match self.state.cache.owner(self.conn, device)? {
                Some(owner) if owner == kept_from.user => spared.push(device),
                _ => reached.push(device),
            }
        }
        Ok((reached, spared))
    }

    /// Tells devices that are spared a message of a group that there was one.
    pub(super) fn keep_from(
        &mut self,
        kept_from: KeptFrom,
        sender: i64,
        (group_id, seq): (GroupId, i64),
        spared: &[i64],
    ) -> Result<()> {
        match kept_from.group {
            Some(group) if !spared.is_empty() => self.withhold(kept_from.user, sender, (group, group_id), seq, spared),
            _ => Ok(()),
        }
    }

    /// Puts a notice in the place of a message, which also stands for those that were kept back right before it.
    fn withhold(
        &mut self,
        user: i64,
        sender: i64,
        (group, group_id): (i64, GroupId),
        seq: i64,
        devices: &[i64],
    ) -> Result<()> {
        let before: Option<(i64, i64, i64)> = self.conn.first(
            "SELECT first_seq, last_seq, pos FROM withheld WHERE grp = ?1 AND user = ?2",
            [group, user],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let first = match before {
            Some((first, last, position)) if last + 1 == seq => {
                for device in devices {
                    self.take_withheld(*device, position)?;
                }
                first
            }
            _ => seq,
        };
        let sender_id: UserId =
            self.conn.one("SELECT user_id FROM user WHERE id = ?1", [sender], |row| parse(row, 0))?;
        let message_id = random_message_id(self.now_ms);
        let notice = DeliveredMessage {
            group_id: Some(group_id),
            first_seq: Some(Seq(first.unsigned_abs())),
            seq: Some(Seq(seq.unsigned_abs())),
            ..self.notice(message_id, sender_id, MessageType::Withheld)
        };
        let position = self.state.next_position;
        self.post(Piece::new(message_id, devices, Source::Server, SERVER).withheld(), frame_text::render(notice))?;
        self.conn.run(
            "INSERT INTO withheld (grp, user, first_seq, last_seq, pos) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET first_seq = ?3, last_seq = ?4, pos = ?5",
            [group, user, first, seq, position],
        )?;
        Ok(())
    }
}
