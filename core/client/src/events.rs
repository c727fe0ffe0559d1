//! What the engine of this process is doing, for people who watch. Whoever misses an event misses nothing that lasts:
//! what has become of messages, chats and contacts stands in the database.

use privmsg_protocol::frames::PresenceStatus;
use privmsg_protocol::{ErrorCode, MessageId, UserId};
use privmsg_store::StoreError;
use privmsg_store::chats::ChatId;
use privmsg_store::holds::Reason;

use crate::error::ClientError;
use crate::net::NetworkError;

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disconnection {
    /// The server cannot be reached.
    Network(NetworkError),
    /// It is restarting, and has said so.
    Restarting,
    /// It refuses for now.
    Refused(ErrorCode),
    /// It is older than this version can work with.
    TooOld,
    /// The disk with the profile is full, or cannot be used: what the server has for this device cannot be kept, and waits
    /// there.
    Disk,
    /// Anything else, in English.
    Other(String),
}

impl From<&ClientError> for Disconnection {
    fn from(error: &ClientError) -> Self {
        match error {
            ClientError::Network(error) => Self::Network(error.clone()),
            ClientError::GoingAway { .. } => Self::Restarting,
            ClientError::ServerTooOld(_) => Self::TooOld,
            ClientError::Store(StoreError::DiskFull) | ClientError::Disk(_) => Self::Disk,
            ClientError::Server { code, .. } => Self::Refused(code.clone()),
            other => Self::Other(other.to_string()),
        }
    }
}

/// Something has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Connected and signed in.
    Connected,
    /// The connection is gone; the engine tries again by itself.
    Disconnected {
        /// Why.
        reason: Disconnection,
    },
    /// This machine's clock is more than a day off, as the server sees it.
    ClockIsOff {
        /// How far the server's clock is ahead, in milliseconds; negative if it is behind.
        ahead_ms: i64,
    },
    /// The server says that this profile lacks messages that its device has sent or had: it was set back to an earlier copy,
    /// or another machine uses a copy, or they waited for longer than the server keeps them, or the server is lying. The
    /// chats are joined anew. Said once a day at most.
    SetBack,
    /// Everything that waited on the server is here, and this device takes part in all of its user's chats.
    Synced,
    /// A message was stored.
    Received {
        /// Its row.
        id: i64,
        /// Its chat.
        chat: ChatId,
    },
    /// The server has acknowledged a message.
    Sent {
        /// Its row.
        id: i64,
        /// Its chat.
        chat: ChatId,
    },
    /// A message will not be sent, or not before the user says so.
    Failed {
        /// Its row.
        id: i64,
        /// Its chat.
        chat: ChatId,
        /// Why.
        code: ErrorCode,
    },
    /// A change of a message will not be made: it was queued before others came who would have it.
    NotChanged {
        /// The change.
        message_id: MessageId,
        /// Why.
        code: ErrorCode,
    },
    /// A receipt arrived for messages of a chat.
    Receipts {
        /// Chat.
        chat: ChatId,
    },
    /// A contact's identity key is another one than before.
    IdentityChanged {
        /// Who.
        user: UserId,
        /// The chat in which it was seen.
        chat: ChatId,
        /// The earlier key was verified, or named by a contact link: nothing is sent until the user accepts the new one.
        blocked: bool,
    },
    /// A file is being encrypted, before it goes up.
    Encrypting {
        /// Its message.
        message_id: MessageId,
        /// The message's chat.
        chat: ChatId,
        /// Which of its files, from 0.
        file: u32,
        /// Bytes of the ciphertext so far.
        done: u64,
        /// Bytes of it in all.
        total: u64,
    },
    /// A file is on its way up.
    UploadProgress {
        /// Its message.
        message_id: MessageId,
        /// The message's chat.
        chat: ChatId,
        /// Which of its files, from 0.
        file: u32,
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// A file is on its way down.
    DownloadProgress {
        /// Row of its message.
        id: i64,
        /// The message's chat.
        chat: ChatId,
        /// Which of its files, from 0.
        file: u32,
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// This device does not stand in the account's device list any more. It stays readable, and waits to be let in.
    LeftOut,
    /// This device waits to be let in: it does not stand in the account's device list.
    Waiting,
    /// Something is wrong with the account's own identity or device list. Told once; a hold says it as long as it is so.
    OwnDevicesAlarm {
        /// What.
        reason: Reason,
    },
    /// Somebody has begun to write to this user, or stopped.
    Typing {
        /// Who.
        user: UserId,
        /// Where.
        chat: ChatId,
        /// Begun.
        is_typing: bool,
    },
    /// Somebody is there, or not any more.
    Presence {
        /// Who.
        user: UserId,
        /// How.
        status: PresenceStatus,
    },
}
