//! One's own devices.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::rest::Devices;
use privmsg_protocol::{DeviceId, ErrorCode};

use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::hub::CloseReason;
use crate::storage::Session;

/// One's own devices
#[utoipa::path(
    get, path = "/users/me/devices", tag = "devices",
    responses((status = OK, body = Devices)),
    security(("session" = [])),
)]
pub(super) async fn list(State(app): State<AppState>, session: Session) -> Result<Json<Devices>, ApiError> {
    let devices = app.storage.devices(session).await?;
    Ok(Json(Devices { devices }))
}

/// Sign a device of one's own out
#[utoipa::path(
    delete, path = "/users/me/devices/{device_id}", tag = "devices",
    params(("device_id" = DeviceId, Path, description = "Device")),
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownDevice]))),
)]
pub(super) async fn remove(
    State(app): State<AppState>,
    session: Session,
    Params(device_id): Params<DeviceId>,
) -> Result<StatusCode, ApiError> {
    let device = app.storage.remove_device(session.user, device_id).await?;
    app.hub.close(&[device], CloseReason::SessionEnded);
    Ok(StatusCode::NO_CONTENT)
}
