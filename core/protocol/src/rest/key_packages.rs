//! Key packages.

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;
use crate::ids::{DeviceId, UserId};
use crate::opaque::Opaque;

/// `POST /api/v1/key-packages`: adds to this device's stock (RFC 9420, section 10).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishKeyPackages {
    /// Each is handed out once.
    pub key_packages: Vec<Opaque>,
    /// Handed out when the stock is empty, as often as needed; replaces the earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_resort: Option<Opaque>,
}

/// `GET /api/v1/key-packages`: this device's stock; also the answer to [`PublishKeyPackages`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPackageStock {
    /// Key packages left, without the last-resort one.
    pub count: u64,
    /// Whether there is a last-resort one.
    pub last_resort: bool,
}

/// `POST /api/v1/users/{user_id}/key-packages/claim`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimKeyPackages {
    /// Only of these devices; of all without it. The asking device is always left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_ids: Option<Vec<DeviceId>>,
}

/// Answer to [`ClaimKeyPackages`]: one key package of each device that has any.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedKeyPackages {
    /// One per device.
    pub key_packages: Vec<DeviceKeyPackage>,
}

/// A key package and the device that it is said to belong to.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKeyPackage {
    /// Device.
    pub device_id: DeviceId,
    /// Key package.
    pub key_package: Opaque,
}

/// `POST /api/v1/key-packages/claim`: of many users at once, each as by itself.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimMany {
    /// No user twice.
    pub claims: Vec<ClaimOf>,
}

/// A claim of one user's key packages.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimOf {
    /// Whose.
    pub user_id: UserId,
    /// As in [`ClaimKeyPackages`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_ids: Option<Vec<DeviceId>>,
}

/// Answer to [`ClaimMany`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedMany {
    /// One per claim.
    pub users: Vec<ClaimedOf>,
}

/// What was claimed of one user.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedOf {
    /// Whose.
    pub user_id: UserId,
    /// One of each device that has any.
    pub key_packages: Vec<DeviceKeyPackage>,
    /// Why there is none: `unknown_recipient`, `recipient_has_no_devices` or `rate_limited`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<ErrorCode>,
}
