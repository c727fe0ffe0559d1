//! Answering what others ask: see `storage/sqlite/consent.rs`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use privmsg_protocol::frames::{Presence, PresenceStatus, ServerFrame};
use privmsg_protocol::rest::Requests;
use privmsg_protocol::{ErrorCode, GroupId};

use crate::app::AppState;
use crate::error::ApiError;
use crate::extract::Params;
use crate::hub::Rank;
use crate::storage::{Session, SharedStorage};

/// What others ask of the user
///
/// Conversations that they have begun and that no person of the user has answered; and what the user has declined.
#[utoipa::path(
    get, path = "/users/me/requests", tag = "users",
    responses((status = OK, body = Requests)),
    security(("session" = [])),
)]
pub(super) async fn requests(
    State(storage): State<SharedStorage>,
    session: Session,
) -> Result<Json<Requests>, ApiError> {
    Ok(Json(storage.asked(session.user).await?))
}

/// Let a conversation in
///
/// As if the user had written there. Takes back that it was declined.
#[utoipa::path(
    post, path = "/groups/{group_id}/accept", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group")),
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownGroup, ErrorCode::RateLimited]))),
)]
pub(super) async fn accept(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
) -> Result<StatusCode, ApiError> {
    app.allowances.account_change(&session)?;
    app.storage.accept(session, group_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Be spared a conversation between two
///
/// Nothing that the other one says there arrives any more, until the user writes there or accepts it. The other one is not
/// told.
#[utoipa::path(
    post, path = "/groups/{group_id}/decline", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group")),
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownGroup, ErrorCode::InvalidRequest, ErrorCode::RateLimited]))),
)]
pub(super) async fn decline(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
) -> Result<StatusCode, ApiError> {
    app.allowances.account_change(&session)?;
    let (key, user) = (session.user, session.user_id.clone());
    let declined = app.storage.decline(session, group_id).await?;
    // As if the user had gone.
    if declined.was_seen && !declined.is_seen && app.hub.status(&user) != PresenceStatus::Offline {
        let frame = ServerFrame::Presence(Presence { user_id: user, status: PresenceStatus::Offline });
        app.hub.send_ephemeral([&declined.peer], Rank::Presence, key, frame.to_json());
    }
    Ok(StatusCode::NO_CONTENT)
}
