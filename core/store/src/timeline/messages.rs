//! Messages as people read them.

mod changing;
mod reading;

use privmsg_protocol::{DeviceId, MessageId, UserId};

use crate::chats::ChatId;
use crate::position::{Place, Position};

pub use changing::{delete, expire, forget, insert, set_content, set_failed, set_sent};
pub(crate) use changing::{set_held, set_queued};
pub use reading::{
    after, before, between, find, find_of, first_expiry, first_unread, is_gone, load, load_shown, newest, notices_from,
    received_after, unread,
};

/// What a message is: the number of its content's kind, or a notice of this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub i64);

impl Kind {
    /// Notice of this device: the sender's identity key is another one than before. Has no content.
    pub const IDENTITY_CHANGED: Self = Self(-1);

    /// What came is no content that this version could read. Kept as it came.
    pub const UNREADABLE: Self = Self(-2);

    /// Notice of this device: the conversation was joined at an epoch that this device had seen before. Has no content.
    pub const WENT_BACK: Self = Self(-3);

    /// Notice of this device: people in the group, or their roles, are others than before. Says which.
    pub const GROUP_CHANGED: Self = Self(-4);

    /// Notice of this device: another device of its user's, or of a contact whose key is held fast, has been let in. The
    /// content is its name.
    pub const DEVICE_ADDED: Self = Self(-6);

    /// Notice of this device: another device of its user's was signed out. The content is its name.
    pub const DEVICE_REMOVED: Self = Self(-5);

    /// A content as it came, of a device that does not stand in its account's device list.
    pub const UNLISTED: Self = Self(-10);

    /// A content as it came, of somebody under another identity key than the one that the sender is known by.
    pub const OTHER_KEY: Self = Self(-19);

    /// Notice of this device: there are two device lists of the sender's account with one number. Has no content.
    pub const LIST_CONFLICT: Self = Self(-11);

    /// Notice of this device: the server has a device list of the sender's account by another identity. Has no content.
    pub const FOREIGN_LIST: Self = Self(-12);
    /// Notice of this device: another device of its user's knows the sender by another identity key. The content is its name.
    pub const KNOWN_OTHERWISE: Self = Self(-7);

    /// Notice of this device: contacts that a device knew wait to be confirmed, which was removed as stolen. Has no content.
    pub const TO_CONFIRM: Self = Self(-8);

    /// Notice of this device: it was signed out by another one of its user's. The content is that one's name.
    pub const SIGNED_OUT_HERE: Self = Self(-9);

    /// Notice of this device: another device of its user's has declined or left the chat. The content is its name.
    pub const DECLINED_ELSEWHERE: Self = Self(-13);

    /// Notice of this device: another device of its user's has let the chat in. The content is its name.
    pub const ACCEPTED_ELSEWHERE: Self = Self(-14);

    /// Notice of this device: what another device had decided about the chat counts no more, for it was removed as stolen. The
    /// content is its name.
    pub const DECISION_UNDONE: Self = Self(-15);

    /// Notice of this device: another device of its user's has not been there for long, as the server says: since the date of the
    /// message. The content is its name.
    pub const DEVICE_UNSEEN: Self = Self(-16);

    /// Notice of this device: a device of its user's was removed as stolen, and so much has been changed in the group in the account's
    /// name since it came. The content is that, with the device's name.
    pub const STEPS_TO_CONFIRM: Self = Self(-17);

    /// Notice of this device: another one of its user's has blocked somebody or taken that back, or the server says that the user has,
    /// which none of their devices has told of. The content says which.
    pub const BLOCKS_CHANGED: Self = Self(-18);

    /// Whether it is a notice of what somebody should look at whatever they want of the chat.
    #[must_use]
    pub const fn is_alarm(self) -> bool {
        matches!(
            self,
            Self::IDENTITY_CHANGED
                | Self::WENT_BACK
                | Self::DEVICE_ADDED
                | Self::LIST_CONFLICT
                | Self::FOREIGN_LIST
                | Self::KNOWN_OTHERWISE
                | Self::DECISION_UNDONE
        )
    }

    /// Whether it is a notice of this device, which nobody has sent.
    #[must_use]
    pub const fn is_notice(self) -> bool {
        matches!(
            self,
            Self::IDENTITY_CHANGED
                | Self::WENT_BACK
                | Self::GROUP_CHANGED
                | Self::DEVICE_ADDED
                | Self::DEVICE_REMOVED
                | Self::LIST_CONFLICT
                | Self::FOREIGN_LIST
                | Self::KNOWN_OTHERWISE
                | Self::TO_CONFIRM
                | Self::SIGNED_OUT_HERE
                | Self::DECLINED_ELSEWHERE
                | Self::ACCEPTED_ELSEWHERE
                | Self::DECISION_UNDONE
                | Self::DEVICE_UNSEEN
                | Self::STEPS_TO_CONFIRM
                | Self::BLOCKS_CHANGED
        )
    }
}

/// Why a message goes out only when the user says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBy {
    /// It was written before they blocked who it is for.
    Block,
    /// Since it was written, others have come who would have it, or somebody has another key.
    OthersCame,
}

/// How far a message has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageState {
    /// In the outbox.
    Queued,
    /// There, too, and it goes out only when the user says so.
    Held(HeldBy),
    /// The server has acknowledged it.
    Sent,
    /// Refused, with the server's error code.
    Failed(String),
    /// Came from elsewhere.
    Received,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Row; grows in the order in which this device got or wrote them.
    pub id: i64,
    /// Chat.
    pub chat: ChatId,
    /// Where it stands there.
    pub position: Position,
    /// As its sender named it.
    pub message_id: MessageId,
    /// Who wrote it.
    pub sender_id: UserId,
    /// Whether it was written on this device.
    pub outgoing: bool,
    /// By the sender's clock, ms.
    pub sent_at: i64,
    /// By this device's clock, ms.
    pub received_at: i64,
    /// What it is.
    pub kind: Kind,
    /// Encoded content; empty once it is deleted.
    pub content: Vec<u8>,
    /// How far it has come.
    pub state: MessageState,
    /// When its author deleted it, ms by this device's clock.
    pub deleted_at: Option<i64>,
}

/// A message to be stored.
#[derive(Debug, Clone)]
pub struct NewMessage<'a> {
    /// Chat.
    pub chat: ChatId,
    /// What decides where it stands there.
    pub place: Place,
    /// As its sender named it.
    pub message_id: MessageId,
    /// Who wrote it.
    pub sender_id: &'a UserId,
    /// On which device, as MLS authenticates it.
    pub sender_device: &'a DeviceId,
    /// By the sender's clock, ms.
    pub sent_at: i64,
    /// By this device's clock, ms.
    pub received_at: i64,
    /// When it is to be deleted, ms by this device's clock.
    pub expires_at: Option<i64>,
    /// What it is.
    pub kind: Kind,
    /// Encoded content.
    pub content: &'a [u8],
}

/// Whether a stored message came from elsewhere or is being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From another device.
    Incoming,
    /// From this one.
    Outgoing,
}

/// A place to read on from: a message's position and row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub Position, pub i64);

impl Message {
    /// Where to read on from this message.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor(self.position, self.id)
    }
}
