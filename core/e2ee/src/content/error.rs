/// Why bytes are no content, or a content is not encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Not CBOR of the documented shape; says in what.
    #[error("malformed message content: {0}")]
    Malformed(&'static str),
    /// Made by a client that is so much newer that this build must not interpret it: an update is needed.
    #[error("message content of unknown version {0}")]
    UnsupportedVersion(u32),
    /// A known kind that says something which this build does not know: an update is needed. To be treated like a
    /// kind that is not known.
    #[error("unknown {0}")]
    UnknownValue(&'static str),
    /// Longer than allowed, or empty where it must not be; says what.
    #[error("{0} missing or too long")]
    Size(&'static str),
    /// A reaction, edit or deletion that names no message, or a receipt that names one in the envelope.
    #[error("{0} with, or without, a message that it is about")]
    About(&'static str),
    /// Not one emoji; see [`Reaction`](super::Reaction).
    #[error("not one emoji")]
    Emoji,
    /// The body was asked for as another kind than it is. A mistake of the caller.
    #[error("a body of kind {found}, not {wanted}")]
    OtherKind {
        /// The number of the kind that it is.
        found: u32,
        /// The number of the kind that was asked for.
        wanted: u32,
    },
}
