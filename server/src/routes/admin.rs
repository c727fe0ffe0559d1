//! Administration. The admin key comes in the body, as documented, or as `Authorization: Bearer`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::UserId;
use privmsg_protocol::rest::{AdminRequest, CreateUser, CreatedUser, DoctorReport, Stats};

use crate::accounts;
use crate::app::AppState;
use crate::doctor::{Patient, Setting};
use crate::error::ApiError;
use crate::extract::{Bearer, OptionalJson, Params, Peer};
use crate::hub::CloseReason;

const BYTES_PER_MB: f64 = 1_048_576.0;

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
