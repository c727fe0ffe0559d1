//! `/health`, `/health/ready` and errors.

use serde::{Deserialize, Serialize};

use crate::error::ErrorCode;
use crate::ids::{DeviceId, Epoch, GroupId, Incarnation};

/// `GET /health`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// `ok`.
    pub status: Box<str>,
    /// The server's clock.
    pub timestamp: i64,
    /// The server's version.
    pub version: Box<str>,
}

/// `GET /health/ready`. Says no more than a stranger may know.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The whole.
    pub status: Readiness,
    /// The parts.
    pub checks: ReadyChecks,
}

impl Ready {
    /// Whether all is well.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status == Readiness::Ready
    }
}

/// Whether the server can do its work.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// It can.
    Ready,
    /// It cannot.
    NotReady,
}

/// What [`Ready`] is made of.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyChecks {
    /// The database answers, reading and writing.
    pub database: bool,
    /// The disks have more than the reserve.
    pub disk: bool,
    /// The server is not about to stop.
    pub running: bool,
}

/// Error answer: RFC 9457 problem details, `application/problem+json`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: the meaning is in `code`.
    #[serde(rename = "type")]
    pub kind: Box<str>,
    /// The status in words.
    pub title: Box<str>,
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: ErrorCode,
    /// A sentence for people, in English.
    pub detail: Box<str>,
    /// Milliseconds to wait before trying again; also as `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The group's current epoch, with [`ErrorCode::StaleEpoch`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The conversation that exists, with [`ErrorCode::ConversationExists`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<GroupId>,
    /// The newest incarnation that the server knows, with [`ErrorCode::StaleIncarnation`] and
    /// [`ErrorCode::IncarnationAhead`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
    /// The device that has signed this one out, with [`ErrorCode::DeviceRemoved`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<DeviceId>,
    /// Why it was signed out, with [`ErrorCode::DeviceRemoved`], where no other device has done it: `administrator`,
    /// `identity_replaced` or `account_deleted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Box<str>>,
}
