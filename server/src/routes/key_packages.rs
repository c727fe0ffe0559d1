//! Key packages.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use privmsg_protocol::limits::{MAX_GROUP_PEOPLE, MAX_KEY_PACKAGES};
use privmsg_protocol::rest::{
    ClaimKeyPackages, ClaimMany, ClaimOf, ClaimedKeyPackages, ClaimedMany, ClaimedOf, KeyPackageStock,
    PublishKeyPackages,
};
use privmsg_protocol::{ErrorCode, UserId};

use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::{self, OptionalJson, Params, Recipient};
use crate::http::answer;
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

/// A key package of each device of many users
///
/// Each is claimed as by itself: who cannot be is named with the reason, and keeps nobody else from being.
#[utoipa::path(
    post, path = "/key-packages/claim", tag = "key packages",
    request_body = ClaimMany,
    responses((status = OK, body = ClaimedMany)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::RateLimited]))),
)]
pub(super) async fn claim_many(
    State(app): State<AppState>,
    session: Session,
    extract::Json(request): extract::Json<ClaimMany>,
) -> Result<Response, ApiError> {
    let users: HashSet<&UserId> = request.claims.iter().map(|claim| &claim.user_id).collect();
    if users.is_empty() || users.len() != request.claims.len() || users.len() > MAX_GROUP_PEOPLE {
        return Err(ApiError::invalid("a claim is of 1 to 250 users, and of none of them twice"));
    }
    let may = app.allowances.claim_many(&session.user_id, request.claims.iter().map(|claim| &claim.user_id))?;
    let mut may = may.into_iter();
    let (claims, refused): (Vec<ClaimOf>, Vec<ClaimOf>) =
        request.claims.into_iter().partition(|_| may.next().unwrap_or_default());
    let too_often = |claim: ClaimOf| {
        let (user_id, key_packages) = (claim.user_id, Vec::new());
        ClaimedOf { user_id, key_packages, refused: Some(ErrorCode::RateLimited) }
    };
    let claimed = async {
        let mut users = app.storage.claim_many(session.device, claims).await?;
        users.extend(refused.into_iter().map(too_often));
        Ok(serde_json::to_vec(&ClaimedMany { users }).expect("key packages are plain data"))
    };
    answer::made(&app, session.user, claimed).await
}
