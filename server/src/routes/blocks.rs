//! Whom a user has blocked. Those who are get no sign of it, but that the user is not there any more.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::frames::{Presence, PresenceStatus, ServerFrame};
use privmsg_protocol::rest::BlockedUsers;
use privmsg_protocol::{ErrorCode, UserId};

use crate::app::{App, AppState};
use crate::error::ApiError;
use crate::extract::Params;
use crate::hub::Rank;
use crate::storage::{Session, SharedStorage, UserKey};

/// Whom one has blocked
#[utoipa::path(
    get, path = "/users/me/blocks", tag = "users",
    responses((status = OK, body = BlockedUsers)),
    security(("session" = [])),
)]
pub(super) async fn list(
    State(storage): State<SharedStorage>,
    session: Session,
) -> Result<Json<BlockedUsers>, ApiError> {
    Ok(Json(BlockedUsers { blocked: storage.blocked(session.user).await? }))
}

/// Block somebody
///
/// When the answer comes, nothing that they send arrives any more.
#[utoipa::path(
    put, path = "/users/me/blocks/{user_id}", tag = "users",
    params(("user_id" = UserId, Path, description = "Account")),
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser, ErrorCode::InvalidRequest, ErrorCode::RateLimited]))),
)]
pub(super) async fn block(
    State(app): State<AppState>,
    session: Session,
    Params(peer): Params<UserId>,
) -> Result<StatusCode, ApiError> {
    app.allowances.account_change(&session)?;
    let (key, user) = (session.user, session.user_id.clone());
    if let Some(seen) = app.storage.block(session, peer.clone()).await? {
        let offline = |_: &UserId| PresenceStatus::Offline;
        if seen.sees_user {
            show(&app, key, &user, &peer, offline);
        }
        if seen.seen_by_user {
            show(&app, key, &peer, &user, offline);
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Unblock somebody
///
/// What they have sent meanwhile does not arrive any more.
#[utoipa::path(
    delete, path = "/users/me/blocks/{user_id}", tag = "users",
    params(("user_id" = UserId, Path, description = "Account")),
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownUser, ErrorCode::RateLimited]))),
)]
pub(super) async fn unblock(
    State(app): State<AppState>,
    session: Session,
    Params(peer): Params<UserId>,
) -> Result<StatusCode, ApiError> {
    app.allowances.account_change(&session)?;
    let (key, user) = (session.user, session.user_id.clone());
    if let Some(seen) = app.storage.unblock(session, peer.clone()).await? {
        let status = |who: &UserId| app.hub.status(who);
        if seen.sees_user {
            show(&app, key, &user, &peer, status);
        }
        if seen.seen_by_user {
            show(&app, key, &peer, &user, status);
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Tells `to` that `who` has come or gone, where they would see another state than they have seen, as `by` has decided.
fn show(app: &App, by: UserKey, who: &UserId, to: &UserId, status: impl Fn(&UserId) -> PresenceStatus) {
    if app.hub.status(who) == PresenceStatus::Offline {
        return;
    }
    let frame = ServerFrame::Presence(Presence { user_id: who.clone(), status: status(who) });
    app.hub.send_ephemeral([to], Rank::Presence, by, frame.to_json());
}
