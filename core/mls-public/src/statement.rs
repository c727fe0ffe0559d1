//! What all signed statements have in common.
//!
//! A signature is over the statement's label, a zero byte, and all fields in front of the signature. Whatever reads a
//! statement takes one spelling only, so that the hash of the bytes names the statement.

use privmsg_protocol::limits::MAX_COUNTER;
use privmsg_protocol::{DeviceId, UserId};
use tls_codec::VLBytes;

use crate::update_needed::UpdateNeeded;

pub(crate) const SIGNATURE_LEN: usize = 64;

/// Why bytes are no statement that can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The bytes are no such statement, or a second spelling of one.
    #[error("malformed statement")]
    Malformed,
    /// A version that this build does not know: whoever made it is newer.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
    /// The signature is not by the key that must have made it.
    #[error("forged statement")]
    Forged,
    /// It is about somebody or something else than it was shown for.
    #[error("a statement about somebody or something else")]
    Other,
}

/// What is signed. A label has no zero byte, so no two statements can be one.
pub(crate) fn labelled(label: &[u8], fields: &[u8]) -> Vec<u8> {
    [label, &[0], fields].concat()
}

/// Refuses what this build cannot read.
pub(crate) fn check_version(bytes: &[u8], known: u8, what: &'static str) -> Result<(), StatementError> {
    match bytes.first() {
        Some(version) if *version == known => Ok(()),
        Some(version) => Err(UpdateNeeded::new(what, *version).into()),
        None => Err(StatementError::Malformed),
    }
}

/// A generation, counter or version of a roster: from 1, and no more than every reader and every database can hold. So
/// the number that follows always exists in 64 bits, and [`crate::numbers`] says when it may not be used.
pub(crate) const fn is_number(number: u64) -> bool {
    number >= 1 && number <= MAX_COUNTER
}

pub(crate) fn user_id(bytes: &VLBytes) -> Option<UserId> {
    std::str::from_utf8(bytes.as_slice()).ok()?.parse().ok()
}

pub(crate) fn device_id(bytes: &VLBytes) -> Option<DeviceId> {
    std::str::from_utf8(bytes.as_slice()).ok()?.parse().ok()
}

pub(crate) fn text(id: impl AsRef<str>) -> VLBytes {
    id.as_ref().as_bytes().to_vec().into()
}
