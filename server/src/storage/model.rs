//! Values that go in and out of the storage.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use privmsg_protocol::{DeviceId, Epoch, FileId, GroupId, MessageId, Seq, UserId};

use super::{Refusal, Replies};
use crate::secrets::KeyHash;

/// The storage's own short name of a user. Never given to another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct UserKey(pub(crate) i64);

/// The storage's own short name of a device. Never given to another device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct DeviceKey(pub(crate) i64);

/// How much may wait; 0 for no limit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bounds {
    /// Messages for one device.
    pub(crate) messages: i64,
    /// Bytes of them.
    pub(crate) bytes: i64,
    /// Bytes of what one user has sent, for whomever.
    pub(crate) bytes_of_sender: i64,
    /// People to whom a user may write in a day who have not answered yet.
    pub(crate) new_requests: i64,
    /// Messages to one of them in a day, and bytes of these.
    pub(crate) request_messages: i64,
    pub(crate) request_bytes: i64,
}

/// A place in a mailbox. Grows; one commit never goes below an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Position(pub(crate) i64);

/// A signed-in device and its user.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) user: UserKey,
    pub(crate) user_id: UserId,
    pub(crate) device: DeviceKey,
    pub(crate) device_id: DeviceId,
    pub(crate) expires_at: i64,
    /// The account has a device list in which this device does not stand.
    pub(crate) waiting: bool,
}

/// A login whose key has been checked.
pub(crate) struct Login {
    pub(crate) user: UserKey,
    pub(crate) device_name: String,
    pub(crate) device_type: String,
    pub(crate) device_public_key: String,
    pub(crate) token: KeyHash,
    pub(crate) expires_at: i64,
    /// Devices of one user; 0 for no limit.
    pub(crate) max_devices: u32,
}

/// Where a message goes.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// To the user's devices and the sender's other devices.
    User(UserId),
    /// To the group's leaves, if the group is in this epoch.
    Group(GroupId, Epoch),
}

/// A message to be stored.
pub(crate) struct Outgoing {
    pub(crate) message_id: MessageId,
    pub(crate) to: Destination,
    /// Somebody has written it, and not a client by itself.
    pub(crate) by_person: bool,
    /// The outgoing frame, without `seq`.
    pub(crate) frame: String,
}

/// What one connection wants stored, in its order.
pub(crate) struct Submission {
    pub(crate) device: DeviceKey,
    pub(crate) messages: Vec<Outgoing>,
    /// Places in the device's own mailbox that it is done with.
    pub(crate) acknowledged: Vec<Position>,
    /// Where the answers go; there is one for each message.
    pub(crate) replies: Arc<dyn Replies>,
}

/// Who may see whom, of a user and of who is blocked or was: just before blocking, or just after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blocked {
    /// The other one sees when the user is there.
    pub(crate) sees_user: bool,
    /// The user sees when the other one is there.
    pub(crate) seen_by_user: bool,
}

/// A conversation between two that one of them has declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declined {
    /// The other one.
    pub(crate) peer: UserId,
    /// Whether the other one saw when the user was there, just before, and sees it now.
    pub(crate) was_seen: bool,
    pub(crate) is_seen: bool,
}

/// What became of one message.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) message_id: MessageId,
    /// The place in the group's history, for group messages.
    pub(crate) result: Result<Option<(GroupId, Seq)>, Refusal>,
}

/// A message in a device's mailbox.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) device: DeviceKey,
    pub(crate) position: Position,
    pub(crate) message_id: MessageId,
    /// The whole outgoing frame, UTF-8.
    pub(crate) frame: Bytes,
}

/// How much of a mailbox to read at once. At least one message is read, whatever its size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageLimit {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

/// A piece of a mailbox.
pub(crate) struct Page {
    pub(crate) deliveries: Vec<Delivery>,
    /// Whether more was there when this was read.
    pub(crate) has_more: bool,
}

/// How much one user may upload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadBounds {
    /// Bytes of all files.
    pub(crate) quota: u64,
    /// Unfinished uploads; 0 for no limit.
    pub(crate) unfinished: u32,
}

/// A resumable upload.
#[derive(Debug)]
pub(crate) struct StoredUpload {
    pub(crate) size: u64,
    pub(crate) expires_at: i64,
    /// From here on bytes on the disk have not been compared with their checksum.
    pub(crate) unproven_from: Option<u64>,
    /// When the file expires that it has become; `None` while it is unfinished.
    pub(crate) file_expires_at: Option<i64>,
}

/// A file whose bytes are on the disk, or shall come there.
pub(crate) struct NewFile {
    pub(crate) file_id: FileId,
    pub(crate) owner: UserKey,
    pub(crate) size: u64,
    pub(crate) expires_at: i64,
}

/// Figures for the administrator.
pub(crate) struct StorageStats {
    pub(crate) total_users: u64,
    pub(crate) active_users: u64,
    pub(crate) pending_messages: u64,
    pub(crate) stored_files: u64,
    pub(crate) bytes: u64,
}

/// Figures of one moment, or the highest ones of the moments that are taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Seconds since 1970.
    pub(crate) at: i64,
    pub(crate) online_users: u64,
    pub(crate) pending_messages: u64,
    pub(crate) stored_files: u64,
    pub(crate) stored_bytes: u64,
    /// New messages since the sample before; of several, their sum.
    pub(crate) messages: u64,
}

/// What is too old, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cutoffs {
    pub(crate) now: i64,
    /// Messages received before.
    pub(crate) messages: i64,
    /// Sent ids noted before.
    pub(crate) seen: i64,
    /// Tokens that ended before are forgotten: they get `unauthorized` instead of `token_expired`.
    pub(crate) tokens: i64,
    /// Administrative acts before.
    pub(crate) audit: i64,
}

/// What one transaction of the writer came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transaction {
    /// Messages that are durable now.
    pub(crate) accepted: u64,
    /// From its first statement until it was durable.
    pub(crate) took: Duration,
    /// Operations that have come meanwhile.
    pub(crate) waiting: usize,
    /// Whether it was undone.
    pub(crate) failed: bool,
}
