//! What front-ends are told. Every event is sent after the transaction that it tells of; whoever misses one finds the
//! same in the database.

use privmsg_protocol::{ErrorCode, MessageId, UserId};
use privmsg_store::chats::ChatId;

/// Something has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Connected and signed in.
    Connected,
    /// The connection is gone; the engine tries again by itself.
    Disconnected {
        /// Why, for people.
        reason: String,
    },
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
    },
    /// A message will not be sent.
    Failed {
        /// Its row.
        id: i64,
        /// Why.
        code: ErrorCode,
    },
    /// A message waits for something; the engine tries again by itself.
    Delayed {
        /// Its chat.
        chat: ChatId,
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
        /// The earlier key was verified: nothing is sent until the user accepts the new one.
        blocked: bool,
    },
    /// A file is on its way up.
    UploadProgress {
        /// Its message.
        message_id: MessageId,
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
}
