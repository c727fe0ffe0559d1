//! What has come through one connection: whether all has that was in the mailbox at some moment, while more is coming.
//!
//! A mailbox is delivered in its order, from its beginning. Once the message has come that was its last at that moment, everything has.

use std::collections::{HashMap, HashSet, VecDeque};

use privmsg_protocol::{Epoch, GroupId, MessageId};

/// Messages that are remembered: more than come while the server says which is the last.
const REMEMBERED: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Read {
    /// The last ones that have come.
    last: VecDeque<MessageId>,
    /// Those that stay in the mailbox, for as long as they are of use: invitations. A server sends no more than so many.
    kept: HashSet<MessageId>,
    awaited: HashMap<GroupId, Awaited>,
}

/// What is to be read before a group is joined anew.
#[derive(Debug, Clone, Copy)]
struct Awaited {
    /// Where this device was in the group when this was found out. What is to be read since it has moved on is something else.
    epoch: Option<Epoch>,
    /// What was the last in the mailbox then.
    first: MessageId,
    /// And when it was asked last: it may have gone, and never come.
    newest: MessageId,
}

impl Read {
    pub(super) fn note(&mut self, ids: impl IntoIterator<Item = MessageId>, kept: Vec<MessageId>) {
        self.last.extend(ids);
        self.last.drain(..self.last.len().saturating_sub(REMEMBERED));
        self.kept.extend(kept);
    }

    fn has(&self, id: &MessageId) -> bool {
        self.kept.contains(id) || self.last.contains(id)
    }

    pub(super) fn has_read_for(&mut self, group: GroupId, epoch: Option<Epoch>, newest: Option<MessageId>) -> bool {
        let before = self.awaited.remove(&group).filter(|awaited| awaited.epoch == epoch);
        let Some(newest) = newest else { return true };
        let known = before.map_or([newest; 2], |before| [before.first, before.newest]);
        if known.iter().chain([&newest]).any(|id| self.has(id)) {
            return true;
        }
        self.awaited.insert(group, Awaited { epoch, first: known[0], newest });
        false
    }

    /// Nothing is to be read for a group any more: another time it is something else.
    pub(super) fn is_done_for(&mut self, group: &GroupId) {
        self.awaited.remove(group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: GroupId = GroupId::from_bytes([7; 16]);

    fn id(number: u16) -> MessageId {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        MessageId::from_bytes(bytes)
    }

    fn asks(read: &mut Read, newest: u16) -> bool {
        read.has_read_for(GROUP, Some(Epoch(1)), Some(id(newest)))
    }

    #[test]
    fn what_comes_later_is_not_waited_for() {
        let mut read = Read::default();
        assert!(read.has_read_for(GROUP, None, None), "the mailbox is empty");
        read.note([id(1)], Vec::new());
        assert!(!asks(&mut read, 3));
        read.note([id(2)], Vec::new());
        assert!(!asks(&mut read, 9));
        read.note([id(3)], Vec::new());
        assert!(asks(&mut read, 20), "somebody goes on talking");
        assert!(!asks(&mut read, 21), "it is another time");
    }

    #[test]
    fn what_has_gone_is_not_waited_for() {
        let mut read = Read::default();
        assert!(!asks(&mut read, 3));
        assert!(!asks(&mut read, 5), "3 is not there any more");
        read.note([id(4), id(5)], Vec::new());
        assert!(asks(&mut read, 8));
    }

    /// What was missing has come, and later something else is. Once, that was taken for read as soon as it was looked for.
    #[test]
    fn what_was_waited_for_once_is_not_what_is_waited_for_now() {
        let mut read = Read::default();
        assert!(!asks(&mut read, 3));
        read.note([id(3)], Vec::new());
        read.is_done_for(&GROUP);
        assert!(!asks(&mut read, 4));
    }

    #[test]
    fn where_this_device_has_moved_on_it_is_another_time() {
        let mut read = Read::default();
        assert!(!asks(&mut read, 3));
        read.note([id(3)], Vec::new());
        assert!(!read.has_read_for(GROUP, Some(Epoch(2)), Some(id(4))));
    }

    /// An invitation that waits for a person stays in the mailbox. Once, no group was joined anew as long as one did.
    #[test]
    fn what_is_kept_has_come() {
        let mut read = Read::default();
        read.note([id(1)], vec![id(1)]);
        let many = u16::try_from(REMEMBERED).unwrap() + 1;
        read.note((2..=many).map(id), Vec::new());
        assert!(!read.last.contains(&id(1)));
        assert!(asks(&mut read, 1));
    }
}
