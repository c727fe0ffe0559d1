//! What handlers take out of a request. Whatever does not fit is answered as problem details.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use privmsg_protocol::{DeviceId, Epoch, ErrorCode, FileId, GroupId, Secret, UserId, json_fault};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::app::AppState;
use crate::error::ApiError;
use crate::http::{BODY_PATIENCE, Peer, body};
use crate::secrets::KeyHash;
use crate::storage::{Session, not_listed};

/// A JSON body, whatever the `Content-Type` says.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let (bytes, _permit) = body(request, &app.doors.large_bodies, BODY_PATIENCE).await?;
        parse_json(&bytes).map(Self)
    }
}

/// A JSON body; none at all is the same as `{}`.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<AppState> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let (bytes, _permit) = body(request, &app.doors.large_bodies, BODY_PATIENCE).await?;
        parse_json(if bytes.is_empty() { b"{}" } else { &bytes }).map(Self)
    }
}

fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| ApiError::malformed(json_fault(bytes, &error)))
}

/// What a path names.
pub(crate) trait Named: DeserializeOwned + Send {
    /// Nothing is called so, and what cannot be a name is nobody's.
    const UNKNOWN: ErrorCode;
}

impl Named for UserId {
    const UNKNOWN: ErrorCode = ErrorCode::UnknownUser;
}

impl Named for DeviceId {
    const UNKNOWN: ErrorCode = ErrorCode::UnknownDevice;
}

impl Named for (UserId, DeviceId) {
    const UNKNOWN: ErrorCode = ErrorCode::UnknownDevice;
}

impl Named for FileId {
    const UNKNOWN: ErrorCode = ErrorCode::UnknownFile;
}

impl Named for GroupId {
    const UNKNOWN: ErrorCode = ErrorCode::UnknownGroup;
}

impl Named for (GroupId, Epoch) {
    const UNKNOWN: ErrorCode = ErrorCode::UnknownGroup;
}

/// A user whom one writes to.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Recipient(pub(crate) UserId);

impl Named for Recipient {
    const UNKNOWN: ErrorCode = ErrorCode::UnknownRecipient;
}

/// A file that is not there yet.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Upload(pub(crate) FileId);

impl Named for Upload {
    const UNKNOWN: ErrorCode = ErrorCode::UnknownUpload;
}

/// Parameters in the path.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: Named> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(value)| Self(value))
            .map_err(|_| ApiError::new(T::UNKNOWN, "there is none of that name: the path has no valid identifier"))
    }
}

/// Parameters behind the path.
pub(crate) struct Search<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Search<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Query::from_request_parts(parts, state)
            .await
            .map(|Query(value)| Self(value))
            .map_err(|_| ApiError::malformed("a parameter behind the path is not valid"))
    }
}

/// The key in `Authorization: Bearer …`, if there is one.
pub(crate) struct Bearer(pub(crate) Option<Secret>);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let text = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = text.and_then(|text| {
            let (scheme, key) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
        });
        Ok(Self(key.map(Secret::new)))
    }
}

/// A session whose device stands in the account's device list, if the account has one. What a handler asks for unless
/// it knows better.
impl FromRequestParts<AppState> for Session {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let AnySession(session) = AnySession::from_request_parts(parts, app).await?;
        if session.waiting { Err(not_listed().into()) } else { Ok(session) }
    }
}

/// A session, also of a device that waits to be let in.
pub(crate) struct AnySession(pub(crate) Session);

impl FromRequestParts<AppState> for AnySession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Bearer(token) = Bearer::from_request_parts(parts, app).await?;
        let peer = Peer::from_request_parts(parts, app).await?;
        session_of(app, token, peer).await.map(Self)
    }
}

/// Whose token it is.
pub(crate) async fn session_of(app: &AppState, token: Option<Secret>, peer: Peer) -> Result<Session, ApiError> {
    let token = token.ok_or(ApiError::new(
        ErrorCode::Unauthorized,
        "sign in and send the session's token as `Authorization: Bearer`",
    ))?;
    match app.storage.session(KeyHash::of(token.expose())).await {
        Ok(session) => {
            app.allowances.request(&session)?;
            Ok(session)
        }
        Err(error) => {
            app.allowances.stranger(peer)?;
            Err(error.into())
        }
    }
}
