//! What waits to be written to one connection. Bounded, whatever the reader at the other end does.
//!
//! A connection is either *live*: committed messages are queued here as they come; or *lagging*: it reads its mailbox
//! from the storage in pages, from its cursor, and what is committed meanwhile is only noted. It begins lagging, goes
//! live when it has read everything, and lags again when its queue is full. Messages lie in the mailbox in any case;
//! the queue only saves reading them back.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use privmsg_protocol::closing;
use tokio::sync::Notify;

use crate::storage::{Delivery, Outcome, Position, Replies, UserKey};

/// Messages in the queue.
const MAX_DELIVERIES: usize = 256;

/// Bytes of messages in the queue, unless a single one is larger.
const MAX_BYTES: usize = 512 * 1024;

/// Notices of typing, presence and calls in the queue; those of the lowest rank are dropped first, the newest before others.
const MAX_EPHEMERAL: usize = 64;

/// Bytes of these notices, unless a single one is larger: whoever calls somebody decides how large a signal is.
const MAX_EPHEMERAL_BYTES: usize = 128 * 1024;

/// The part of these, one in so many, that one user may take: two who are at odds with each other both get through.
const OF_ONE: usize = 4;

/// What a notice is worth where there is no room for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Out of date in a few seconds.
    Typing,
    /// Out of date when it is told again.
    Presence,
    /// A call does not come about without it.
    Call,
}

/// Something that nobody stores.
pub(crate) struct Notice {
    pub(super) rank: Rank,
    /// Who has caused it.
    pub(super) from: UserKey,
    pub(crate) frame: Bytes,
}

/// Why the server ends a connection. The numbers are WebSocket close codes (RFC 6455, section 7.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The server stops; come back then.
    GoingAway { retry_after_ms: u64 },
    /// The frame is larger than the server reads.
    TooBig,
    /// The session has ended: signed out, revoked, deleted, token too old or wrong.
    SessionEnded,
    /// The device does not stand in the account's device list.
    NotListed,
    /// The same device has connected anew.
    Replaced,
    /// No `authenticate` in time, or nothing heard for too long.
    TimedOut,
    /// More frames or connections than the limits allow, for long.
    Flooding,
}

impl CloseReason {
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::GoingAway { .. } => closing::GOING_AWAY,
            Self::TooBig => 1009,
            Self::SessionEnded => 4001,
            Self::NotListed => closing::NOT_LISTED,
            Self::Replaced => 4002,
            Self::TimedOut => 4003,
            Self::Flooding => 4004,
        }
    }

    pub(crate) fn text(self) -> Cow<'static, str> {
        match self {
            Self::GoingAway { retry_after_ms } => closing::going_away(retry_after_ms).into(),
            Self::TooBig => "the frame is too large".into(),
            Self::SessionEnded => "the session has ended".into(),
            Self::NotListed => "the device waits to be let in".into(),
            Self::Replaced => "this device has connected anew".into(),
            Self::TimedOut => "nothing was heard or taken for too long".into(),
            Self::Flooding => "too many frames or connections; come back later".into(),
        }
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: Mutex<Waiting>,
    /// There is something to write.
    pub(crate) wake: Notify,
    /// The connection is to end now, even if it is stuck writing.
    pub(crate) closing: Notify,
}

struct Waiting {
    deliveries: VecDeque<Delivery>,
    bytes: usize,
    lagging: bool,
    newest: Position,
    outcomes: Vec<Outcome>,
    ephemeral: VecDeque<Notice>,
    ephemeral_bytes: usize,
    close: Option<CloseReason>,
    /// The connection has been woken and has not looked yet.
    woken: bool,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            deliveries: VecDeque::new(),
            bytes: 0,
            lagging: true,
            newest: Position::default(),
            outcomes: Vec::new(),
            ephemeral: VecDeque::new(),
            ephemeral_bytes: 0,
            close: None,
            woken: false,
        }
    }
}

