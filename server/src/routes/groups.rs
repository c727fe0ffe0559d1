//! MLS groups.

use std::collections::HashSet;
use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use privmsg_protocol::limits::MAX_GROUP_LEAVES;
use privmsg_protocol::rest::{
    CommitAccepted, CreateGroup, DeviceWelcome, Group, GroupStateAt, Groups, PublicGroupState, SubmitCommit,
};
use privmsg_protocol::{Epoch, ErrorCode, GroupId, Opaque};
use serde::Deserialize;

use crate::app::{App, AppState};
use crate::disk;
use crate::error::ApiError;
use crate::extract::{self, Params, Search};
use crate::http::answer;
use crate::storage::{Session, SharedStorage, StorageError};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StateQuery {
    /// An earlier epoch, whose welcome still waits in the mailbox of the device that asks.
    epoch: Option<Epoch>,
}

/// A new conversation, or one that goes on in another group
///
/// The same again by the same device is answered with the group as it is. A later incarnation ends the group before it.
#[utoipa::path(
    post, path = "/groups", tag = "groups",
    request_body = CreateGroup,
    responses((status = OK, body = Group)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::HandshakeTooLarge, ErrorCode::RateLimited, ErrorCode::ConversationExists, ErrorCode::StaleIncarnation, ErrorCode::UnknownGroup, ErrorCode::UnknownRecipient, ErrorCode::UnknownDevice, ErrorCode::MailboxFull]))),
)]
pub(super) async fn create(
    State(app): State<AppState>,
    session: Session,
    extract::Json(group): extract::Json<CreateGroup>,
) -> Result<Json<Group>, ApiError> {
    check_sizes(&app, None, &group.welcomes, &group.state)?;
    if group.welcomes.len() >= MAX_GROUP_LEAVES {
        return Err(ApiError::invalid("the group would have too many leaves"));
    }
    app.allowances.handshake(&session)?;
    let folder = app.config.storage.database_path.parent().unwrap_or(Path::new(""));
    if !disk::has_reserve(folder, app.config.limits.reserve_bytes()) {
        return Err(StorageError::Full.into());
    }
    let creator = session.user;
    app.allowances.new_group(creator)?;
    let created = app.storage.create_group(session, group).await;
    if created.is_err() {
        app.allowances.no_new_group(creator);
    }
    Ok(Json(created?))
}

/// Change a group
///
/// One commit is taken per epoch. The same again is answered as the first time.
#[utoipa::path(
    post, path = "/groups/{group_id}/commits", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group")),
    request_body = SubmitCommit,
    responses((status = OK, body = CommitAccepted)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::HandshakeTooLarge, ErrorCode::RateLimited, ErrorCode::UnknownGroup, ErrorCode::NotAMember, ErrorCode::StaleEpoch, ErrorCode::MessageIdConflict, ErrorCode::UnknownDevice, ErrorCode::MailboxFull]))),
)]
pub(super) async fn commit(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
    extract::Json(commit): extract::Json<SubmitCommit>,
) -> Result<Json<CommitAccepted>, ApiError> {
    check_numbers(&commit)?;
    check_sizes(&app, Some(&commit.commit), &commit.welcomes, &commit.state)?;
    app.allowances.handshake(&session)?;
    let accepted = app.storage.submit_commit(session, group_id, commit).await?;
    Ok(Json(accepted))
}

/// All groups that the user takes part in
#[utoipa::path(
    get, path = "/groups", tag = "groups",
    responses((status = OK, body = Groups)),
    security(("session" = [])),
)]
pub(super) async fn list(State(storage): State<SharedStorage>, session: Session) -> Result<Json<Groups>, ApiError> {
    let groups = storage.groups(session.user).await?;
    Ok(Json(Groups { groups }))
}

/// A group
#[utoipa::path(
    get, path = "/groups/{group_id}", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group")),
    responses((status = OK, body = Group)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownGroup]))),
)]
pub(super) async fn show(
    State(storage): State<SharedStorage>,
    session: Session,
    Params(group_id): Params<GroupId>,
) -> Result<Json<Group>, ApiError> {
    Ok(Json(storage.group(session.user, group_id).await?))
}

/// What is needed to join a group
#[utoipa::path(
    get, path = "/groups/{group_id}/state", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group"), StateQuery),
    responses((status = OK, body = GroupStateAt)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownGroup, ErrorCode::StaleEpoch, ErrorCode::RateLimited]))),
)]
pub(super) async fn state(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
    Search(query): Search<StateQuery>,
) -> Result<Response, ApiError> {
    let user = session.user;
    let state = app.storage.group_state(session, group_id, query.epoch).await?;
    answer::json(&app, user, serde_json::to_vec(&state).expect("a state is plain data"))
}

/// No group has more leaves, so longer lists need not be looked up.
fn check_numbers(commit: &SubmitCommit) -> Result<(), ApiError> {
    let removed: HashSet<_> = commit.removed.iter().collect();
    if removed.len() != commit.removed.len() {
        return Err(ApiError::invalid("a device is removed twice"));
    }
    if removed.len() > MAX_GROUP_LEAVES || commit.welcomes.len() > MAX_GROUP_LEAVES {
        return Err(ApiError::invalid("more devices are named than a group can have"));
    }
    Ok(())
}

fn check_sizes(
    app: &App,
    commit: Option<&Opaque>,
    welcomes: &[DeviceWelcome],
    state: &PublicGroupState,
) -> Result<(), ApiError> {
    let limit = app.config.limits.handshake_bytes();
    let mut pieces = commit
        .into_iter()
        .chain(welcomes.iter().map(|welcome| &welcome.welcome))
        .chain([&state.group_info, &state.ratchet_tree]);
    if pieces.any(|piece| piece.len() as u64 > limit) {
        return Err(ApiError::new(
            ErrorCode::HandshakeTooLarge,
            "a commit, welcome or group state is over the server's limit",
        ));
    }
    Ok(())
}
