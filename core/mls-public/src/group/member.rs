use privmsg_protocol::{DeviceId, Epoch, UserId};

use crate::certificate::DeviceCertificate;
use crate::keys::{AccountPublicKey, DevicePublicKey};
use crate::lifetime::Lifetime;
use crate::roster::Roster;

/// A device in a group, with the identity key that vouches for it: what its leaf's certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Member {
    /// The owner.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
    /// The device's key. A device list names it, too: an identifier alone anybody could take.
    pub device_key: DevicePublicKey,
    /// The account identity key that signed the device's certificate.
    pub identity: AccountPublicKey,
}

impl Member {
    /// Whom a verified certificate is about.
    #[must_use]
    pub fn from_certificate(certificate: &DeviceCertificate) -> Self {
        Self {
            user_id: certificate.user_id().clone(),
            device_id: certificate.device_id().clone(),
            device_key: *certificate.device_key(),
            identity: *certificate.identity_key(),
        }
    }

    /// Whether it is this device of this user.
    #[must_use]
    pub fn is(&self, user_id: &UserId, device_id: &DeviceId) -> bool {
        self.user_id == *user_id && self.device_id == *device_id
    }

    pub(super) fn same_device(&self, other: &Self) -> bool {
        self.is(&other.user_id, &other.device_id)
    }
}

/// A member at its place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The leaf's index.
    pub index: u32,
    /// Whose leaf it is.
    pub member: Member,
}

/// When a device has made its leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafDate {
    /// Whose device it is.
    pub user_id: UserId,
    /// The device's key: whoever enrols anew under another one begins anew.
    pub device_key: DevicePublicKey,
    /// As the leaf says: see [`made_at`](crate::leaf::made_at).
    pub made_at: u64,
}

/// What a commit changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The epoch that it begins.
    pub epoch: Epoch,
    /// Who made it. For an external commit, the joiner.
    pub committer: Member,
    /// Whether the committer joins by it (RFC 9420, section 12.4.3.2).
    pub external: bool,
    /// Devices that come. A device that joins anew is in both lists.
    pub added: Vec<Member>,
    /// Leaves that go.
    pub removed: Vec<Leaf>,
    /// When the leaves were made that it brings: of those who come, and the committer's new one.
    pub dates: Vec<LeafDate>,
    /// When all packages are good that devices come by: OpenMLS asks whoever follows the commit for the time.
    pub packages: Lifetime,
    /// The roster that counts from then on, if it is another one.
    pub roster: Option<Roster>,
}
