//! Users and their devices.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::rest::{AdminRequest, AdminUserDetail, AdminUsers, CreateUser, CreatedUser, ResetKey};
use privmsg_protocol::{DeviceId, UserId};

use super::Administrator;
use crate::admin;
use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::storage::Act;

pub(super) async fn create(
    State(app): State<AppState>,
    Administrator { by, request }: Administrator<CreateUser>,
) -> Result<Json<CreatedUser>, ApiError> {
    Ok(Json(admin::create_user(&app, request.user_id, by).await?))
}

pub(super) async fn list(
    State(app): State<AppState>,
    _: Administrator<AdminRequest>,
) -> Result<Json<AdminUsers>, ApiError> {
    Ok(Json(admin::users(&*app.storage, &app.hub).await?))
}

pub(super) async fn show(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    _: Administrator<AdminRequest>,
) -> Result<Json<AdminUserDetail>, ApiError> {
    Ok(Json(admin::user(&*app.storage, &app.hub, user_id).await?))
}

pub(super) async fn remove(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::DeleteUser { user_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn deactivate(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::DeactivateUser { user_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn reactivate(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::ReactivateUser { user_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn reset_key(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, request }: Administrator<ResetKey>,
) -> Result<Json<CreatedUser>, ApiError> {
    let (created, act) = admin::new_key(user_id, request.sign_out_devices);
    admin::carry_out(&app, act, by).await?;
    Ok(Json(created))
}

pub(super) async fn sign_out_device(
    State(app): State<AppState>,
    Params((user_id, device_id)): Params<(UserId, DeviceId)>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::SignOutDevice { user_id, device_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}
