/// Something that a newer client made and that this build must not interpret. Nothing has to be wrong with it: it is
/// kept, and tried again after an update.
///
/// The number is the word of whoever made the bytes, and that is all it says: where nobody has signed it yet, somebody
/// who only claims to be newer gets the same answer. So it decides about nothing but waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{what} {number} is not known to this version: an update is needed")]
pub struct UpdateNeeded {
    /// What it is, such as `device certificate version`.
    pub what: &'static str,
    /// The number that is not known.
    pub number: u32,
}

impl UpdateNeeded {
    /// See [`crate::certificate`].
    pub const CERTIFICATE: &'static str = "device certificate version";
    /// What a conversation is.
    pub const INFO: &'static str = "conversation info version";
    /// What kind of conversation it is.
    pub const KIND: &'static str = "kind of conversation";

    /// See [`crate::signing_certificate`].
    pub const SIGNING_CERTIFICATE: &'static str = "signing key certificate version";
    /// See [`crate::device_list`].
    pub const DEVICE_LIST: &'static str = "device list version";
    /// See [`crate::link_reply`].
    pub const LINK_REPLY: &'static str = "link reply version";
    /// See [`crate::roster`].
    pub const ROSTER: &'static str = "roster version";
    /// What a participant of a group may do.
    pub const ROLE: &'static str = "role";

    /// See [`crate::KnownDevices::encode`].
    pub const KNOWN_DEVICES: &'static str = "version of what is known of an account";
    /// See [`crate::RosterView::encode`].
    pub const ROSTER_VIEW: &'static str = "version of what is known of a roster";

    /// Names what is not known.
    #[must_use]
    pub fn new(what: &'static str, number: u8) -> Self {
        Self { what, number: number.into() }
    }
}
