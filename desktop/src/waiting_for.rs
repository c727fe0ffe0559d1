//! Why something waits, and what is wrong with the account, in sentences.

use privmsg_client::{Reason, Unreachable};
use privmsg_protocol::ErrorCode;

use crate::failure;
use crate::lang::Lang;

/// What is wrong or waited for. Nothing if it is over in a moment, or shows as the connection does.
#[must_use]
pub(crate) fn said(lang: Lang, reason: &Reason) -> Option<String> {
    let id = match reason {
        Reason::Network | Reason::Refused(ErrorCode::ConversationExists) => return None,
        Reason::Refused(code) => return Some(failure::refusal(lang, code)),
        Reason::Unreachable(why) => unreachable(*why),
        Reason::Unusable => "waits-unusable",
        Reason::UpdateNeeded => "failure-update-needed",
        Reason::Disk => "failure-disk",
        Reason::JoinedTooOften => "waits-joined-too-often",
        Reason::IdentityToAccept => "waits-identity-to-accept",
        Reason::IdentityRefused => "waits-identity-refused",
        Reason::AnotherOwnIdentity => "alarm-another-own-identity",
        Reason::DeviceListConflict => "alarm-device-list-conflict",
        Reason::DeviceListMissing => "waits-device-list",
        Reason::NotListed => "alarm-not-listed",
        Reason::ReplacementBegun => "alarm-replacement-begun",
        Reason::SealedIdentitySpoilt => "alarm-sealed-identity-spoilt",
        Reason::GroupUnsettled => "waits-group-unsettled",
    };
    Some(lang.text(id))
}

const fn unreachable(why: Unreachable) -> &'static str {
    match why {
        Unreachable::NobodyThere => "refused-nobody-there",
        Unreachable::NoKeyPackages => "waits-no-key-packages",
        Unreachable::OutOfLifetime => "waits-out-of-lifetime",
        Unreachable::Incompatible => "waits-incompatible",
        Unreachable::NoIdentity => "waits-no-identity",
        Unreachable::NotVouchedFor => "waits-not-vouched-for",
    }
}
