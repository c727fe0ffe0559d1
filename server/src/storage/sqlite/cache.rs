//! What the writer remembers between transactions, so that an ordinary message needs no lookup.
//!
//! The writer is the only one that changes this data, so the memory is right as long as it is dropped when a
//! transaction rolls back or an operation changes accounts, devices or groups ([`Cache::forget`]); a login, of which
//! there are many, drops only the list that it changes. The one outside writer, the command line, only writes down what
//! it asks for, and the writer itself carries that out.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use privmsg_protocol::{GroupId, UserId};
use rusqlite::{Connection, params};

use super::arrivals::Arrivals;
use super::bounds::Waiting;
use super::group_entry::GroupEntry;
use super::query::Query as _;
use super::relay::unknown_group;
use crate::storage::Result;

/// Entries in one map before all are dropped: bounds the memory, far above what is active at a time.
const MAX_ENTRIES: usize = 20_000;

#[derive(Default)]
pub(super) struct Cache {
    devices: HashMap<i64, Option<i64>>,
    users: HashMap<UserId, i64>,
    devices_of: HashMap<i64, Rc<[i64]>>,
    groups: HashMap<GroupId, GroupEntry>,
    /// Groups whose `seq` is ahead of the table.
    numbered: Vec<GroupId>,
    pending: HashMap<i64, Waiting>,
    /// Bytes of what users have sent and waits for anybody.
    sent_bytes: HashMap<i64, i64>,
    /// Loaded when they are first asked for.
    arrivals: Option<Arrivals>,
    contacts: HashSet<(i64, i64)>,
    /// The one has answered the other.
    answered: HashSet<(i64, i64)>,
    /// Whether the one has blocked the other.
    blocks: HashMap<(i64, i64), bool>,
}

impl Cache {
    /// Drops what depends on accounts, devices and groups.
    pub(super) fn forget(&mut self) {
        debug_assert!(self.numbered.is_empty(), "numbers given out are written first");
        self.devices.clear();
        self.users.clear();
        self.devices_of.clear();
        self.groups.clear();
        self.contacts.clear();
        self.answered.clear();
        self.blocks.clear();
    }

    /// Drops everything, because the tables went back to what they were before.
    pub(super) fn forget_all(&mut self) {
        *self = Self::default();
    }

    /// Keeps the memory bounded.
    pub(super) fn trim(&mut self) {
        let largest = [
            self.devices.len(),
            self.users.len(),
            self.devices_of.len(),
            self.groups.len(),
            self.pending.len(),
            self.sent_bytes.len(),
            self.contacts.len(),
            self.answered.len(),
            self.blocks.len(),
        ];
        if largest.iter().any(|len| *len > MAX_ENTRIES) {
            self.forget_all();
        }
    }

    /// The owner of a device that is signed in and does not wait to be let in.
    pub(super) fn owner(&mut self, conn: &Connection, device: i64) -> Result<Option<i64>> {
        if let Some(owner) = self.devices.get(&device) {
            return Ok(*owner);
        }
        let owner = conn.first("SELECT user FROM listed_device WHERE id = ?1", [device], |row| row.get(0))?;
        self.devices.insert(device, owner);
        Ok(owner)
    }

    /// A user who is neither deleted nor revoked.
    pub(super) fn account(&mut self, conn: &Connection, user_id: &UserId) -> Result<Option<i64>> {
        if let Some(user) = self.users.get(user_id) {
            return Ok(Some(*user));
        }
        let found =
            conn.first("SELECT id FROM active_account WHERE user_id = ?1", [user_id.as_str()], |row| row.get(0))?;
        if let Some(user) = found {
            self.users.insert(user_id.clone(), user);
        }
        Ok(found)
    }

    /// The user's devices that are signed in and do not wait to be let in.
    pub(super) fn devices_of(&mut self, conn: &Connection, user: i64) -> Result<Rc<[i64]>> {
        if let Some(devices) = self.devices_of.get(&user) {
            return Ok(Rc::clone(devices));
        }
        let devices: Rc<[i64]> =
            conn.all("SELECT id FROM listed_device WHERE user = ?1 ORDER BY id", [user], |row| row.get(0))?;
        self.devices_of.insert(user, Rc::clone(&devices));
        Ok(devices)
    }

    /// Drops which devices the user has.
    pub(super) fn forget_devices_of(&mut self, user: i64) {
        self.devices_of.remove(&user);
    }

    pub(super) fn group(&mut self, conn: &Connection, group_id: GroupId) -> Result<Option<&GroupEntry>> {
        use std::collections::hash_map::Entry;
        match self.groups.entry(group_id) {
            Entry::Occupied(entry) => Ok(Some(entry.into_mut())),
            Entry::Vacant(entry) => Ok(GroupEntry::load(conn, group_id)?.map(|group| &*entry.insert(group))),
        }
    }

    /// The group, if the user takes part in it and is not kept out.
    pub(super) fn group_of(&mut self, conn: &Connection, user: i64, group_id: GroupId) -> Result<&GroupEntry> {
        match self.group(conn, group_id)? {
            Some(group) if group.admits(user) => Ok(group),
            _ => Err(unknown_group().into()),
        }
    }

