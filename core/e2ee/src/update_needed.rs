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
    pub(crate) const CERTIFICATE: &'static str = "device certificate version";
    pub(crate) const INFO: &'static str = "conversation info version";
    pub(crate) const KIND: &'static str = "kind of conversation";

    pub(crate) fn new(what: &'static str, number: u8) -> Self {
        Self { what, number: number.into() }
    }
}
