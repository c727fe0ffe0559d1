//! MLS groups.

use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use privmsg_protocol::rest::{CommitAccepted, CreateGroup, DeviceWelcome, Group, GroupStateAt, Groups, SubmitCommit};
use privmsg_protocol::{Epoch, ErrorCode, GroupId, Opaque};
use serde::Deserialize;

use crate::app::{App, AppState};
use crate::disk;
use crate::error::ApiError;
use crate::extract::{self, Params, Search};
use crate::handshake;
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
/// Who is in it is read from its tree.
#[utoipa::path(
    post, path = "/groups", tag = "groups",
    request_body = CreateGroup,
    responses((status = OK, body = Group)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::HandshakeTooLarge, ErrorCode::InvalidHandshake, ErrorCode::RateLimited, ErrorCode::ConversationExists, ErrorCode::StaleIncarnation, ErrorCode::IncarnationAhead, ErrorCode::UnknownGroup, ErrorCode::UnknownRecipient, ErrorCode::UnknownDevice, ErrorCode::MailboxFull, ErrorCode::StorageFull]))),
)]
pub(super) async fn create(
    State(app): State<AppState>,
    session: Session,
    extract::Json(group): extract::Json<CreateGroup>,
) -> Result<Json<Group>, ApiError> {
    check_sizes(&app, [&group.state.group_info, &group.state.ratchet_tree], &group.welcomes)?;
    app.allowances.handshake(&session)?;
    check_disk(&app)?;
    let creator = session.user;
    app.allowances.new_group(creator)?;
    let created = found(&app, session, group).await;
    // What is no group has cost as much to look at as one.
    if created.as_ref().is_err_and(|error| !error.is(&ErrorCode::InvalidHandshake)) {
        app.allowances.no_new_group(creator);
    }
    Ok(Json(created?))
}

async fn found(app: &App, session: Session, group: CreateGroup) -> Result<Group, ApiError> {
    let by = session.clone();
    let founding = handshake::run(app, move || handshake::check_founding(&by, group)).await?;
    Ok(app.storage.create_group(session, founding).await?)
}

/// Change a group
///
/// One commit is taken per epoch, if it is valid for the group as the server has it. The same again is answered as the first
/// time.
#[utoipa::path(
    post, path = "/groups/{group_id}/commits", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group")),
    request_body = SubmitCommit,
    responses((status = OK, body = CommitAccepted)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::HandshakeTooLarge, ErrorCode::InvalidHandshake, ErrorCode::RateLimited, ErrorCode::UnknownGroup, ErrorCode::NotAMember, ErrorCode::StaleEpoch, ErrorCode::MessageIdConflict, ErrorCode::UnknownDevice, ErrorCode::MailboxFull, ErrorCode::StorageFull]))),
)]
pub(super) async fn commit(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
    extract::Json(commit): extract::Json<SubmitCommit>,
) -> Result<Json<CommitAccepted>, ApiError> {
    check_sizes(&app, [&commit.commit, &commit.group_info], &commit.welcomes)?;
    app.allowances.handshake(&session)?;
    check_disk(&app)?;
    let before = app.storage.state_to_commit_to(session.user, group_id).await?;
    let by = session.clone();
    let commit = handshake::run(&app, move || handshake::check_commit(&by, commit, before)).await?;
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
    let stored = app.storage.group_state(session, group_id, query.epoch).await?;
    let state = handshake::run(&app, move || handshake::shown(stored)).await?;
    answer::json(&app, user, serde_json::to_vec(&state).expect("a state is plain data"))
}

/// What the administrator allows at most, whatever a group needs.
fn check_sizes<'a>(
    app: &App,
    pieces: impl IntoIterator<Item = &'a Opaque>,
    welcomes: &'a [DeviceWelcome],
) -> Result<(), ApiError> {
    let limit = app.config.limits.handshake_bytes();
    let mut pieces = pieces.into_iter().chain(welcomes.iter().map(|welcome| &welcome.welcome));
    if pieces.any(|piece| piece.len() as u64 > limit) { Err(handshake::too_large()) } else { Ok(()) }
}

/// Like uploads, they leave the disk its reserve.
fn check_disk(app: &App) -> Result<(), ApiError> {
    let folder = app.config.storage.database_path.parent().unwrap_or(Path::new(""));
    if disk::has_reserve(folder, app.config.limits.reserve_bytes()) { Ok(()) } else { Err(StorageError::Full.into()) }
}
