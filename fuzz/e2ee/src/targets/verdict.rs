//! What has to come of a certificate or a conversation info, said in another way than the crate says it.

use privmsg_e2ee::{CertificateError, ConversationInfo, DeviceCertificate, InfoError};
use privmsg_mls_public::Refused;
use privmsg_protocol::{DeviceId, UserId};

use super::world::World;
use crate::people::{Device, direct};

/// What an operation has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Rejected,
    UpdateNeeded,
}

/// What a server says.
pub(super) fn of_server<T>(result: &Result<T, Refused>) -> Verdict {
    match result {
        Ok(_) => Verdict::Accepted,
        Err(Refused::UpdateNeeded(_)) => Verdict::UpdateNeeded,
        Err(_) => Verdict::Rejected,
    }
}

/// What Bob's devices say to a leaf of this device with these bytes as its certificate, in a chat of Alice and Bob that
/// has these devices already.
pub(super) fn of_leaf(world: &World, device: &Device, certificate: &[u8], members: &[(UserId, DeviceId)]) -> Verdict {
    let certificate = match DeviceCertificate::decode(certificate) {
        Ok(certificate) => certificate,
        Err(CertificateError::UpdateNeeded(_)) => return Verdict::UpdateNeeded,
        Err(_) => return Verdict::Rejected,
    };
    let (user, identity) = (certificate.user_id(), *certificate.identity_key());
    let genuine = certificate.verify().is_ok() && *certificate.device_key() == device.keys.public();
    let takes_part =
        [&world.alice, &world.bob].iter().any(|person| *user == person.user_id && identity == person.account.public());
    let new = !members.contains(&(user.clone(), certificate.device_id().clone()));
    if genuine && takes_part && new { Verdict::Accepted } else { Verdict::Rejected }
}

/// What they say to a group with this info and the name of the first chat of Alice and Bob, in which there are devices of
/// both.
pub(super) fn of_group(world: &World, info: &[u8]) -> Verdict {
    match ConversationInfo::decode(info) {
        Ok(info) => {
            let of_both = direct(&world.alice, &world.bob);
            let same = info.people() == of_both.people() && info.incarnation() == of_both.incarnation();
            if same { Verdict::Accepted } else { Verdict::Rejected }
        }
        Err(InfoError::UpdateNeeded(_)) => Verdict::UpdateNeeded,
        Err(_) => Verdict::Rejected,
    }
}
