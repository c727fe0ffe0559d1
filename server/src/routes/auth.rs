//! Signing in and out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::limits::{MAX_NAME_LEN, MAX_PUBLIC_KEY_LEN};
use privmsg_protocol::rest::{
    CreatedUser, LoginRequest, LoginResponse, RedeemRequest, RefreshRequest, RefreshResponse, UserProfile,
};
use privmsg_protocol::{ErrorCode, Opaque, Secret};

use crate::app::{App, AppState, Shown};
use crate::clock::format_utc;
use crate::error::ApiError;
use crate::extract::{self, AnySession, Bearer};
use crate::http::Peer;
use crate::hub::{CloseReason, Hub};
use crate::secrets::{KeyHash, is_key, random_key};
use crate::storage::{Login, Refusal, SharedStorage, SignedIn, StorageError, StoredInvitation};

/// A session lasts 30 days; clients refresh it long before.
pub(super) const SESSION_SECONDS: i64 = 30 * 24 * 3600;

/// Sign in
///
/// The same `device_public_key` is the same device again, with its mailbox; its earlier session ends. Where the account
/// has a device list, a device that stands in it signs in by its key, and another one waits to be let in.
#[utoipa::path(
    post, path = "/auth/login", tag = "sessions",
    request_body = LoginRequest,
    responses((status = OK, body = LoginResponse)),
    extensions(("x-errors" = json!([ErrorCode::InvalidCredentials, ErrorCode::TooManyWrongKeys, ErrorCode::AccountRevoked, ErrorCode::InvalidRequest, ErrorCode::DeviceRemoved, ErrorCode::SignatureRequired, ErrorCode::RateLimited]))),
)]
pub(super) async fn login(
    State(app): State<AppState>,
    peer: Peer,
    extract::Json(request): extract::Json<LoginRequest>,
) -> Result<Json<LoginResponse>, ApiError> {
    let device_name = short(request.device_name, MAX_NAME_LEN, "device_name")?;
    let device_type = short(request.device_type, MAX_NAME_LEN, "device_type")?;
    let device_public_key = short(request.device_public_key, MAX_PUBLIC_KEY_LEN, "device_public_key")?;

    let known = app.storage.credentials(request.user_id.clone()).await?;
    // The same work whether there is such a user or not.
    let given = KeyHash::of(request.access_key.expose());
    let expected = known.as_ref().map_or(KeyHash::NOBODY, |known| known.key);
    let matches = given.matches(&expected);
    let Some(user) = known.filter(|_| matches) else {
        app.keys.note_wrong(Some(&request.user_id), peer.ip())?;
        return Err(ApiError::new(ErrorCode::InvalidCredentials, "user_id and access_key do not belong together"));
    };
    app.keys.forget_wrong(&request.user_id, peer.ip());
    if user.revoked {
        return Err(ApiError::new(ErrorCode::AccountRevoked, "the administrator has revoked this account"));
    }
    if !app.storage.knows_device(user.user, device_public_key.clone()).await? {
        app.allowances.new_device(user.user, Shown::AccessKey)?;
    }
    let token = random_key();
    let login = Login {
        user: user.user,
        device_name,
        device_type,
        device_public_key,
        token: KeyHash::of(token.expose()),
        expires_at: app.clock.now() + SESSION_SECONDS,
        max_devices: app.config.limits.max_devices_per_user,
    };
    let entered = app.storage.login(login).await?;
    Ok(signed_in(&app, entered, user.profile, token))
}

/// The answer to whoever has signed in.
pub(super) fn signed_in(
    app: &App,
    SignedIn { session, answered, pushed_out }: SignedIn,
    mut profile: UserProfile,
    token: Secret,
) -> Json<LoginResponse> {
    // A device that signs in again ends its earlier session, open connection included.
    app.hub.close(&[session.device], CloseReason::SessionEnded);
    if let Some(device) = pushed_out {
        app.hub.close(&[device], CloseReason::SessionEnded);
    }
    profile.last_seen_at = format_utc(app.clock.now());
    Json(LoginResponse {
        token,
        device_id: session.device_id,
        expires_at: session.expires_at,
        user: profile,
        waiting: session.waiting,
        answered: answered.iter().map(|one| Opaque::encode(&one.encode())).collect(),
    })
}

