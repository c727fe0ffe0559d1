//! One's own devices.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::rest::Devices;
use privmsg_protocol::{DeviceId, ErrorCode};

use crate::error::ApiError;
use crate::extract::Params;
use crate::hub::{CloseReason, Hub};
use crate::storage::{Session, SharedStorage};

/// One's own devices
#[utoipa::path(
    get, path = "/users/me/devices", tag = "devices",
    responses((status = OK, body = Devices)),
    security(("session" = [])),
)]
pub(super) async fn list(State(storage): State<SharedStorage>, session: Session) -> Result<Json<Devices>, ApiError> {
    let devices = storage.devices(session).await?;
    Ok(Json(Devices { devices }))
}

/// Sign a device of one's own out
///
/// One that stands in the account's device list leaves by the next list.
#[utoipa::path(
    delete, path = "/users/me/devices/{device_id}", tag = "devices",
    params(("device_id" = DeviceId, Path, description = "Device")),
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownDevice, ErrorCode::SignatureRequired]))),
)]
pub(super) async fn remove(
    State(storage): State<SharedStorage>,
    State(hub): State<Arc<Hub>>,
    session: Session,
    Params(device_id): Params<DeviceId>,
) -> Result<StatusCode, ApiError> {
    let device = storage.remove_device(session, device_id).await?;
    hub.close(&[device], CloseReason::SessionEnded);
    Ok(StatusCode::NO_CONTENT)
}
