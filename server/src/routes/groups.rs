//! MLS groups.

use std::collections::HashSet;
use std::path::Path;

use axum::Json;
use axum::extract::State;
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
use crate::storage::{Session, StorageError};

#[derive(Deserialize)]
pub(super) struct StateQuery {
    epoch: Option<Epoch>,
}

pub(super) async fn create(
    State(app): State<AppState>,
    session: Session,
    extract::Json(group): extract::Json<CreateGroup>,
) -> Result<Json<Group>, ApiError> {
    check_sizes(&app, None, &group.welcomes, &group.state)?;
    if group.welcomes.len() >= MAX_GROUP_LEAVES {
        return Err(ApiError::invalid("the group would have too many leaves"));
    }
    limit_rate(&app, &session)?;
    let database = app.config.storage.database_path.parent().unwrap_or(Path::new(""));
    if !disk::has_more_than(app.config.storage.min_free_bytes(), database) {
        return Err(StorageError::Full.into());
    }
    let creator = session.user;
    app.new_groups.take(&creator, app.clock.now_ms()).map_err(ApiError::rate_limited)?;
    let created = app.storage.create_group(session, group).await;
    if created.is_err() {
        app.new_groups.give_back(&creator);
    }
    Ok(Json(created?))
}

pub(super) async fn commit(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
    extract::Json(commit): extract::Json<SubmitCommit>,
) -> Result<Json<CommitAccepted>, ApiError> {
    check_numbers(&commit)?;
    check_sizes(&app, Some(&commit.commit), &commit.welcomes, &commit.state)?;
    limit_rate(&app, &session)?;
    let accepted = app.storage.submit_commit(session, group_id, commit).await?;
    Ok(Json(accepted))
}

pub(super) async fn list(State(app): State<AppState>, session: Session) -> Result<Json<Groups>, ApiError> {
    let groups = app.storage.groups(session.user).await?;
    Ok(Json(Groups { groups }))
}

pub(super) async fn show(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
) -> Result<Json<Group>, ApiError> {
    Ok(Json(app.storage.group(session.user, group_id).await?))
}

pub(super) async fn state(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
    Search(query): Search<StateQuery>,
) -> Result<Json<GroupStateAt>, ApiError> {
    let state = app.storage.group_state(session, group_id, query.epoch).await?;
    Ok(Json(state))
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

/// Commits are messages, and count as such.
fn limit_rate(app: &App, session: &Session) -> Result<(), ApiError> {
    app.messages.take(&session.user_id, app.clock.now_ms()).map_err(ApiError::rate_limited)
}
