//! The one shape in which REST says no: RFC 9457 problem details with a stable code.

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use privmsg_protocol::rest::Problem;
use privmsg_protocol::{DeviceId, Epoch, ErrorCode, GroupId, Incarnation};

use crate::storage::{Refusal, StorageError};

/// An answer that is not what was asked for. What few of them have is boxed, so that the others stay small.
#[derive(Debug)]
pub(crate) struct ApiError {
    code: ErrorCode,
    /// A sentence for people. Names no content and no secret.
    detail: Cow<'static, str>,
    retry_after_ms: Option<u64>,
    epoch: Option<Epoch>,
    group_id: Option<Box<GroupId>>,
    incarnation: Option<Incarnation>,
    removal: Option<Box<Removal>>,
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

/// How a device came to be signed out.
#[derive(Debug)]
struct Removal {
    by: Option<DeviceId>,
    reason: Option<Box<str>>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after_ms: None,
            epoch: None,
            group_id: None,
            incarnation: None,
            removal: None,
            header: None,
        }
    }

    pub(crate) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::InvalidRequest, detail)
    }

    pub(crate) fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorCode::MalformedRequest, detail)
    }

    pub(crate) fn rate_limited(retry_after_ms: u64) -> Self {
        Self {
            retry_after_ms: Some(retry_after_ms),
            ..Self::new(ErrorCode::RateLimited, "too many requests; wait a moment")
        }
    }

    /// The same may succeed after a while.
    pub(crate) fn later(code: ErrorCode, detail: &'static str, retry_after_ms: u64) -> Self {
        Self { retry_after_ms: Some(retry_after_ms), ..Self::new(code, detail) }
    }

    /// A device with this key was signed out, by that other one where it is known, or for this reason.
    pub(crate) fn removed(by: Option<DeviceId>, reason: Option<Box<str>>) -> Self {
        let removal = Some(Box::new(Removal { by, reason }));
        Self { removal, ..Self::new(ErrorCode::DeviceRemoved, "the device has been signed out") }
    }

    /// Adds a header to the answer.
    pub(crate) fn insert_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.header = Some(Box::new((name, value)));
    }

    /// Whether it says this.
    pub(crate) fn is(&self, code: &ErrorCode) -> bool {
        self.code == *code
    }

    /// A fault of the server's own. The caller has logged what it is.
    pub(crate) fn internal() -> Self {
        Self::new(ErrorCode::Internal, "the server has a fault; its log says more")
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self {
            epoch: refusal.epoch,
            group_id: refusal.group_id.map(Box::new),
            incarnation: refusal.incarnation,
            retry_after_ms: refusal.retry_after_ms(),
            ..Self::new(refusal.code, refusal.detail)
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        if let StorageError::Engine(source) = &error {
            tracing::error!(error = &**source as &dyn std::error::Error, "storage failed");
        }
        error.refusal().into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (device_id, reason) = self.removal.map_or((None, None), |removal| (removal.by, removal.reason));
        let problem = Problem {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            code: self.code,
            detail: self.detail.into(),
            retry_after_ms: self.retry_after_ms,
            epoch: self.epoch,
            group_id: self.group_id.map(|group| *group),
            incarnation: self.incarnation,
            device_id,
            reason,
        };
        let body = serde_json::to_string(&problem).expect("a problem is plain data");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(ms) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
        }
        if let Some(header) = self.header {
            headers.insert(header.0, header.1);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
