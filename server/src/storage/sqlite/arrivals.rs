//! What the writer remembers of the table `arrival`: for whom each of the last messages still waits.
//!
//! They are in order of their positions, which grow, with holes where a transaction was undone.

use std::collections::VecDeque;

use rusqlite::Connection;

use super::bounds::Waiting;
use crate::storage::Result;

/// Rows after which they are filed. More would make each filing cheaper by row, and longer (10 ms now), and whoever
/// connects looks through them all.
const ROWS: usize = 2048;

/// Messages from the first one that waits to the last, after which those that do are filed however few they are: one
/// that nobody fetches must not keep all that have come and gone after it.
const SPAN: usize = 16 * 1024;

/// See the module.
pub(super) struct Arrivals {
    /// Whatever waits and is older than the first of them has been filed.
    messages: VecDeque<Arrival>,
    /// Rows of the table.
    rows: usize,
}

struct Arrival {
    position: i64,
    flags: i64,
    sender: i64,
    len: i64,
    waits_for: Devices,
}

enum Devices {
    None,
    One(i64),
    Many(Vec<i64>),
}

/// A message that has been taken out of a mailbox.
pub(super) struct Taken {
    pub(super) flags: i64,
    pub(super) sender: i64,
    pub(super) len: i64,
    /// It waits for nobody any more.
    pub(super) last: bool,
}

/// What is to be known of a message that has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) flags: i64,
    pub(super) sender: i64,
    pub(super) len: i64,
}

impl Arrivals {
    pub(super) fn load(conn: &Connection) -> Result<Self> {
        let mut arrivals = Self { messages: VecDeque::new(), rows: 0 };
        let mut query = conn.prepare_cached(
            "SELECT a.pos, a.device, a.flags, b.sender, a.len FROM arrival a JOIN body b ON b.id = a.pos
             ORDER BY a.pos, a.device",
        )?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let kind = Kind { flags: row.get(2)?, sender: row.get(3)?, len: row.get(4)? };
            arrivals.add(row.get(0)?, kind, &[row.get(1)?]);
        }
        Ok(arrivals)
    }

    /// A message waits for these devices. Positions never go back.
    pub(super) fn add(&mut self, position: i64, kind: Kind, devices: &[i64]) {
        let Kind { flags, sender, len } = kind;
        self.rows += devices.len();
        match self.messages.back_mut().filter(|last| last.position == position) {
            // One more row of the same message.
            Some(last) => last.waits_for.extend(devices),
            None => {
                let waits_for = Devices::new(devices);
                self.messages.push_back(Arrival { position, flags, sender, len, waits_for });
            }
        }
    }

    /// Takes a message out of the mailbox of a device, if it is there.
    pub(super) fn take(&mut self, position: i64, device: i64) -> Option<Taken> {
        let at = self.messages.binary_search_by_key(&position, |arrival| arrival.position).ok()?;
        let arrival = self.messages.get_mut(at)?;
        if !arrival.waits_for.remove(device) {
            return None;
        }
        self.rows -= 1;
        let last = arrival.waits_for.are_none();
        Some(Taken { flags: arrival.flags, sender: arrival.sender, len: arrival.len, last })
    }

    /// What a message in the mailbox of a device is, if it is there.
    pub(super) fn flags_of(&self, position: i64, device: i64) -> Option<i64> {
        let at = self.messages.binary_search_by_key(&position, |arrival| arrival.position).ok()?;
        let arrival = self.messages.get(at)?;
        arrival.waits_for.contain(device).then_some(arrival.flags)
    }

    /// Whether a message is among these, if it waits for anybody.
    pub(super) fn reaches_back_to(&self, position: i64) -> bool {
        self.messages.front().is_some_and(|first| position >= first.position)
    }

    /// Whether no message waits from one position to another, both included.
    pub(super) fn are_gone(&self, from: i64, to: i64) -> bool {
        let first = self.messages.partition_point(|arrival| arrival.position < from);
        let mut between = self.messages.range(first..).take_while(|arrival| arrival.position <= to);
        between.all(|arrival| arrival.waits_for.are_none())
    }

    /// How much of it waits for a device.
    pub(super) fn of(&self, device: i64) -> Waiting {
        let mut waiting = Waiting::default();
        for arrival in self.messages.iter().filter(|arrival| arrival.waits_for.contain(device)) {
            waiting += Waiting::one(arrival.len);
        }
        waiting
    }

    /// Bytes of a sender that wait for anybody.
    pub(super) fn bytes_of(&self, sender: i64) -> i64 {
        let theirs = |arrival: &&Arrival| arrival.sender == sender && !arrival.waits_for.are_none();
        self.messages.iter().filter(theirs).map(|arrival| arrival.len).sum()
    }

    /// Whether they are to be filed.
    pub(super) fn are_many(&self) -> bool {
        self.rows > ROWS || self.messages.len() > SPAN
    }

    /// Forgets the oldest, as far as nobody waits for them any more.
    pub(super) fn trim(&mut self) {
        while self.messages.front().is_some_and(|arrival| arrival.waits_for.are_none()) {
            self.messages.pop_front();
        }
    }
}

