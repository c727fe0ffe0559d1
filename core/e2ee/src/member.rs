use privmsg_protocol::{DeviceId, UserId};

use privmsg_mls_public::AccountPublicKey;
use privmsg_mls_public::DeviceCertificate;

/// A device in a conversation, with the identity key that vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The owner.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
    /// The account identity key that signed the device's certificate. The certificate holds; whether this is the key
    /// pinned for the user is for the client to compare.
    pub identity: AccountPublicKey,
    /// Whether it is this very device.
    pub is_self: bool,
}

impl Member {
    pub(crate) fn from_certificate(certificate: &DeviceCertificate, is_self: bool) -> Self {
        Self {
            user_id: certificate.user_id().clone(),
            device_id: certificate.device_id().clone(),
            identity: *certificate.identity_key(),
            is_self,
        }
    }

    pub(crate) fn is(&self, user_id: &UserId, device_id: &DeviceId) -> bool {
        self.user_id == *user_id && self.device_id == *device_id
    }

    pub(crate) fn same_device(&self, other: &Self) -> bool {
        self.is(&other.user_id, &other.device_id)
    }
}