/// An access key for an invitation
///
/// Whoever asks with a wrong, ended or withdrawn invitation, or for a user who does not exist, gets the same answer after the
/// same work: only a good one is written down. Who has the right one is told that it has been used.
#[utoipa::path(
    post, path = "/auth/redeem", tag = "sessions",
    request_body = RedeemRequest,
    responses((status = OK, body = CreatedUser)),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::InvalidCredentials, ErrorCode::TooManyWrongKeys, ErrorCode::InvitationUsed, ErrorCode::RateLimited]))),
)]
pub(super) async fn redeem(
    State(app): State<AppState>,
    peer: Peer,
    extract::Json(request): extract::Json<RedeemRequest>,
) -> Result<Json<CreatedUser>, ApiError> {
    let access_key = request.access_key.unwrap_or_else(random_key);
    if !is_key(access_key.expose()) {
        return Err(ApiError::invalid("access_key is not 32 bytes in base64url without padding"));
    }
    let hash = KeyHash::of(access_key.expose());
    let key = KeyHash::of(request.invitation_key.expose());
    let known = app.storage.invitation(request.user_id.clone()).await?;
    let expected = known.as_ref().map_or(KeyHash::NOBODY, |known| known.key);
    let matches = key.matches(&expected);
    let is_good = |known: &StoredInvitation| known.expires_at > app.clock.now();
    let redeemed = match known.filter(|known| matches && is_good(known)) {
        Some(_) => app.storage.redeem(request.user_id.clone(), key, hash).await,
        None => Err(Refusal::new(ErrorCode::InvalidCredentials, "").into()),
    };
    match redeemed {
        Ok(()) => {
            app.keys.forget_wrong(&request.user_id, peer.ip());
            Ok(Json(CreatedUser { user_id: request.user_id, access_key }))
        }
        Err(StorageError::Refused(refusal)) if refusal.code == ErrorCode::InvalidCredentials => {
            app.keys.note_wrong(Some(&request.user_id), peer.ip())?;
            let detail = "the invitation does not fit, or has ended or been withdrawn; ask for a new one";
            Err(ApiError::new(ErrorCode::InvalidCredentials, detail))
        }
        Err(error) => Err(error.into()),
    }
}

/// A new token for the old one
///
/// The old one comes in the header or in the body. A device that has shown its key, or stands in the account's device list,
/// signs in by its key instead: a token that was copied ends, and whoever has copied the key is noticed.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "sessions",
    request_body = Option<RefreshRequest>,
    responses((status = OK, body = RefreshResponse)),
    security(("session" = []), ()),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::SignatureRequired]))),
)]
pub(super) async fn refresh(
    State(app): State<AppState>,
    peer: Peer,
    Bearer(bearer): Bearer,
    extract::OptionalJson(body): extract::OptionalJson<RefreshRequest>,
) -> Result<Json<RefreshResponse>, ApiError> {
    let presented = match (bearer, body.token) {
        (Some(bearer), Some(token)) if !KeyHash::of(bearer.expose()).matches(&KeyHash::of(token.expose())) => {
            return Err(ApiError::invalid("the header and the body have different tokens"));
        }
        (bearer, token) => bearer.or(token),
    };
    let session = extract::session_of(&app, presented, peer).await?;
    let token = random_key();
    let expires_at = app.clock.now() + SESSION_SECONDS;
    app.storage.renew_token(session, KeyHash::of(token.expose()), expires_at).await?;
    Ok(Json(RefreshResponse { token, expires_at }))
}

/// Sign out
///
/// The device goes, with its mailbox.
#[utoipa::path(
    post, path = "/auth/logout", tag = "sessions",
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownDevice]))),
)]
pub(super) async fn logout(
    State(storage): State<SharedStorage>,
    State(hub): State<Arc<Hub>>,
    AnySession(session): AnySession,
) -> Result<StatusCode, ApiError> {
    let device_id = session.device_id.clone();
    let device = storage.remove_device(session, device_id).await?;
    hub.close(&[device], CloseReason::SessionEnded);
    Ok(StatusCode::NO_CONTENT)
}

/// Absent is the same as empty.
pub(super) fn short(text: Option<String>, max: usize, field: &str) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    if text.len() > max {
        return Err(ApiError::invalid(format!("{field} is too long; it may have {max} bytes")));
    }
    Ok(text)
}
