//! The account key, sealed by the client with the recovery key.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::ErrorCode;
use privmsg_protocol::limits::MAX_BACKUP_LEN;
use privmsg_protocol::rest::Backup;

use crate::error::ApiError;
use crate::extract;
use crate::storage::{Session, SharedStorage};

/// Keep the sealed account key
#[utoipa::path(
    put, path = "/users/me/backup", tag = "users",
    request_body = Backup,
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest]))),
)]
pub(super) async fn store(
    State(storage): State<SharedStorage>,
    session: Session,
    extract::Json(Backup { backup }): extract::Json<Backup>,
) -> Result<StatusCode, ApiError> {
    if backup.is_empty() || backup.len() > MAX_BACKUP_LEN {
        return Err(ApiError::invalid("the backup is empty or too large"));
    }
    storage.set_backup(session.user, backup).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The sealed account key
#[utoipa::path(
    get, path = "/users/me/backup", tag = "users",
    responses((status = OK, body = Backup)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::NoBackup]))),
)]
pub(super) async fn fetch(State(storage): State<SharedStorage>, session: Session) -> Result<Json<Backup>, ApiError> {
    let backup = storage.backup(session.user).await?;
    let backup = backup.ok_or(ApiError::new(ErrorCode::NoBackup, "the account has no backup"))?;
    Ok(Json(Backup { backup }))
}
