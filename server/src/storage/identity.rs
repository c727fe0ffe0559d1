//! Values of identities, device lists and signing in by signatures.

use privmsg_mls_public::{AccountPublicKey, AnsweredChallenge, DeviceList, DevicePublicKey, RecoveryPublicKey};
use privmsg_protocol::rest::{IdentityReplacement, UserProfile};
use privmsg_protocol::{DeviceId, Opaque};

use super::{DeviceKey, Session, UserKey};
use crate::secrets::KeyHash;

/// All that an identity begins with. It has been verified that the identity vouches for the list.
pub(crate) struct NewIdentity {
    pub(crate) list: DeviceList,
    pub(crate) backup: Opaque,
    pub(crate) recovery_key: RecoveryPublicKey,
    /// Devices of one user; 0 for no limit.
    pub(crate) max_devices: u32,
}

/// A device list that is to take the place of another.
pub(crate) struct NewList {
    pub(crate) list: DeviceList,
    /// Hash of the other.
    pub(crate) replaces: [u8; 32],
    pub(crate) enrolments: Vec<Enrolment>,
    /// Devices of one user; 0 for no limit.
    pub(crate) max_devices: u32,
}

/// What is to be known of a device that a list lets in.
pub(crate) struct Enrolment {
    pub(crate) device_id: DeviceId,
    pub(crate) device_key: DevicePublicKey,
    pub(crate) device_name: String,
    pub(crate) device_type: String,
    pub(crate) link_reply: Option<Opaque>,
}

/// What a list leaves to be done: connections are to be closed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Relisted {
    pub(crate) signed_out: Vec<DeviceKey>,
    /// Devices that wait from now on.
    pub(crate) waiting: Vec<DeviceKey>,
}

/// An account's list as it is stored.
pub(crate) struct StoredList {
    pub(crate) certificate: Vec<u8>,
    pub(crate) list: Vec<u8>,
}

/// What a signature is checked against, and for whom.
pub(crate) struct Signer<K> {
    pub(crate) user: UserKey,
    pub(crate) key: K,
    pub(crate) revoked: bool,
    pub(crate) profile: UserProfile,
}

/// A device that was signed out.
#[derive(Debug)]
pub(crate) struct RemovedDevice {
    pub(crate) key: DevicePublicKey,
    /// The other one that has done it.
    pub(crate) by: Option<DeviceId>,
    /// Why, if none has.
    pub(crate) reason: Option<Box<str>>,
    /// Its account is deactivated.
    pub(crate) revoked: bool,
}

/// A device, or whoever has the recovery words, has signed.
pub(crate) struct SignIn {
    pub(crate) user: UserKey,
    pub(crate) device_id: DeviceId,
    /// Whose signature has been verified, or the key of the new device.
    pub(crate) device_key: DevicePublicKey,
    pub(crate) device_name: String,
    pub(crate) device_type: String,
    pub(crate) token: KeyHash,
    pub(crate) expires_at: i64,
}

/// Somebody has signed in.
pub(crate) struct SignedIn {
    pub(crate) session: Session,
    /// What was answered last with this device's key before, the newest last.
    pub(crate) answered: Vec<AnsweredChallenge>,
    /// A device that waited, and of which there were too many.
    pub(crate) pushed_out: Option<DeviceKey>,
}

/// By what an access key is set. Compared once more where it is: it may have changed since it was read.
pub(crate) enum Authority {
    AccessKey(KeyHash),
    Identity(AccountPublicKey),
}

/// A user's own view of their account.
pub(crate) struct Own {
    pub(crate) profile: UserProfile,
    pub(crate) replacement: Option<IdentityReplacement>,
}

/// What has become of replacements whose time has come.
#[derive(Debug, Default)]
pub(crate) struct Replaced {
    pub(crate) accounts: usize,
    pub(crate) signed_out: Vec<DeviceKey>,
}
