//! Key packages.

use axum::Json;
use axum::extract::State;
use privmsg_protocol::limits::MAX_KEY_PACKAGES;
use privmsg_protocol::rest::{ClaimKeyPackages, ClaimedKeyPackages, KeyPackageStock, PublishKeyPackages};
use privmsg_protocol::{ErrorCode, UserId};

use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::{self, OptionalJson, Params, Recipient};
use crate::storage::{Session, SharedStorage};

/// Longest key package, in characters. A post-quantum one has 3,600.
pub(super) const MAX_LEN: usize = 32 * 1024;

/// Add to this device's stock of key packages
#[utoipa::path(
    post, path = "/key-packages", tag = "key packages",
    request_body = PublishKeyPackages,
    responses((status = OK, body = KeyPackageStock)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest]))),
)]
pub(super) async fn publish(
    State(app): State<AppState>,
    session: Session,
    extract::Json(packages): extract::Json<PublishKeyPackages>,
) -> Result<Json<KeyPackageStock>, ApiError> {
    if packages.key_packages.len() > MAX_KEY_PACKAGES {
        return Err(ApiError::invalid("too many key packages at once"));
    }
    let mut all = packages.key_packages.iter().chain(&packages.last_resort);
    if all.any(|package| package.is_empty() || package.len() > MAX_LEN) {
        return Err(ApiError::invalid("a key package is empty or too large"));
    }
    app.allowances.handshake(&session)?;
    Ok(Json(app.storage.publish_key_packages(session, packages).await?))
}

/// This device's stock of key packages
#[utoipa::path(
    get, path = "/key-packages", tag = "key packages",
    responses((status = OK, body = KeyPackageStock)),
    security(("session" = [])),
)]
pub(super) async fn stock(
    State(storage): State<SharedStorage>,
    session: Session,
) -> Result<Json<KeyPackageStock>, ApiError> {
    Ok(Json(storage.key_package_stock(session.device).await?))
}

/// A key package of each device of a user
#[utoipa::path(
    post, path = "/users/{user_id}/key-packages/claim", tag = "key packages",
    params(("user_id" = UserId, Path, description = "Account")),
    request_body = Option<ClaimKeyPackages>,
    responses((status = OK, body = ClaimedKeyPackages)),
    security(("session" = [])),
    extensions(("x-errors" = json!([
        ErrorCode::InvalidRequest,
        ErrorCode::UnknownRecipient,
        ErrorCode::RecipientHasNoDevices,
        ErrorCode::RateLimited,
    ]))),
)]
pub(super) async fn claim(
    State(app): State<AppState>,
    session: Session,
    Params(Recipient(user_id)): Params<Recipient>,
    OptionalJson(request): OptionalJson<ClaimKeyPackages>,
) -> Result<Json<ClaimedKeyPackages>, ApiError> {
    app.allowances.claim(&session.user_id, &user_id)?;
    let claimed = app.storage.claim_key_packages(session.device, user_id, request.device_ids).await?;
    Ok(Json(claimed))
}
