//! Room in mailboxes: how much waits for each device at most, and what goes where that is reached.
//!
//! A device that does not fetch what is for it stops nobody else: what is new comes in, and in its place what waits already goes,
//!
//! - first of conversations that others have begun and the user has not answered, of the one that holds most; of a group of
//!   people, where whoever has brought the user is somebody whom they have not answered: there many only read;
//! - then of the chat that holds most;
//!
//! the oldest of it, and an eighth of the mailbox at once, so that this is seldom done. If a commit or a welcome was among it
//! the device could read nothing that follows: then all of the chat goes, the device is no leaf of the group any more, and is
//! told that something about the group has changed. It joins anew, and shows what it lacks, as after a restore.
//!
//! How much waits of what a user has sent, wherever, is bounded too, and there it is the user who is refused.

use privmsg_protocol::rest::GroupKind;
use rusqlite::params;

use super::groups::kind_number;
use super::query::Query as _;
use super::row::parse_group_id;
use super::tx::{COMMIT, Source, Tx, WELCOME};
use crate::storage::{Bounds, Result};

/// What waits for a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) messages: i64,
    pub(super) bytes: i64,
}

impl Waiting {
    pub(super) const fn one(bytes: i64) -> Self {
        Self { messages: 1, bytes }
    }

    /// Whether one more message of this size is too much.
    fn is_full(self, bounds: &Bounds, size: i64) -> bool {
        (bounds.messages > 0 && self.messages >= bounds.messages)
            || (bounds.bytes > 0 && self.bytes.saturating_add(size) > bounds.bytes)
    }

    /// Whether it is as much as goes at once.
    const fn is_enough(self, bounds: &Bounds) -> bool {
        (bounds.messages > 0 && self.messages >= bounds.messages / 8)
            || (bounds.bytes > 0 && self.bytes >= bounds.bytes / 8)
    }

    /// For comparing: of which bound it takes the larger part, in millionths.
    fn part(self, bounds: &Bounds) -> i64 {
        let part = |of: i64, bound: i64| if bound > 0 { of.saturating_mul(1_000_000) / bound } else { 0 };
        part(self.messages, bounds.messages).max(part(self.bytes, bounds.bytes))
    }
}

impl std::ops::AddAssign for Waiting {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

impl std::ops::SubAssign for Waiting {
    fn sub_assign(&mut self, other: Self) {
        self.messages -= other.messages;
        self.bytes -= other.bytes;
    }
}

/// What has gone out of a mailbox.
struct Gone {
    what: Waiting,
    /// A commit or a welcome was among it.
    breaks: bool,
}

impl Tx<'_> {
    /// Whether no more of what the user sends may wait.
    pub(super) fn has_too_much(&mut self, sender: i64, size: usize) -> Result<bool> {
        let bound = self.state.bounds.bytes_of_sender;
        if bound == 0 {
            return Ok(false);
        }
        let waiting = *self.state.cache.sent_bytes(self.conn, sender)?;
        Ok(waiting.saturating_add(i64::try_from(size).unwrap_or(i64::MAX)) > bound)
    }

    /// Makes room for a message of this chat. Returns which of the devices get it: not those that have lost the group by
    /// that, and join anew.
    pub(super) fn with_room(&mut self, devices: Vec<i64>, source: Source, size: usize) -> Result<Vec<i64>> {
        let (bounds, size) = (self.state.bounds, i64::try_from(size).unwrap_or(i64::MAX));
        let mut full = Vec::new();
        for device in &devices {
            if self.state.cache.pending(self.conn, *device)?.is_full(&bounds, size) {
                full.push(*device);
            }
        }
        let mut reached = devices;
        for device in full {
            if !self.make_room(device, source, size)? {
                reached.retain(|other| *other != device);
            }
        }
        Ok(reached)
    }

