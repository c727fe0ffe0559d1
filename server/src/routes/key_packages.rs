//! Key packages.

use axum::Json;
use axum::extract::State;
use privmsg_protocol::UserId;
use privmsg_protocol::limits::MAX_KEY_PACKAGES;
use privmsg_protocol::rest::{ClaimKeyPackages, ClaimedKeyPackages, KeyPackageStock, PublishKeyPackages};

use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::{self, OptionalJson, Params};
use crate::storage::Session;

/// Longest key package, in characters. A post-quantum one has 3,600.
pub(super) const MAX_LEN: usize = 32 * 1024;

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
    app.note_handshake(&session)?;
    Ok(Json(app.storage.publish_key_packages(session, packages).await?))
}

pub(super) async fn stock(State(app): State<AppState>, session: Session) -> Result<Json<KeyPackageStock>, ApiError> {
    Ok(Json(app.storage.key_package_stock(session.device).await?))
}

pub(super) async fn claim(
    State(app): State<AppState>,
    session: Session,
    Params(user_id): Params<UserId>,
    OptionalJson(request): OptionalJson<ClaimKeyPackages>,
) -> Result<Json<ClaimedKeyPackages>, ApiError> {
    app.note_claim(&session.user_id, &user_id)?;
    let claimed = app.storage.claim_key_packages(session.device, user_id, request.device_ids).await?;
    Ok(Json(claimed))
}
