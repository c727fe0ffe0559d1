//! Replacements of users' identities, which the administrator ends or lets pass.

use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::rest::AdminRequest;
use privmsg_protocol::{ErrorCode, UserId};

use super::Administrator;
use crate::admin;
use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::storage::Act;

/// Let the replacement of a user's identity take effect at once
#[utoipa::path(
    post, path = "/admin/users/{user_id}/identity-replacement", tag = "administration",
    operation_id = "pass_replacement",
    params(("user_id" = UserId, Path, description = "Account")),
    request_body = Option<AdminRequest>,
    responses((status = NO_CONTENT)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser, ErrorCode::NoReplacement]))),
)]
pub(super) async fn pass(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::PassReplacement { user_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End the replacement of a user's identity
#[utoipa::path(
    delete, path = "/admin/users/{user_id}/identity-replacement", tag = "administration",
    operation_id = "end_replacement",
    params(("user_id" = UserId, Path, description = "Account")),
    request_body = Option<AdminRequest>,
    responses((status = NO_CONTENT)),
    security(("admin" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser, ErrorCode::NoReplacement]))),
)]
pub(super) async fn end(
    State(app): State<AppState>,
    Params(user_id): Params<UserId>,
    Administrator { by, .. }: Administrator<AdminRequest>,
) -> Result<StatusCode, ApiError> {
    admin::carry_out(&app, Act::EndReplacement { user_id }, by).await?;
    Ok(StatusCode::NO_CONTENT)
}