    /// Returns whether the device still gets what is said in the chat.
    fn make_room(&mut self, device: i64, source: Source, size: i64) -> Result<bool> {
        let bounds = self.state.bounds;
        let mut stays = true;
        while self.state.cache.pending(self.conn, device)?.is_full(&bounds, size) {
            // What is left are notices, of which there is one about each matter.
            let Some(largest) = self.largest(device)? else { break };
            if self.evict(device, largest, size)?
                && let Source::Group(group) = largest
            {
                self.drop_leaf(device, group)?;
                stays &= largest != source;
            }
        }
        Ok(stays)
    }

    /// Of what to take something out of a mailbox.
    fn largest(&mut self, device: i64) -> Result<Option<Source>> {
        self.state.flush(self.conn)?;
        let bounds = self.state.bounds;
        let mut query = self.conn.prepare_cached(
            "WITH own AS (SELECT user FROM device WHERE id = ?1)
             SELECT chat, count(*), sum(len), CASE WHEN chat > 0
                 THEN EXISTS (SELECT 1 FROM grp g JOIN grp_participant p ON p.grp = g.id
                     WHERE g.id = chat AND g.kind <> ?2 AND p.user = (SELECT user FROM own)
                         AND iif(g.kind = ?3, p.brought_by <> 0, p.acted = 0 AND p.began = 0))
                 ELSE -chat <> (SELECT user FROM own)
                     AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.user = (SELECT user FROM own) AND c.peer = -chat) END
             FROM (SELECT chat, len FROM mailbox WHERE device = ?1
                 UNION ALL SELECT chat, len FROM arrival WHERE device = ?1)
             WHERE chat <> 0 GROUP BY chat",
        )?;
        let sources: Vec<(bool, i64, Source)> = query
            .query_map(params![device, kind_number(GroupKind::SelfNotes), kind_number(GroupKind::Group)], |row| {
                let waiting = Waiting { messages: row.get(1)?, bytes: row.get(2)? };
                Ok((row.get(3)?, waiting.part(&bounds), row.get(0)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(sources.into_iter().max().map(|(_, _, source)| source))
    }

    /// Takes the oldest of a chat out of a mailbox, or all of it. Returns whether the device has lost the group.
    fn evict(&mut self, device: i64, source: Source, size: i64) -> Result<bool> {
        let bounds = self.state.bounds;
        let rows: Vec<(i64, i64, i64)> = self.conn.all(
            "SELECT pos, flags, len FROM mailbox WHERE device = ?1 AND chat = ?2
             UNION ALL SELECT pos, flags, len FROM arrival WHERE device = ?1 AND chat = ?2 ORDER BY pos",
            params![device, source],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let mut gone = Gone { what: Waiting::default(), breaks: false };
        for (position, flags, len) in rows {
            let has_room = !self.state.cache.pending(self.conn, device)?.is_full(&bounds, size);
            if has_room && gone.what.is_enough(&bounds) && !gone.breaks {
                break;
            }
            self.take(device, position)?;
            gone.what += Waiting::one(len);
            gone.breaks |= flags & (COMMIT | WELCOME) != 0;
        }
        Ok(gone.breaks)
    }

    /// The device is no leaf of the group any more, as far as the server is concerned, and is told. In the tree it is one until
    /// it joins anew or is removed.
    fn drop_leaf(&mut self, device: i64, group: i64) -> Result<()> {
        let group_id =
            self.conn.first("SELECT group_id FROM grp WHERE id = ?1", [group], |row| parse_group_id(row, 0))?;
        // Gone on in another group since.
        let Some(group_id) = group_id else { return Ok(()) };
        self.conn.run("DELETE FROM grp_leaf WHERE grp = ?1 AND device = ?2", [group, device])?;
        self.conn.run("INSERT OR IGNORE INTO lost_leaf (grp, device) VALUES (?1, ?2)", [group, device])?;
        self.state.cache.drop_leaf(group_id, device);
        let owner: i64 = self.conn.one("SELECT user FROM device WHERE id = ?1", [device], |row| row.get(0))?;
        self.post_device_sync(group, owner, &[device])
    }
}
