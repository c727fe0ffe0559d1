//! What has to come of a certificate or a conversation info, said in another way than the crate says it.

use privmsg_e2ee::{CertificateError, ConversationInfo, DeviceCertificate, InfoError};
use privmsg_protocol::{DeviceId, UserId};

use super::world::World;
use crate::people::Device;

/// What an operation has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Rejected,
    UpdateNeeded,
}

/// What Bob's devices say to a leaf of this device with these bytes as its certificate, in a chat of Alice and Bob that
/// has these devices already. Who comes back by external commit lets leaves of a former identity pass.
pub(super) fn of_leaf(
    world: &World,
    device: &Device,
    certificate: &[u8],
    members: &[(UserId, DeviceId)],
    comes_back: bool,
) -> Verdict {
    let certificate = match DeviceCertificate::decode(certificate) {
        Ok(certificate) => certificate,
        Err(CertificateError::UpdateNeeded(_)) => return Verdict::UpdateNeeded,
        Err(_) => return Verdict::Rejected,
    };
    let (user, identity) = (certificate.user_id(), *certificate.identity_key());
    let genuine = certificate.verify().is_ok() && *certificate.device_key() == device.keys.public();
    let takes_part = *user == world.alice.user_id
        || *user == world.bob.user_id && (comes_back || identity == world.bob.account.public());
    let new = !members.contains(&(user.clone(), certificate.device_id().clone()));
    if genuine && takes_part && new { Verdict::Accepted } else { Verdict::Rejected }
}

/// What they say to a group with this info, in which there are devices of Alice and Bob.
pub(super) fn of_group(world: &World, info: &[u8]) -> Verdict {
    match ConversationInfo::decode(info) {
        Ok(info) if info.includes(&world.alice.user_id) && info.includes(&world.bob.user_id) => Verdict::Accepted,
        Ok(_) => Verdict::Rejected,
        Err(InfoError::UpdateNeeded(_)) => Verdict::UpdateNeeded,
        Err(_) => Verdict::Rejected,
    }
}