impl Devices {
    fn new(devices: &[i64]) -> Self {
        match devices {
            [] => Self::None,
            [device] => Self::One(*device),
            devices => Self::Many(devices.to_vec()),
        }
    }

    fn extend(&mut self, more: &[i64]) {
        let mut devices = match std::mem::replace(self, Self::None) {
            Self::None => Vec::new(),
            Self::One(device) => vec![device],
            Self::Many(devices) => devices,
        };
        devices.extend_from_slice(more);
        *self = Self::Many(devices);
    }

    fn remove(&mut self, device: i64) -> bool {
        match self {
            Self::One(only) if *only == device => {
                *self = Self::None;
                true
            }
            Self::Many(devices) => {
                let at = devices.iter().position(|other| *other == device);
                at.map(|at| devices.swap_remove(at)).is_some()
            }
            Self::None | Self::One(_) => false,
        }
    }

    fn contain(&self, device: i64) -> bool {
        match self {
            Self::None => false,
            Self::One(only) => *only == device,
            Self::Many(devices) => devices.contains(&device),
        }
    }

    const fn are_none(&self) -> bool {
        match self {
            Self::None => true,
            Self::One(_) => false,
            Self::Many(devices) => devices.is_empty(),
        }
    }
}

#[cfg(test)]
impl Arrivals {
    /// Position and device of each row.
    pub(super) fn rows(&self) -> Vec<(i64, i64)> {
        let mut rows = Vec::new();
        for Arrival { position, waits_for, .. } in &self.messages {
            match waits_for {
                Devices::None => {}
                Devices::One(device) => rows.push((*position, *device)),
                Devices::Many(devices) => rows.extend(devices.iter().map(|device| (*position, *device))),
            }
        }
        rows.sort_unstable();
        assert_eq!(rows.len(), self.rows);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flagged(flags: i64) -> Kind {
        Kind { flags, sender: 9, len: 100 }
    }

    fn none() -> Arrivals {
        Arrivals { messages: VecDeque::new(), rows: 0 }
    }

    #[test]
    fn a_message_waits_for_each_until_it_is_taken() {
        let mut arrivals = none();
        arrivals.add(7, flagged(0), &[1]);
        // 8 and 9 were taken back.
        arrivals.add(10, flagged(5), &[1, 2, 3]);
        let of = |device| (arrivals.of(device).messages, arrivals.of(device).bytes);
        assert_eq!((of(1), of(3), of(4), arrivals.rows), ((2, 200), (1, 100), (0, 0), 4));
        assert_eq!((arrivals.bytes_of(9), arrivals.bytes_of(8)), (200, 0));
        assert!(arrivals.take(7, 2).is_none() && arrivals.take(8, 1).is_none() && arrivals.take(11, 1).is_none());
        assert!(arrivals.take(6, 1).is_none() && !arrivals.reaches_back_to(6) && arrivals.reaches_back_to(7));
        assert!(arrivals.take(10, 3).is_some_and(|taken| taken.flags == 5 && !taken.last));
        assert!(arrivals.take(10, 3).is_none(), "once");
        assert!(arrivals.take(10, 1).is_some_and(|taken| !taken.last));
        assert!(!arrivals.are_gone(8, 10) && arrivals.are_gone(8, 9) && !arrivals.are_gone(7, 7));
        assert!(arrivals.take(10, 2).is_some_and(|taken| taken.last));
        assert!(arrivals.are_gone(8, 10));
        arrivals.trim();
        assert!(arrivals.reaches_back_to(7), "7 still waits");
        assert!(arrivals.take(7, 1).is_some_and(|taken| taken.last));
        arrivals.trim();
        assert!(arrivals.messages.is_empty() && arrivals.rows == 0 && !arrivals.reaches_back_to(7));
        arrivals.add(12, flagged(0), &[1]);
        assert!(arrivals.take(12, 1).is_some());
    }

    /// On a full disk each transaction takes positions and is undone, for as long as people try.
    #[test]
    fn positions_that_were_taken_back_cost_nothing() {
        let mut arrivals = none();
        arrivals.add(1, flagged(0), &[1]);
        arrivals.add(1_000_000_000, flagged(0), &[1]);
        assert!(arrivals.messages.capacity() < 100);
        assert!(arrivals.take(999_999_999, 1).is_none() && arrivals.are_gone(2, 999_999_999));
        assert!(arrivals.take(1_000_000_000, 1).is_some_and(|taken| taken.last));
    }

    #[test]
    fn many_rows_are_to_be_filed_and_so_is_one_that_everybody_has_overtaken() {
        let mut arrivals = none();
        arrivals.add(1, flagged(0), &(0..2048).collect::<Vec<_>>());
        assert!(!arrivals.are_many());
        arrivals.add(2, flagged(0), &[1]);
        assert!(arrivals.are_many());
        let mut arrivals = none();
        for position in 1..=16 * 1024 {
            arrivals.add(position, flagged(0), &[1]);
            if position > 1 {
                arrivals.take(position, 1);
                arrivals.trim();
            }
        }
        assert!(!arrivals.are_many());
        arrivals.add(16 * 1024 + 1, flagged(0), &[1]);
        assert!(arrivals.are_many());
    }
}
