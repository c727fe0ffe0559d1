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

#[cfg(test)]
mod tests {
    use openmls::prelude::Ciphersuite;
    use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _, VLBytes};
    use privmsg_protocol::{Incarnation, UserId};

    use super::*;
    use crate::conversation_info::Person;
    use crate::test_keys::account_key;

    /// The GroupContext of a conversation (RFC 9420, section 8.1) in a suite, at epoch 0.
    fn context(suite: Ciphersuite) -> (ConversationInfo, GroupContext) {
        let person = |name: &str, key| Person { user_id: UserId::new(name).unwrap(), identity: account_key(key) };
        let info = ConversationInfo::direct(person("al", 1), person("bob", 2), Incarnation::FIRST).unwrap();
        let mut bytes = vec![0, 1];
        bytes.extend(u16::from(suite).to_be_bytes());
        bytes.extend(VLBytes::from(info.group_id().as_bytes().as_slice()).tls_serialize_detached().unwrap());
        bytes.extend([0; 8]);
        // Neither a tree hash nor a transcript hash is looked at.
        bytes.extend([0, 0]);
        bytes.extend(extensions(&info).tls_serialize_detached().unwrap());
        let context = GroupContext::tls_deserialize_exact_bytes(&bytes).unwrap();
        (info, context)
    }

    #[test]
    fn a_group_of_another_suite_is_none_of_ours() {
        let (info, ours) = context(leaf::CIPHERSUITE);
        assert_eq!(info_of_context(&ours).unwrap(), info);
        let (_, classic) = context(Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519);
        assert!(matches!(info_of_context(&classic), Err(Refusal::Rejected(RejectReason::OtherGroup))));
    }
}
