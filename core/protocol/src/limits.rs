//! Sizes that both sides rely on. Limits that an administrator sets live in the server's configuration.

/// Longest `user_id`, in bytes.
pub const MAX_USER_ID_LEN: usize = 64;

/// Longest `device_id`, in bytes. The server makes 16 characters.
pub const MAX_DEVICE_ID_LEN: usize = 64;

/// Longest `file_id`, in bytes. The server makes 43 characters: 32 random bytes in base64url.
pub const MAX_FILE_ID_LEN: usize = 64;

/// Characters of a `user_id` that the server chooses.
pub const GENERATED_USER_ID_LEN: usize = 8;

/// Longest `device_name`, `display_name` and other short free text, in bytes.
pub const MAX_NAME_LEN: usize = 256;

/// Longest `message_type`, in bytes. It is a name, not a place for content.
pub const MAX_MESSAGE_TYPE_LEN: usize = 64;

/// Largest [`crate::Epoch`] and [`crate::Seq`]: what every JSON reader can hold exactly (RFC 7493, section 2.2), and
/// what fits a signed 64-bit database column.
pub const MAX_COUNTER: u64 = (1 << 53) - 1;

/// Longest public key, in characters: an Ed25519 key has 44, the rest is room for what comes.
pub const MAX_PUBLIC_KEY_LEN: usize = 8192;

/// Message ids in one acknowledgement. A client acknowledges what it has stored in one transaction.
pub const MAX_ACK_IDS: usize = 1024;

/// Messages in one page of `GET /api/v1/messages/pending`.
pub const MAX_PENDING_PAGE: usize = 500;

/// Key packages in one upload, and the stock that a device keeps on the server.
pub const MAX_KEY_PACKAGES: usize = 100;

/// Leaves of one group that the design plans for (250 users with 4 devices).
pub const MAX_GROUP_LEAVES: usize = 1000;

/// People in one group, and users in one claim of key packages.
pub const MAX_GROUP_PEOPLE: usize = 250;

/// Device lists beside one commit. Each is verified before anything is refused.
pub const MAX_COMMIT_EVIDENCE: usize = 16;

/// Size of an encrypted account backup, in characters of base64.
pub const MAX_BACKUP_LEN: usize = 64 * 1024;

/// Users whom one user may have blocked.
pub const MAX_BLOCKED_USERS: usize = 1000;

/// Delivered messages that a connection may hold unacknowledged. The server then waits for acknowledgements, so a
/// client that stores nothing costs a bounded amount of memory.
pub const MAX_UNACKED_DELIVERIES: usize = 1024;
