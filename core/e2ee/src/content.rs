//! What is inside an application message: CBOR (RFC 8949), so that it stays small and can grow.
//!
//! [`Content`] is the envelope, the same for everything that is said; inside it is a body of some [`Kind`]. A kind is
//! one file of this module with its fields, limits and codec. The body stays raw until somebody asks for it as a
//! kind, so **a kind that this build does not know is kept whole**: who stores the bytes as they came can apply them
//! after an update, and until then the envelope says what to show ([`IfUnknown`]).
//!
//! ```text
//! content    = { 0: version (uint, 1), 1: message_id, 2: sent_at_ms (uint, < 2^53), 3: [kind (uint), body],
//!                ? 4: about, ? 5: if_unknown, ? 6: expires (uint, seconds, > 0),
//!                ? 7: [generation (uint), counter (uint)], ? 8: [SigningKeyCertificate (bytes), DeviceList (bytes)] }
//! message_id = bytes 16
//! about      = [message_id, author (text, a user_id)]
//! if_unknown = 0 placeholder / 1 hide / text 1..=1024 bytes
//! ```
//!
//! | kind | | body | `about` | if unknown |
//! |---|---|---|---|---|
//! | 0 | [`Text`] | `{ 0: text, ? 1: mentions [user_id, 1*64] }` | the message that it answers | placeholder |
//! | 1 | [`Files`] | `{ 0: caption, 1: [attachment, 1*32], ? 2: mentions [user_id, 1*64] }` | the message that it answers | placeholder |
//! | 2 | [`Receipt`] | `{ 0: 0 delivered / 1 read, 1: [message_id, 1*1024] }` | never | hide |
//! | 3 | [`Reaction`] | `{ 0: emoji, ? 1: removed (bool) }` | needed | hide |
//! | 4 | [`Edit`] | `{ 0: text }` | needed | hide |
//! | 5 | [`Delete`] | `{ }` | needed | hide |
//! | 6 | [`Title`] | `{ 0: title, ? 1: again (bool) }` | never | hide |
//! | 16 | [`SigningKey`] | `{ 0: SigningKeyCertificate (bytes), 1: key (bytes 32) }` | never | hide |
//! | 17 | [`SigningKeyWanted`] | `{ }` | never | hide |
//! | 18 | [`Pins`] | `{ 0: [pin, 1*240] }` | never | hide |
//! | 19 | [`SealedIdentity`] | `{ 0: sealed (bytes), 1: recovery_key (bytes 32), 2: challenge (bytes 32), 3: signature (bytes 64) }` | never | hide |
//! | 20 | [`Decisions`] | `{ 0: [decision, 0*256], ? 1: wanted (bool) }`; decision = `{ 0: at (uint, ms), 1: user_id / 2: conversation (bytes 32), ? 3: declined (bool) }` | never | hide |
//!
//! `pin = { 0: user_id (text), 1: identity_key (bytes 32), ? 2: by_link (bool), ? 3: verified (bool), ? 4: device_id (text) }`
//!
//! A number is never given to anything else, not of a field and not of a kind; none has been retired. Fields that this
//! build does not know are skipped, in the envelope and in bodies. `version` grows only when an older client must not
//! even try.
//!
//! There is one spelling of a structure, so that no two clients read the same bytes differently: definite lengths, in
//! every map unsigned keys in ascending order, no tags, and of the simple values only false, true and null.

mod cbor;
mod decisions;
mod delete;
mod edit;
mod envelope;
mod error;
mod file_name;
mod files;
mod kind;
mod pins;
mod reaction;
mod receipt;
mod sealed_identity;
mod signing_key;
mod text;
mod title;

pub(crate) use cbor::{decode as decode_cbor, encode as encode_cbor};
pub use decisions::{DecidedAbout, Decision, Decisions};
pub use delete::Delete;
pub use edit::Edit;
pub use envelope::{About, Again, Content, IfUnknown, ToldList};
pub use error::ContentError;
pub use file_name::sanitize_file_name;
pub use files::{Attachment, Files, PictureNote, VoiceNote};
pub use kind::{AboutRule, Kind};
pub use pins::{Pin, PinDevice, Pins};
pub use reaction::Reaction;
pub use receipt::{Receipt, ReceiptKind};
pub use sealed_identity::SealedIdentity;
pub use signing_key::{SigningKey, SigningKeyWanted};
pub use text::Text;
pub use title::Title;

/// Version of the format. It grows only when an old client must not even try; new fields and kinds leave it.
pub const CONTENT_VERSION: u32 = 1;

/// Longest content, in bytes: what fits `max_message_size_kb` = 64 after MLS framing, padding and base64.
pub const MAX_CONTENT_LEN: usize = 46 * 1024;

/// Longest text or caption, in bytes: a content without much else.
pub const MAX_TEXT_LEN: usize = 45 * 1024;

/// People whom one text can speak to by name.
pub const MAX_MENTIONS: usize = 64;

/// Longest [`IfUnknown::Text`], in bytes: a few sentences in any script.
pub const MAX_IF_UNKNOWN_LEN: usize = 1024;

/// Attachments of one message. Even with the longest names, all of them fit.
pub const MAX_ATTACHMENTS: usize = 32;

/// Longest file name, in bytes: what common file systems allow.
pub const MAX_FILE_NAME_LEN: usize = 255;

/// Longest media type, in bytes (RFC 6838, section 4.2 allows 127 on either side of the slash).
pub const MAX_MIME_LEN: usize = 255;

/// Parts of how loud a voice message is.
pub const MAX_WAVEFORM_LEN: usize = 64;

/// Longest BlurHash of a picture, in bytes: 30 colours.
pub const MAX_BLURHASH_LEN: usize = 64;

/// Messages that one receipt can name.
pub const MAX_RECEIPT_IDS: usize = 1024;

/// Decisions that one message can tell: with the longest names, all of them fit.
pub const MAX_DECISIONS: usize = 256;

/// Longest title of a group of people, in bytes: 128 letters of any script.
pub const MAX_TITLE_LEN: usize = 512;

/// Contacts' keys that one content can tell of: with the longest names they fit.
pub const MAX_PINS: usize = 240;

/// Longest emoji of a reaction, in bytes: families of four with a skin tone each need 41.
pub const MAX_EMOJI_LEN: usize = 64;
