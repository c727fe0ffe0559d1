//! Administration. The admin key comes in the body, as documented, or as `Authorization: Bearer`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::rest::{AdminRequest, CreateUser, CreatedUser, DoctorReport, Stats};
use privmsg_protocol::{ErrorCode, UserId};

use crate::accounts;
use crate::app::AppState;
use crate::doctor::{Patient, Setting};
use crate::error::ApiError;
use crate::extract::{Bearer, OptionalJson, Params, Peer};
use crate::hub::CloseReason;

const BYTES_PER_MB: f64 = 1_048_576.0;

/// Create a user
#[utoipa::path(
    post, path = "/admin/users", tag = "administration",
    request_body = Option<CreateUser>,
    responses((status = OK, body = CreatedUser)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::UserExists]))),
)]
pub(super) async fn create_user(
    State(app): State<AppState>,
    peer: Peer,
    bearer: Bearer,
    OptionalJson(request): OptionalJson<CreateUser>,
) -> Result<Json<CreatedUser>, ApiError> {
    app.administrator(request.admin_key.or(bearer.0).as_ref(), peer.ip())?;
    let created = accounts::create(&*app.storage, request.user_id).await?;
    Ok(Json(created))
}

/// Delete a user with everything of theirs
#[utoipa::path(
    delete, path = "/admin/users/{user_id}", tag = "administration",
    params(("user_id" = UserId, Path, description = "Account")),
    request_body = Option<AdminRequest>,
    responses((status = NO_CONTENT)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser]))),
)]
pub(super) async fn delete_user(
    State(app): State<AppState>,
    peer: Peer,
    bearer: Bearer,
    Params(user_id): Params<UserId>,
    OptionalJson(request): OptionalJson<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    app.administrator(request.admin_key.or(bearer.0).as_ref(), peer.ip())?;
    let (devices, files) = app.storage.delete_user(user_id).await?;
    app.hub.close(&devices, CloseReason::SessionEnded);
    for file in files {
        if let Err(error) = app.files.remove(&file).await {
            // The next cleanup finds a file without a row, and tries again.
            tracing::warn!(error = &error as &dyn std::error::Error, "a file was not deleted");
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Figures
#[utoipa::path(
    get, path = "/admin/stats", tag = "administration",
    responses((status = OK, body = Stats)),
    security(("admin" = [])),
)]
pub(super) async fn stats(
    State(app): State<AppState>,
    peer: Peer,
    bearer: Bearer,
    OptionalJson(request): OptionalJson<AdminRequest>,
) -> Result<Json<Stats>, ApiError> {
    app.administrator(request.admin_key.or(bearer.0).as_ref(), peer.ip())?;
    let stats = app.storage.stats().await?;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people, far below 2^53 bytes")]
    let megabytes = stats.bytes as f64 / BYTES_PER_MB;
    Ok(Json(Stats {
        total_users: stats.total_users,
        active_users: stats.active_users,
        online_users: app.hub.online_users(),
        pending_messages: stats.pending_messages,
        stored_files: stats.stored_files,
        storage_used_mb: (megabytes * 100.0).round() / 100.0,
    }))
}

/// What is in order and what is not
///
/// The same report as that of `privmsg-server doctor`. Takes some seconds; one is made at a time.
#[utoipa::path(
    get, path = "/admin/doctor", tag = "administration",
    responses((status = OK, body = DoctorReport)),
    security(("admin" = [])),
)]
pub(super) async fn doctor(
    State(app): State<AppState>,
    peer: Peer,
    bearer: Bearer,
    OptionalJson(request): OptionalJson<AdminRequest>,
) -> Result<Json<DoctorReport>, ApiError> {
    app.administrator(request.admin_key.or(bearer.0).as_ref(), peer.ip())?;
    let patient = || Patient {
        config: app.config.clone(),
        coturn_file: None,
        setting: Setting::Server,
        clock: app.clock.clone(),
    };
    Ok(Json(app.practice.report(patient).await))
}
