use privmsg_protocol::{DeviceId, UserId};

use privmsg_mls_public::{AccountPublicKey, DevicePublicKey, group};

/// A device in a conversation, with the identity key that vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The owner.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
    /// The device's key. A device list names it, too: an identifier alone anybody could take.
    pub device_key: DevicePublicKey,
    /// The account identity key that signed the device's certificate. The certificate holds; whether this is the key
    /// pinned for the user is for the client to compare.
    pub identity: AccountPublicKey,
    /// Whether it is this very device.
    pub is_self: bool,
}

impl Member {
    pub(crate) fn new(member: group::Member, is_self: bool) -> Self {
        let group::Member { user_id, device_id, device_key, identity } = member;
        Self { user_id, device_id, device_key, identity, is_self }
    }

    pub(crate) fn is(&self, user_id: &UserId, device_id: &DeviceId) -> bool {
        self.user_id == *user_id && self.device_id == *device_id
    }
}
