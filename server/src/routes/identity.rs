//! An account's identity: its beginning, another in its place, and the access key.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::rest::{
    EndReplacement, IdentityPurpose, IdentityReplacement, ReplaceIdentity, SetAccessKey, SetUpIdentity,
};
use privmsg_protocol::{ErrorCode, UserId};

use super::statements::{new_identity, signed_by_identity};
use crate::app::{App, AppState};
use crate::error::ApiError;
use crate::extract::{self, AnySession};
use crate::http::Peer;
use crate::hub::CloseReason;
use crate::secrets::{KeyHash, is_key};
use crate::storage::{Authority, Session, StorageError};

/// Begin the account's identity
///
/// Stored together or not at all. Whoever comes second gets `identity_exists`.
#[utoipa::path(
    post, path = "/users/me/identity", tag = "identity",
    request_body = SetUpIdentity,
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidRequest,
        ErrorCode::InvalidStatement,
        ErrorCode::IdentityExists,
        ErrorCode::ListAhead,
        ErrorCode::DeviceExists,
        ErrorCode::DeviceRemoved,
        ErrorCode::RateLimited,
    ]))),
)]
pub(super) async fn set_up(
    State(app): State<AppState>,
    AnySession(session): AnySession,
    extract::Json(body): extract::Json<SetUpIdentity>,
) -> Result<StatusCode, ApiError> {
    app.allowances.account_change(&session)?;
    let identity = new_identity(&app, &session, body)?;
    let relisted = app.storage.set_up_identity(session, identity).await?;
    app.hub.close(&relisted.waiting, CloseReason::NotListed);
    Ok(StatusCode::NO_CONTENT)
}

/// Begin to put another identity in place of the present one
///
/// With the access key. It takes effect after three days. All devices are told at once (`account_sync`).
#[utoipa::path(
    post, path = "/users/me/identity/replacement", tag = "identity",
    request_body = ReplaceIdentity,
    responses((status = OK, body = IdentityReplacement)),
    security(("session" = [])),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidRequest,
        ErrorCode::InvalidStatement,
        ErrorCode::InvalidCredentials,
        ErrorCode::TooManyWrongKeys,
        ErrorCode::NoDeviceList,
        ErrorCode::IdentityExists,
        ErrorCode::ReplacementPending,
        ErrorCode::ListAhead,
        ErrorCode::RateLimited,
    ]))),
)]
pub(super) async fn begin_replacement(
    State(app): State<AppState>,
    peer: Peer,
    AnySession(session): AnySession,
    extract::Json(body): extract::Json<ReplaceIdentity>,
) -> Result<Json<IdentityReplacement>, ApiError> {
    app.allowances.account_change(&session)?;
    let identity = new_identity(&app, &session, body.identity)?;
    let (user_id, key) = (session.user_id.clone(), KeyHash::of(body.access_key.expose()));
    let begun = app.storage.begin_replacement(session, key, identity).await;
    begun.map(Json).map_err(|error| of_access_key(&app, &user_id, peer, error))
}

/// End the replacement of the identity
#[utoipa::path(
    delete, path = "/users/me/identity/replacement", tag = "identity",
    request_body = EndReplacement,
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidRequest,
        ErrorCode::NoDeviceList,
        ErrorCode::NoReplacement,
        ErrorCode::StaleChallenge,
        ErrorCode::InvalidSignature,
        ErrorCode::RateLimited,
    ]))),
)]
pub(super) async fn end_replacement(
    State(app): State<AppState>,
    AnySession(session): AnySession,
    extract::Json(body): extract::Json<EndReplacement>,
) -> Result<StatusCode, ApiError> {
    app.allowances.account_change(&session)?;
    let signed = (&body.challenge, &body.signature);
    let identity = signed_by_identity(&app, &session, IdentityPurpose::EndReplacement, signed, b"").await?;
    app.storage.end_replacement(session, identity).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Set another access key
///
/// With the present one, or with a signature of the identity. Sessions stay; an invitation ends. What the identity asks for
/// ends a replacement of it that has begun, too.
#[utoipa::path(
    put, path = "/users/me/access-key", tag = "identity",
    request_body = SetAccessKey,
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidRequest,
        ErrorCode::InvalidCredentials,
        ErrorCode::TooManyWrongKeys,
        ErrorCode::NoDeviceList,
        ErrorCode::StaleChallenge,
        ErrorCode::InvalidSignature,
        ErrorCode::RateLimited,
    ]))),
)]
pub(super) async fn set_access_key(
    State(app): State<AppState>,
    peer: Peer,
    session: Session,
    extract::Json(body): extract::Json<SetAccessKey>,
) -> Result<StatusCode, ApiError> {
    app.allowances.account_change(&session)?;
    if !is_key(body.access_key.expose()) {
        return Err(ApiError::invalid("access_key is not 32 bytes in base64url without padding"));
    }
    let by = match (&body.present_access_key, &body.challenge, &body.signature) {
        (Some(present), None, None) => Authority::AccessKey(KeyHash::of(present.expose())),
        (None, Some(challenge), Some(signature)) => {
            let text = body.access_key.expose().as_bytes();
            let signed = (challenge, signature);
            Authority::Identity(signed_by_identity(&app, &session, IdentityPurpose::SetAccessKey, signed, text).await?)
        }
        _ => {
            let detail = "either present_access_key, or challenge and signature, and not both";
            return Err(ApiError::invalid(detail));
        }
    };
    let user_id = session.user_id.clone();
    let set = app.storage.set_access_key(session, KeyHash::of(body.access_key.expose()), by).await;
    set.map(|()| StatusCode::NO_CONTENT).map_err(|error| of_access_key(&app, &user_id, peer, error))
}

/// A wrong access key is counted like one at login.
fn of_access_key(app: &App, user_id: &UserId, peer: Peer, error: StorageError) -> ApiError {
    let is_wrong = matches!(&error, StorageError::Refused(refusal) if refusal.code == ErrorCode::InvalidCredentials);
    if !is_wrong {
        return error.into();
    }
    app.keys.note_wrong(Some(user_id), peer.ip()).err().unwrap_or_else(|| error.into())
}
