//! What is inside an application message: CBOR (RFC 8949), so that it stays small and can grow.
//!
//! Every field and every kind of body has a number of its own that is never given to anything else. Fields that this
//! build does not know are skipped, and so is a body of a kind it does not know, which is kept as [`Body::Unknown`]:
//! an old client shows "update to see this message" beside a newer one's, and loses nothing else.
//!
//! ```text
//! content    = { 0: version (uint, 1), 1: message_id (bytes 16), 2: sent_at_ms (uint), 3: [kind (uint), body] }
//! kind 0     text     { 0: text }
//! kind 1     files    { 0: caption, 1: [attachment, 1*32] }
//! kind 2     receipt  { 0: 0 delivered / 1 read, 1: [message_id, 1*1024] }
//! attachment = { 0: file_id, 1: key (bytes 32), 2: name, 3: mime, 4: size (uint), 5: digest (bytes 32) }
//! ```
//!
//! Numbers in use: content fields 0–3, kinds 0–2, the fields above. None has been retired.

mod codec;
mod file_name;
mod types;

pub use file_name::sanitize_file_name;
pub use types::{Attachment, Body, Content, ContentError, Receipt, ReceiptKind};

/// Version of the format. It grows only when an old client must not even try; new fields and kinds leave it.
pub const CONTENT_VERSION: u32 = 1;

/// Longest content, in bytes: what fits `max_message_size_kb` = 64 after MLS framing, padding and base64.
pub const MAX_CONTENT_LEN: usize = 46 * 1024;

/// Longest text or caption, in bytes: a content without much else.
pub const MAX_TEXT_LEN: usize = 45 * 1024;

/// Attachments of one message. Even with the longest names, all of them fit.
pub const MAX_ATTACHMENTS: usize = 32;

/// Longest file name, in bytes: what common file systems allow.
pub const MAX_FILE_NAME_LEN: usize = 255;

/// Longest media type, in bytes (RFC 6838, section 4.2 allows 127 on either side of the slash).
pub const MAX_MIME_LEN: usize = 255;

/// Messages that one receipt can name.
pub const MAX_RECEIPT_IDS: usize = 1024;