impl Waiting {
    /// Whether there is room for a notice of this rank and size, once those of a lower rank that are in its way are dropped.
    fn make_room(&mut self, notice: &Notice) -> bool {
        let (rank, len) = (notice.rank, notice.frame.len());
        let (mut staying, mut bytes, mut own, mut own_bytes) = (0, 0, 0, 0);
        for other in self.ephemeral.iter().filter(|other| other.rank >= rank) {
            (staying, bytes) = (staying + 1, bytes + other.frame.len());
            if other.from == notice.from {
                (own, own_bytes) = (own + 1, own_bytes + other.frame.len());
            }
        }
        if own > 0 && (own >= MAX_EPHEMERAL / OF_ONE || own_bytes + len > MAX_EPHEMERAL_BYTES / OF_ONE) {
            return false;
        }
        let fits = |notices: usize, bytes: usize| {
            notices == 0 || (notices < MAX_EPHEMERAL && bytes + len <= MAX_EPHEMERAL_BYTES)
        };
        if !fits(staying, bytes) {
            return false;
        }
        while !fits(self.ephemeral.len(), self.ephemeral_bytes) {
            let lowest = self.ephemeral.iter().map(|other| other.rank).min();
            let Some(at) = self.ephemeral.iter().rposition(|other| Some(other.rank) == lowest) else { break };
            if let Some(dropped) = self.ephemeral.remove(at) {
                self.ephemeral_bytes -= dropped.frame.len();
            }
        }
        true
    }
}

/// What a connection takes out to write.
pub(crate) struct Drained {
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) deliveries: VecDeque<Delivery>,
    pub(crate) ephemeral: VecDeque<Notice>,
    /// The queue is empty and the mailbox holds more than was queued, as far as known.
    pub(crate) lagging: bool,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, waiting: &mut Waiting) {
        if !std::mem::replace(&mut waiting.woken, true) {
            self.wake.notify_one();
        }
    }

    /// A message has been committed to this device's mailbox.
    pub(super) fn push(&self, delivery: Delivery) {
        let mut waiting = self.lock();
        waiting.newest = delivery.position;
        let len = delivery.frame.len();
        let full = waiting.deliveries.len() >= MAX_DELIVERIES
            || (waiting.bytes + len > MAX_BYTES && !waiting.deliveries.is_empty());
        if full {
            waiting.lagging = true;
        }
        if !waiting.lagging {
            waiting.bytes += len;
            waiting.deliveries.push_back(delivery);
        }
        self.wake(&mut waiting);
    }

    pub(super) fn push_ephemeral(&self, notice: Notice) {
        let mut waiting = self.lock();
        if waiting.make_room(&notice) {
            waiting.ephemeral_bytes += notice.frame.len();
            waiting.ephemeral.push_back(notice);
            self.wake(&mut waiting);
        }
    }

    pub(crate) fn close(&self, reason: CloseReason) {
        self.lock().close.get_or_insert(reason);
        self.closing.notify_one();
    }

    pub(crate) fn close_reason(&self) -> Option<CloseReason> {
        self.lock().close
    }

    /// Takes out what there is, but at most `room` messages, and notices only if `ephemeral`.
    pub(crate) fn drain(&self, room: usize, ephemeral: bool) -> Drained {
        let mut waiting = self.lock();
        waiting.woken = false;
        let deliveries = if waiting.deliveries.len() <= room {
            waiting.bytes = 0;
            std::mem::take(&mut waiting.deliveries)
        } else {
            let taken: VecDeque<_> = waiting.deliveries.drain(..room).collect();
            waiting.bytes -= taken.iter().map(|delivery| delivery.frame.len()).sum::<usize>();
            taken
        };
        let ephemeral = if ephemeral {
            waiting.ephemeral_bytes = 0;
            std::mem::take(&mut waiting.ephemeral)
        } else {
            VecDeque::new()
        };
        Drained {
            outcomes: std::mem::take(&mut waiting.outcomes),
            deliveries,
            ephemeral,
            lagging: waiting.lagging && waiting.deliveries.is_empty(),
        }
    }

    /// Messages in the queue.
    pub(super) fn queued(&self) -> u64 {
        self.lock().deliveries.len() as u64
    }

    /// The newest position that is known to have been committed.
    pub(crate) fn newest(&self) -> Position {
        self.lock().newest
    }

    /// The mailbox has been read up to `cursor`. Goes live, unless more has been committed since.
    pub(crate) fn go_live(&self, cursor: Position) -> bool {
        let mut waiting = self.lock();
        if waiting.newest <= cursor {
            waiting.lagging = false;
        }
        !waiting.lagging
    }
}

