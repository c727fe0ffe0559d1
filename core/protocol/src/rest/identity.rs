//! Identity, device lists, and signing in by signatures. What is signed, and how it is checked, is `privmsg-mls-public`'s.

use serde::{Deserialize, Serialize};

use super::UserProfile;
use crate::ids::{DeviceId, UserId};
use crate::opaque::Opaque;
use crate::secret::Secret;

/// What only the identity itself may ask for.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentityPurpose {
    /// Another access key, without the present one.
    SetAccessKey,
    /// Another sealed identity, and the recovery sign-in key of the same words.
    SealIdentity,
    /// The end of a replacement of the identity that somebody has begun.
    EndReplacement,
}

/// What a challenge is good for.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengePurpose {
    /// Signing in by the key of this device.
    Device(DeviceId),
    /// Signing in by the recovery words as this new device.
    Recovery(DeviceId),
    /// A request of the identity.
    Identity(IdentityPurpose),
}

/// `POST /api/v1/auth/challenge`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeRequest {
    /// Account. Whether there is one, the answer does not tell.
    pub user_id: UserId,
    /// What it is for.
    pub purpose: ChallengePurpose,
}

/// Answer to [`ChallengeRequest`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// 32 bytes, good once and for a minute.
    pub challenge: Opaque,
}

/// `POST /api/v1/auth/device`: signs in by the device key. The answer is a [`LoginResponse`](super::LoginResponse).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSignIn {
    /// Account.
    pub user_id: UserId,
    /// The device.
    pub device_id: DeviceId,
    /// For the purpose `device`.
    pub challenge: Opaque,
    /// By the device key, over a `SignIn`.
    pub signature: Opaque,
    /// As the user's other devices see it, where the server has lost that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// The same of its kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
}

/// `POST /api/v1/auth/recovery`: signs in as a new device by the recovery words. The answer is a
/// [`LoginResponse`](super::LoginResponse).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverySignIn {
    /// Account.
    pub user_id: UserId,
    /// Made by the client: 16 random characters.
    pub device_id: DeviceId,
    /// Base64 of the device's Ed25519 signature key.
    pub device_public_key: String,
    /// For the user's list of devices.
    #[serde(default)]
    pub device_name: Option<String>,
    /// `cli`, `desktop`, `android`, …
    #[serde(default)]
    pub device_type: Option<String>,
    /// For the purpose `recovery`.
    pub challenge: Opaque,
    /// By the recovery sign-in key, over a `SignIn`.
    pub signature: Opaque,
}

/// `POST /api/v1/users/me/identity`: all that an identity begins with.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetUpIdentity {
    /// Base64 of the account identity key.
    pub public_key: String,
    /// `SigningKeyCertificate` by it.
    pub certificate: Opaque,
    /// `DeviceList` by the signing key, the asking device in it.
    pub device_list: Opaque,
    /// The identity, sealed with the recovery words.
    pub backup: Opaque,
    /// Base64 of the recovery sign-in key of the same words.
    pub recovery_key: String,
}

/// `POST /api/v1/users/me/identity/replacement`. The answer is an [`IdentityReplacement`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReplaceIdentity {
    /// The account's access key: a device alone does not begin this.
    pub access_key: Secret,
    /// What the new identity begins with.
    #[serde(flatten)]
    pub identity: SetUpIdentity,
}

/// A replacement of the identity that has not taken effect: the answer to its beginning, and part of [`OwnProfile`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityReplacement {
    /// Base64 of the account identity key that is to come.
    pub public_key: String,
    /// Device that has begun it.
    pub device_id: DeviceId,
    /// When it takes effect, unless it is ended before.
    pub takes_effect_at: i64,
}

/// `DELETE /api/v1/users/me/identity/replacement`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndReplacement {
    /// For the purpose `end_replacement`.
    pub challenge: Opaque,
    /// By the present identity key, over an `IdentityRequest` with an empty body.
    pub signature: Opaque,
}

/// `GET /api/v1/users/me`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnProfile {
    /// What others see.
    #[serde(flatten)]
    pub profile: UserProfile,
    /// Whether this session waits to be let in: the account has a device list, and this device does not stand in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
    /// A replacement of the identity that somebody has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_replacement: Option<IdentityReplacement>,
}

/// `GET /api/v1/users/{user_id}/device-list`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedDeviceList {
    /// `SigningKeyCertificate`.
    pub certificate: Opaque,
    /// `DeviceList`.
    pub list: Opaque,
}

/// `PUT /api/v1/users/me/device-list`, with `If-Match` of the list before.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishDeviceList {
    /// `SigningKeyCertificate`.
    pub certificate: Opaque,
    /// `DeviceList`.
    pub list: Opaque,
    /// What is to be known of devices that it lets in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enrol: Vec<EnrolDevice>,
}

/// A device that a list lets in.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolDevice {
    /// As in the list.
    pub device_id: DeviceId,
    /// As in the list, in base64.
    pub device_public_key: String,
    /// For the user's list of devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// `cli`, `desktop`, `android`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
    /// `LinkReply` to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_reply: Option<Opaque>,
}

/// `GET /api/v1/users/me/link-reply`: what the device that has let this one in has answered to it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReplyForDevice {
    /// `LinkReply`.
    pub link_reply: Opaque,
}

/// `PUT /api/v1/users/me/access-key`: with the present access key, or with a challenge and the identity's signature.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetAccessKey {
    /// The new one: 32 random bytes, base64url without padding.
    pub access_key: Secret,
    /// The one so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present_access_key: Option<Secret>,
    /// For the purpose `set_access_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Opaque>,
    /// By the identity key, over an `IdentityRequest` whose body is the text of `access_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Opaque>,
}

/// `PUT /api/v1/users/me/backup`: the identity, sealed with other recovery words.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreBackup {
    /// Ciphertext.
    pub backup: Opaque,
    /// Base64 of the recovery sign-in key of the same words.
    pub recovery_key: String,
    /// For the purpose `seal_identity`.
    pub challenge: Opaque,
    /// By the identity key, over an `IdentityRequest` whose body is the bytes of `backup` and the 32 of `recovery_key`.
    pub signature: Opaque,
}