    /// How much waits for the device.
    pub(super) fn pending(&mut self, conn: &Connection, device: i64) -> Result<&mut Waiting> {
        use std::collections::hash_map::Entry;
        match self.pending.entry(device) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let mut waiting = conn.one(
                    "SELECT count(*), coalesce(sum(len), 0) FROM mailbox WHERE device = ?1",
                    [device],
                    |row| Ok(Waiting { messages: row.get(0)?, bytes: row.get(1)? }),
                )?;
                waiting += known(&mut self.arrivals, conn)?.of(device);
                Ok(entry.insert(waiting))
            }
        }
    }

    /// Bytes of what the user has sent and waits for anybody.
    pub(super) fn sent_bytes(&mut self, conn: &Connection, sender: i64) -> Result<&mut i64> {
        use std::collections::hash_map::Entry;
        match self.sent_bytes.entry(sender) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let filed: Option<i64> =
                    conn.first("SELECT bytes FROM filed_bytes WHERE sender = ?1", [sender], |row| row.get(0))?;
                let arrived = known(&mut self.arrivals, conn)?.bytes_of(sender);
                Ok(entry.insert(filed.unwrap_or_default() + arrived))
            }
        }
    }

    /// Notes that a body of the sender is gone, if their bytes are known.
    pub(super) fn is_gone(&mut self, sender: i64, len: i64) {
        if let Some(bytes) = self.sent_bytes.get_mut(&sender) {
            *bytes -= len;
        }
    }

    /// The device is no leaf of the group any more.
    pub(super) fn drop_leaf(&mut self, group_id: GroupId, device: i64) {
        let without = |devices: &[i64]| devices.iter().copied().filter(|other| *other != device).collect();
        if let Some(group) = self.groups.get_mut(&group_id) {
            group.leaves = without(&group.leaves);
            group.active = without(&group.active);
        }
    }

    pub(super) fn arrivals(&mut self, conn: &Connection) -> Result<&mut Arrivals> {
        known(&mut self.arrivals, conn)
    }

    /// All that has arrived has been filed.
    pub(super) fn filed(&mut self) {
        self.arrivals = None;
    }

    /// Notes that a message of the device has been taken out, if its count is known.
    pub(super) fn taken(&mut self, device: i64, what: Waiting) {
        if let Some(pending) = self.pending.get_mut(&device) {
            *pending -= what;
        }
    }

    /// Whether `user` writes to `peer` for the first time, as far as remembered.
    pub(super) fn new_contact(&mut self, user: i64, peer: i64) -> bool {
        self.contacts.insert((user, peer))
    }

    /// Whether `peer` is known to have answered `user`.
    pub(super) fn is_answered(&self, peer: i64, user: i64) -> bool {
        self.answered.contains(&(peer, user))
    }

    pub(super) fn note_answered(&mut self, peer: i64, user: i64) {
        self.answered.insert((peer, user));
    }

    /// Whether `user` has blocked `peer`.
    pub(super) fn blocks(&mut self, conn: &Connection, user: i64, peer: i64) -> Result<bool> {
        if let Some(blocks) = self.blocks.get(&(user, peer)) {
            return Ok(*blocks);
        }
        let blocks = super::blocks::is_blocked(conn, user, peer)?;
        self.blocks.insert((user, peer), blocks);
        Ok(blocks)
    }

    /// Drops whether `user` has blocked `peer`.
    pub(super) fn forget_block(&mut self, user: i64, peer: i64) {
        self.blocks.remove(&(user, peer));
    }

    /// Drops what is known of groups. What they have given out has to be written before.
    pub(super) fn forget_groups(&mut self) {
        debug_assert!(self.numbered.is_empty(), "numbers given out are written first");
        self.groups.clear();
    }

    /// The user has done something in the group.
    pub(super) fn has_acted(&mut self, group_id: GroupId, user: i64) {
        let Some(group) = self.groups.get_mut(&group_id) else { return };
        group.silent.retain(|silent| *silent != user);
        group.unheard.retain(|unheard| *unheard != user);
        group.declined.retain(|declined| *declined != user);
        group.brought.retain(|(brought, _)| *brought != user);
        let answered = group.participants.clone();
        answered.iter().for_each(|by| self.has_answered(user, *by));
    }

    /// The user has answered whoever brought them into groups.
    pub(super) fn has_answered(&mut self, user: i64, by: i64) {
        self.groups.values_mut().for_each(|group| group.brought.retain(|brought| *brought != (user, by)));
    }

    /// The next place in the history of a group that has been looked up in this transaction.
    pub(super) fn take_seq(&mut self, group_id: GroupId) -> i64 {
        let Some(group) = self.groups.get_mut(&group_id) else {
            unreachable!("the group was looked up before, and only the end of a transaction forgets it");
        };
        group.seq += 1;
        if !group.numbered {
            group.numbered = true;
            self.numbered.push(group_id);
        }
        group.seq
    }

    /// Writes the numbers that groups have given out. Once per group and transaction, not once per message.
    pub(super) fn flush(&mut self, conn: &Connection) -> Result<()> {
        for group_id in self.numbered.drain(..) {
            if let Some(group) = self.groups.get_mut(&group_id) {
                conn.run("UPDATE grp SET seq = ?2 WHERE id = ?1", params![group.id, group.seq])?;
                group.numbered = false;
            }
        }
        Ok(())
    }
}

fn known<'a>(arrivals: &'a mut Option<Arrivals>, conn: &Connection) -> Result<&'a mut Arrivals> {
    match arrivals {
        Some(arrivals) => Ok(arrivals),
        unknown => Ok(unknown.insert(Arrivals::load(conn)?)),
    }
}
