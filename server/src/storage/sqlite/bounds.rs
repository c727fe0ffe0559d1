//! Room in mailboxes: how much waits for each device at most, and what goes where that is reached.
//!
//! A device that does not fetch what is for it stops nobody else: what is new comes in, and in its place what waits already goes,
//!
//! - first of conversations that others have begun and the user has not answered, of the one that holds most; of a group of
//!   people, where whoever has brought the user is somebody whom they have not answered: there many only read;
//! - then of the chat that holds most; or, where one sender holds more than that in several groups in which the user has said nothing, what
//!   they have said in the one of these in which they hold most. Whoever has been answered once brings the user into as many groups as
//!   they like, and would be small in each. In a chat in which the user has spoken nobody gives way for what they say elsewhere;
//!
//! the oldest of it, and an eighth of the mailbox at once, so that this is seldom done. If a commit or a welcome was among it
//! the device could read nothing that follows: then all of the chat goes, the device is no leaf of the group any more, and is
//! told that something about the group has changed. It joins anew, and shows what it lacks, as after a restore.
//!
//! How much waits of what a user has sent, wherever, is bounded too, and there it is the user who is refused.

use std::collections::BTreeMap;

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

/// What holds most in a mailbox.
#[derive(Clone, Copy)]
struct Largest {
    chat: Source,
    /// Only what this user has sent there.
    of: Option<i64>,
}

/// What waits in a mailbox.
struct Row {
    position: i64,
    flags: i64,
    len: i64,
}

/// What one user has waiting for a device in one chat.
struct Share {
    chat: Source,
    sender: i64,
    /// The user has not answered whoever has begun the chat.
    is_strange: bool,
    /// A group of people in which the user has said nothing.
    is_quiet: bool,
    waiting: Waiting,
}

/// The largest sum of shares that are alike in something, and what they are alike in.
fn most<K: Copy + Ord>(shares: &[&Share], bounds: &Bounds, by: impl Fn(&Share) -> K) -> Option<(i64, K)> {
    let mut sums: BTreeMap<K, Waiting> = BTreeMap::new();
    for share in shares {
        *sums.entry(by(share)).or_default() += share.waiting;
    }
    sums.into_iter().map(|(key, sum)| (sum.part(bounds), key)).max()
}

/// Of what to take something out of the mailbox of a device of `own`.
fn largest_of(shares: &[Share], own: i64, bounds: &Bounds) -> Option<Largest> {
    let chat = |share: &Share| share.chat;
    let strange: Vec<_> = shares.iter().filter(|share| share.is_strange).collect();
    if let Some((_, chat)) = most(&strange, bounds, chat) {
        return Some(Largest { chat, of: None });
    }
    let (in_chat, largest) = most(&shares.iter().collect::<Vec<_>>(), bounds, chat)?;
    let quiet: Vec<_> = shares.iter().filter(|share| share.is_quiet && share.sender != own).collect();
    if let Some((in_all, sender)) = most(&quiet, bounds, |share| share.sender)
        && in_all > in_chat
    {
        let theirs: Vec<_> = quiet.into_iter().filter(|share| share.sender == sender).collect();
        return most(&theirs, bounds, chat).map(|(_, chat)| Largest { chat, of: Some(sender) });
    }
    Some(Largest { chat: largest, of: None })
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
        let (mut stays, mut gone) = (true, Waiting::default());
        while !gone.is_enough(&bounds) || self.state.cache.pending(self.conn, device)?.is_full(&bounds, size) {
            // What is left are notices, of which there is one about each matter.
            let Some(largest) = self.largest(device)? else { break };
            if self.evict(device, largest, (size, &mut gone))?
                && let Source::Group(group) = largest.chat
            {
                self.drop_leaf(device, group)?;
                stays &= largest.chat != source;
            }
        }
        Ok(stays)
    }

    /// Of what to take something.
    fn largest(&mut self, device: i64) -> Result<Option<Largest>> {
        self.state.flush(self.conn)?;
        let own: i64 = self.conn.one("SELECT user FROM device WHERE id = ?1", [device], |row| row.get(0))?;
        let shares: Vec<_> = self.conn.all(
            "SELECT chat, b.sender, count(*), sum(m.len), CASE WHEN chat > 0
                 THEN EXISTS (SELECT 1 FROM grp g JOIN grp_participant p ON p.grp = g.id
                     WHERE g.id = chat AND g.kind <> ?3 AND p.user = ?2
                         AND iif(g.kind = ?4, p.brought_by <> 0, p.acted = 0 AND p.began = 0))
                 ELSE -chat <> ?2 AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.user = ?2 AND c.peer = -chat) END,
                 EXISTS (SELECT 1 FROM grp g JOIN grp_participant p ON p.grp = g.id
                     WHERE g.id = chat AND g.kind = ?4 AND p.user = ?2 AND p.acted = 0)
             FROM (SELECT pos, chat, len FROM mailbox WHERE device = ?1
                 UNION ALL SELECT pos, chat, len FROM arrival WHERE device = ?1) m JOIN body b ON b.id = m.pos
             WHERE chat <> 0 GROUP BY chat, b.sender",
            params![device, own, kind_number(GroupKind::SelfNotes), kind_number(GroupKind::Group)],
            |row| {
                let waiting = Waiting { messages: row.get(2)?, bytes: row.get(3)? };
                let (is_strange, is_quiet) = (row.get(4)?, row.get(5)?);
                Ok(Share { chat: row.get(0)?, sender: row.get(1)?, is_strange, is_quiet, waiting })
            },
        )?;
        Ok(largest_of(&shares, own, &self.state.bounds))
    }

    /// Takes the oldest of what holds most out of a mailbox, or all of its chat, until there is room for a message of this size and enough
    /// has `gone`. Returns whether the device has lost the group.
    fn evict(&mut self, device: i64, largest: Largest, (size, gone): (i64, &mut Waiting)) -> Result<bool> {
        let bounds = self.state.bounds;
        let mut breaks = false;
        for row in self.waiting_of(device, largest)? {
            let has_room = !self.state.cache.pending(self.conn, device)?.is_full(&bounds, size);
            if has_room && gone.is_enough(&bounds) {
                break;
            }
            self.take(device, row.position)?;
            *gone += Waiting::one(row.len);
            breaks = row.flags & (COMMIT | WELCOME) != 0;
            if breaks {
                break;
            }
        }
        if breaks {
            for row in self.waiting_of(device, Largest { of: None, ..largest })? {
                self.take(device, row.position)?;
                *gone += Waiting::one(row.len);
            }
        }
        Ok(breaks)
    }

    /// Oldest first.
    fn waiting_of(&mut self, device: i64, what: Largest) -> Result<Vec<Row>> {
        self.conn.all(
            "SELECT pos, flags, len FROM (SELECT pos, flags, len FROM mailbox WHERE device = ?1 AND chat = ?2
                 UNION ALL SELECT pos, flags, len FROM arrival WHERE device = ?1 AND chat = ?2)
             WHERE ?3 IS NULL OR ?3 = (SELECT sender FROM body WHERE id = pos) ORDER BY pos",
            params![device, what.chat, what.of],
            |row| Ok(Row { position: row.get(0)?, flags: row.get(1)?, len: row.get(2)? }),
        )
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
