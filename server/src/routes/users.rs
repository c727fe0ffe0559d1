//! Profiles.

use axum::Json;
use axum::extract::State;
use privmsg_protocol::limits::{MAX_NAME_LEN, MAX_PUBLIC_KEY_LEN};
use privmsg_protocol::rest::{OwnProfile, UpdateProfile, UserProfile};
use privmsg_protocol::{ErrorCode, UserId};

use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::{self, AnySession, Params};
use crate::storage::{Own, Session, SharedStorage};

/// One's own profile
#[utoipa::path(
    get, path = "/users/me", tag = "users",
    responses((status = OK, body = OwnProfile)),
    security(("session" = [])),
)]
pub(super) async fn me(
    State(storage): State<SharedStorage>,
    AnySession(session): AnySession,
) -> Result<Json<OwnProfile>, ApiError> {
    let waiting = session.waiting;
    let Own { profile, replacement: identity_replacement } = storage.own(session).await?;
    Ok(Json(OwnProfile { profile, waiting, identity_replacement }))
}

/// Somebody's profile
///
/// Of users with whom no conversation is shared only what they have made public.
#[utoipa::path(
    get, path = "/users/{user_id}", tag = "users",
    params(("user_id" = UserId, Path, description = "Account")),
    responses((status = OK, body = UserProfile)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser]))),
)]
pub(super) async fn show(
    State(storage): State<SharedStorage>,
    session: Session,
    Params(user_id): Params<UserId>,
) -> Result<Json<UserProfile>, ApiError> {
    Ok(Json(storage.profile(user_id, session.user).await?))
}

/// Change one's own profile
#[utoipa::path(
    post, path = "/users/me/profile", tag = "users",
    request_body = UpdateProfile,
    responses((status = OK, body = UserProfile)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::IdentityExists, ErrorCode::UnknownFile]))),
)]
pub(super) async fn update(
    State(app): State<AppState>,
    session: Session,
    extract::Json(update): extract::Json<UpdateProfile>,
) -> Result<Json<UserProfile>, ApiError> {
    let too_long = |text: &Option<String>, max| text.as_ref().is_some_and(|text| text.len() > max);
    if too_long(&update.display_name, MAX_NAME_LEN) {
        return Err(ApiError::invalid(format!("display_name is too long; it may have {MAX_NAME_LEN} bytes")));
    }
    if too_long(&update.public_key, MAX_PUBLIC_KEY_LEN) {
        return Err(ApiError::invalid(format!("public_key is too long; it may have {MAX_PUBLIC_KEY_LEN} bytes")));
    }
    if update.public_key.as_deref() == Some("") {
        return Err(ApiError::invalid("public_key must not be empty"));
    }
    if let Some(file) = app.storage.update_profile(session.clone(), update).await? {
        super::files::remove_from_disk(&app, &file).await;
    }
    Ok(Json(app.storage.profile(session.user_id, session.user).await?))
}