impl Replies for Outbox {
    fn replied(&self, outcomes: Vec<Outcome>) {
        let mut waiting = self.lock();
        if waiting.outcomes.is_empty() {
            waiting.outcomes = outcomes;
        } else {
            waiting.outcomes.extend(outcomes);
        }
        self.wake(&mut waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::DeviceKey;
    use privmsg_protocol::MessageId;

    fn delivery(position: i64, len: usize) -> Delivery {
        Delivery {
            device: DeviceKey(1),
            position: Position(position),
            message_id: MessageId::from_bytes([0; 16]),
            frame: Bytes::from(vec![b'x'; len]),
        }
    }

    fn live() -> Outbox {
        let outbox = Outbox::default();
        assert!(outbox.go_live(Position(0)));
        outbox
    }

    #[test]
    fn a_full_queue_falls_back_to_the_mailbox_and_keeps_the_order() {
        let outbox = live();
        for position in 1..=300 {
            outbox.push(delivery(position, 10));
        }
        let drained = outbox.drain(1000, true);
        assert_eq!(drained.deliveries.len(), MAX_DELIVERIES);
        assert_eq!(drained.deliveries[0].position, Position(1));
        assert!(drained.lagging);
        assert!(!outbox.go_live(Position(256)), "44 more are in the mailbox");
        assert!(outbox.go_live(Position(300)));
    }

    #[test]
    fn large_messages_fill_the_queue_by_their_size() {
        let outbox = live();
        outbox.push(delivery(1, 4 * MAX_BYTES));
        outbox.push(delivery(2, 1));
        let drained = outbox.drain(1000, true);
        assert_eq!(drained.deliveries.len(), 1);
        assert!(drained.lagging);
    }

    #[test]
    fn only_as_much_is_taken_as_there_is_room() {
        let outbox = live();
        for position in 1..=5 {
            outbox.push(delivery(position, 10));
        }
        assert_eq!(outbox.drain(2, true).deliveries.len(), 2);
        assert_eq!(outbox.drain(0, true).deliveries.len(), 0);
        assert_eq!(outbox.drain(9, true).deliveries[0].position, Position(3));
    }

    fn notice(rank: Rank, from: i64, len: usize) -> Notice {
        Notice { rank, from: UserKey(from), frame: Bytes::from(vec![b'x'; len]) }
    }

    #[test]
    fn notices_are_bounded_by_number_and_by_size() {
        let outbox = live();
        let queued = |len: usize, times: i64| {
            (0..times).for_each(|from| outbox.push_ephemeral(notice(Rank::Call, from, len)));
            outbox.drain(0, true).ephemeral.len()
        };
        assert_eq!(queued(10, 100), MAX_EPHEMERAL);
        assert_eq!(queued(60 * 1024, 100), 2);
        assert_eq!(queued(1024 * 1024, 100), 1);
        assert_eq!(queued(60 * 1024, 2), 2, "taking them out makes room");
    }

    /// One who called again and again kept others from calling.
    #[test]
    fn nobody_takes_more_than_a_part() {
        let outbox = live();
        for (len, taken) in [(10, MAX_EPHEMERAL / 4), (10 * 1024, 3), (100 * 1024, 1)] {
            (0..100).for_each(|_| outbox.push_ephemeral(notice(Rank::Call, 1, len)));
            outbox.push_ephemeral(notice(Rank::Call, 2, 10));
            let queued = outbox.drain(0, true).ephemeral;
            assert_eq!(queued.iter().map(|one| one.from.0).filter(|from| *from == 1).count(), taken);
            assert_eq!(queued.len(), taken + 1);
        }
    }

    #[test]
    fn a_call_is_not_lost_to_those_who_type() {
        let outbox = live();
        for rank in [Rank::Presence, Rank::Typing] {
            (0..40).for_each(|from| outbox.push_ephemeral(notice(rank, from, 1)));
        }
        (0..30).for_each(|from| outbox.push_ephemeral(notice(Rank::Call, from, 1)));
        let ranks: Vec<_> = outbox.drain(0, true).ephemeral.into_iter().map(|one| one.rank).collect();
        let count = |rank| ranks.iter().filter(|other| **other == rank).count();
        assert_eq!(count(Rank::Call), 30);
        assert_eq!((count(Rank::Presence), count(Rank::Typing)), (MAX_EPHEMERAL - 30, 0));
        outbox.push_ephemeral(notice(Rank::Typing, 1, 100 * 1024));
        outbox.push_ephemeral(notice(Rank::Call, 1, 100 * 1024));
        let left = outbox.drain(0, true).ephemeral;
        assert_eq!(left.iter().map(|one| one.rank).collect::<Vec<_>>(), [Rank::Call]);
        outbox.push_ephemeral(notice(Rank::Call, 1, 1));
        assert_eq!(outbox.drain(0, true).ephemeral.len(), 1, "what was dropped takes no room");
    }
}
