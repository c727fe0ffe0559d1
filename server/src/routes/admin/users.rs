//! Users and their devices.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::rest::{AdminRequest, AdminUserDetail, AdminUsers, CreateUser, CreatedUser, ResetKey};
use privmsg_protocol::{DeviceId, ErrorCode, UserId};

use super::Administrator;
use crate::admin;
use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::hub::Hub;
use crate::storage::{Act, SharedStorage};

/// Create a user
#[utoipa::path(
    post, path = "/admin/users", tag = "administration",
    request_body = Option<CreateUser>,
    responses((status = OK, body = CreatedUser)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::UserExists]))),
)]
pub(super) async fn create(
    State(app): State<AppState>,
    Administrator { by, request }: Administrator<CreateUser>,
) -> Result<Json<CreatedUser>, ApiError> {
    Ok(Json(admin::create_user(&app, request.user_id, by).await?))
}

/// All users
#[utoipa::path(
    get, path = "/admin/users", tag = "administration",
    request_body = Option<AdminRequest>,
    responses((status = OK, body = AdminUsers)),
    security(("admin" = [])),
)]
pub(super) async fn list(
    State(storage): State<SharedStorage>,
    State(hub): State<Arc<Hub>>,
    _: Administrator<AdminRequest>,
) -> Result<Json<AdminUsers>, ApiError> {
    Ok(Json(admin::users(&storage, &hub).await?))
}

/// One user, with devices
#[utoipa::path(
    get, path = "/admin/users/{user_id}", tag = "administration",
    params(("user_id" = UserId, Path, description = "Account")),
    request_body = Option<AdminRequest>,
    responses((status = OK, body = AdminUserDetail)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser]))),
)]
pub(super) async fn show(
    State(storage): State<SharedStorage>,
    State(hub): State<Arc<Hub>>,
    Params(user_id): Params<UserId>,
    _: Administrator<AdminRequest>,
) -> Result<Json<AdminUserDetail>, ApiError> {
    Ok(Json(admin::user(&storage, &hub, user_id).await?))
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
pub(super) async fn remove(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::DeleteUser { user_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shut a user out
#[utoipa::path(
    post, path = "/admin/users/{user_id}/deactivate", tag = "administration",
    params(("user_id" = UserId, Path, description = "Account")),
    request_body = Option<AdminRequest>,
    responses((status = NO_CONTENT)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser]))),
)]
pub(super) async fn deactivate(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::DeactivateUser { user_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a user in again
#[utoipa::path(
    post, path = "/admin/users/{user_id}/reactivate", tag = "administration",
    params(("user_id" = UserId, Path, description = "Account")),
    request_body = Option<AdminRequest>,
    responses((status = NO_CONTENT)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser]))),
)]
pub(super) async fn reactivate(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::ReactivateUser { user_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new access key
#[utoipa::path(
    post, path = "/admin/users/{user_id}/reset-key", tag = "administration",
    params(("user_id" = UserId, Path, description = "Account")),
    request_body = Option<ResetKey>,
    responses((status = OK, body = CreatedUser)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser]))),
)]
pub(super) async fn reset_key(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, request }: Administrator<ResetKey>,
) -> Result<Json<CreatedUser>, ApiError> {
    let (created, act) = admin::new_key(user_id, request.sign_out_devices);
    admin::carry_out(&app, act, by).await?;
    Ok(Json(created))
}

/// Sign a device out
#[utoipa::path(
    delete, path = "/admin/users/{user_id}/devices/{device_id}", tag = "administration",
    params(("user_id" = UserId, Path, description = "Account"), ("device_id" = DeviceId, Path, description = "Device of that account")),
    request_body = Option<AdminRequest>,
    responses((status = NO_CONTENT)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser, ErrorCode::UnknownDevice]))),
)]
pub(super) async fn sign_out_device(
    State(app): State<AppState>,
    Params((user_id, device_id)): Params<(UserId, DeviceId)>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::SignOutDevice { user_id, device_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}
