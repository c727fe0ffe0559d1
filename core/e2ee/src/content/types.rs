use std::fmt;

use minicbor::{Decode, Encode};
use privmsg_protocol::{FileId, MessageId};

use crate::attachment::AttachmentKey;

/// Why bytes are no content, or a content is not encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Not CBOR of the documented shape.
    #[error("malformed message content")]
    Malformed,
    /// Made by a client that is so much newer that this build must not interpret it.
    #[error("message content of unknown version {0}")]
    UnsupportedVersion(u32),
    /// Longer than allowed, or empty where it must not be; says what.
    #[error("{0} missing or too long")]
    Size(&'static str),
}

/// An application message, as people mean it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The message's name, the same as in its envelope: a server that swaps envelopes is noticed by comparing.
    pub message_id: MessageId,
    /// When it was written, in milliseconds since 1970, by the sender's clock.
    pub sent_at_ms: u64,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// A text, not empty, at most [`MAX_TEXT_LEN`](super::MAX_TEXT_LEN) bytes.
    Text(String),
    /// Files, with a text beside them or without.
    Files {
        /// The text; may be empty.
        caption: String,
        /// One to [`MAX_ATTACHMENTS`](super::MAX_ATTACHMENTS) files.
        attachments: Vec<Attachment>,
    },
    /// Messages of others have arrived, or were read.
    Receipt(Receipt),
    /// A kind of message that this version does not know, by its number. What it says is not kept.
    Unknown(u32),
}

/// An encrypted file on the server, and what it takes to open it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Attachment {
    /// Where the ciphertext lies.
    #[cbor(n(0), with = "super::codec::file_id")]
    pub file_id: FileId,
    /// Opens it, and no other file.
    #[cbor(n(1), with = "super::codec::key")]
    pub key: AttachmentKey,
    /// The file's name. Goes through [`sanitize_file_name`](super::sanitize_file_name) when it is encoded and when it
    /// is decoded, so that it never names a directory.
    #[n(2)]
    pub name: String,
    /// Media type, such as `image/jpeg`. A claim of the sender.
    #[n(3)]
    pub mime: String,
    /// Size of the file itself, in bytes; the ciphertext is longer.
    #[n(4)]
    pub size: u64,
    /// SHA-256 of the file itself.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub digest: [u8; 32],
}

/// Says what became of other people's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What became of them.
    pub kind: ReceiptKind,
    /// Which messages: one to [`MAX_RECEIPT_IDS`](super::MAX_RECEIPT_IDS).
    pub message_ids: Vec<MessageId>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiptKind {
    /// A device has decrypted and stored it.
    Delivered,
    /// The person has seen it.
    Read,
}

/// Says what kind of message it is, but not what it says: this ends up in logs too easily.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::Files { attachments, .. } => write!(f, "Files({} …)", attachments.len()),
            Self::Receipt(receipt) => receipt.fmt(f),
            Self::Unknown(kind) => write!(f, "Unknown({kind})"),
        }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attachment(…)")
    }
}
