//! One's own devices.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::DeviceId;
use privmsg_protocol::rest::Devices;

use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::hub::CloseReason;
use crate::storage::Session;

pub(super) async fn list(State(app): State<AppState>, session: Session) -> Result<Json<Devices>, ApiError> {
    let devices = app.storage.devices(session).await?;
    Ok(Json(Devices { devices }))
}

pub(super) async fn remove(
    State(app): State<AppState>,
    session: Session,
    Params(device_id): Params<DeviceId>,
) -> Result<StatusCode, ApiError> {
    let device = app.storage.remove_device(session.user, device_id).await?;
    app.hub.close(&[device], CloseReason::SessionEnded);
    Ok(StatusCode::NO_CONTENT)
}
