//! The identity, sealed by the client with the recovery words.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::ErrorCode;
use privmsg_protocol::rest::{IdentityPurpose, SealedIdentity, StoreBackup};

use super::statements::{recovery_key, sealed, signed_by_identity};
use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::{self, AnySession};
use crate::storage::{Session, SharedStorage};

/// Keep the sealed identity
///
/// Sealed with other words, and only with the identity's signature.
#[utoipa::path(
    put, path = "/users/me/backup", tag = "users",
    request_body = StoreBackup,
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidRequest,
        ErrorCode::NoDeviceList,
        ErrorCode::StaleChallenge,
        ErrorCode::InvalidSignature,
        ErrorCode::RateLimited,
    ]))),
)]
pub(super) async fn store(
    State(app): State<AppState>,
    session: Session,
    extract::Json(body): extract::Json<StoreBackup>,
) -> Result<StatusCode, ApiError> {
    app.allowances.account_change(&session)?;
    let key = recovery_key(&body.recovery_key)?;
    let text = [&sealed(&body.backup)?[..], key.as_bytes()].concat();
    let signed = (&body.challenge, &body.signature);
    let identity = signed_by_identity(&app, &session, IdentityPurpose::SealIdentity, signed, &text).await?;
    app.storage.seal_identity(session, identity, body.backup, key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The sealed identity
#[utoipa::path(
    get, path = "/users/me/backup", tag = "users",
    responses((status = OK, body = SealedIdentity)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::NoBackup]))),
)]
pub(super) async fn fetch(
    State(storage): State<SharedStorage>,
    AnySession(session): AnySession,
) -> Result<Json<SealedIdentity>, ApiError> {
    let mut all = storage.backups(session.user).await?.into_iter();
    let backup = all.next().ok_or(ApiError::new(ErrorCode::NoBackup, "the account has no backup"))?;
    Ok(Json(SealedIdentity { backup, earlier: all.collect() }))
}
