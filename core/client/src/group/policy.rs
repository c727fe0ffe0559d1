//! What is different between the kinds of conversations, in one place.

use privmsg_store::chats::ChatKind;

/// How one kind of conversation behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The sender is told that a message has arrived, and, if the reader wants it, that it was read. With many readers
    /// that would be as many messages as everybody's devices for each one.
    pub(crate) receipts: bool,
    /// A message that would reach nobody but its author's own devices waits.
    pub(crate) needs_others: bool,
}

impl Policy {
    pub(crate) const fn of(kind: &ChatKind) -> Self {
        match kind {
            ChatKind::Direct { .. } => Self { receipts: true, needs_others: true },
            ChatKind::SelfNotes => Self { receipts: false, needs_others: false },
            // With many readers that would be as many receipts for each message. Who is alone in a group may still write
            // there, for later.
            ChatKind::Group { .. } => Self { receipts: false, needs_others: false },
        }
    }
}
