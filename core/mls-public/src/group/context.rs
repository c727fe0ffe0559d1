//! What a conversation is, as an extension of its GroupContext.

use openmls::group::GroupContext;
use openmls::prelude::{Extension, Extensions, UnknownExtension};
use privmsg_protocol::GroupId;

use super::reject::{Refusal, RejectReason};
use crate::conversation_info::{ConversationInfo, InfoError};
use crate::leaf;

/// The GroupContext extensions of a conversation: what it is, and the demand that every member understands that.
#[must_use]
pub fn extensions(info: &ConversationInfo) -> Extensions<GroupContext> {
    Extensions::from_vec(vec![
        Extension::RequiredCapabilities(leaf::required_capabilities()),
        Extension::Unknown(leaf::INFO_EXTENSION, UnknownExtension(info.encode())),
    ])
    .expect("two extensions of different types that RFC 9420 allows in a GroupContext")
}

/// Reads the info from a GroupContext, and refuses one that lets outsiders propose changes (`external_senders`) or that
/// asks less of members than ours.
///
/// # Errors
/// [`InfoError`].
pub fn info_of_extensions(found: &Extensions<GroupContext>) -> Result<ConversationInfo, InfoError> {
    let UnknownExtension(bytes) = found.unknown(leaf::INFO_EXTENSION).ok_or(InfoError::Malformed)?;
    let info = ConversationInfo::decode(bytes)?;
    if *found == extensions(&info) { Ok(info) } else { Err(InfoError::Malformed) }
}

/// Whether a group is one of our conversations, and the one that its name says: judged by its GroupContext, which need
/// not be authenticated yet.
///
/// # Errors
/// [`Refusal`].
pub fn info_of_context(context: &GroupContext) -> Result<ConversationInfo, Refusal> {
    if context.ciphersuite() != leaf::CIPHERSUITE {
        return Err(RejectReason::OtherGroup.into());
    }
    let info = info_of_extensions(context.extensions())?;
    if GroupId::try_from(context.group_id().as_slice()) != Ok(info.group_id()) {
        return Err(RejectReason::WrongGroup.into());
    }
    Ok(info)
}
