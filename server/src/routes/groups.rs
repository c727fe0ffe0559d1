//! MLS groups.

use std::path::Path;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use privmsg_protocol::rest::{
    CommitAccepted, CreateGroup, Group, GroupStateAt, Groups, LeaveGroup, RosterSteps, SharedWelcome, SubmitCommit,
    TakenCommit, UnusableCommit,
};
use privmsg_protocol::{Epoch, ErrorCode, GroupId, Opaque};
use serde::Deserialize;

use crate::app::{App, AppState};
use crate::disk;
use crate::error::ApiError;
use crate::extract::{self, Params, Search};
use crate::handshake;
use crate::http::answer;
use crate::storage::{Session, SharedStorage, StorageError, rosters};

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct StateQuery {
    /// An earlier epoch, whose welcome still waits in the mailbox of the device that asks.
    epoch: Option<Epoch>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AfterQuery {
    /// Number of the newest roster that is known.
    after: u64,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SinceQuery {
    /// The cursor of an earlier answer.
    since: Option<String>,
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
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::HandshakeTooLarge, ErrorCode::InvalidHandshake, ErrorCode::InvalidRoster, ErrorCode::StaleRoster, ErrorCode::RateLimited, ErrorCode::TooManyRequests, ErrorCode::TooManyGroups, ErrorCode::CommitsSuspended, ErrorCode::ConversationExists, ErrorCode::StaleIncarnation, ErrorCode::IncarnationAhead, ErrorCode::UnknownGroup, ErrorCode::UnknownRecipient, ErrorCode::UnknownDevice, ErrorCode::MailboxFull, ErrorCode::StorageFull]))),
)]
pub(super) async fn create(
    State(app): State<AppState>,
    session: Session,
    extract::Json(group): extract::Json<CreateGroup>,
) -> Result<Json<Group>, ApiError> {
    check_sizes(&app, [&group.state.group_info, &group.state.ratchet_tree], group.welcome.as_ref())?;
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
    let max_bytes = app.config.limits.group_bytes();
    let founding = handshake::run(app, session.user, move || handshake::check_founding(&by, group, max_bytes)).await?;
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
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::HandshakeTooLarge, ErrorCode::InvalidHandshake, ErrorCode::InvalidStatement, ErrorCode::RateLimited, ErrorCode::UnknownGroup, ErrorCode::NotAMember, ErrorCode::CommitsSuspended, ErrorCode::StaleEpoch, ErrorCode::InvalidRoster, ErrorCode::StaleRoster, ErrorCode::UnknownRecipient, ErrorCode::MessageIdConflict, ErrorCode::UnknownDevice, ErrorCode::TooManyRequests, ErrorCode::MailboxFull, ErrorCode::StorageFull]))),
)]
pub(super) async fn commit(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
    extract::Json(commit): extract::Json<SubmitCommit>,
) -> Result<Json<CommitAccepted>, ApiError> {
    check_sizes(&app, [&commit.commit, &commit.group_info], commit.welcome.as_ref())?;
    app.allowances.handshake(&session)?;
    check_disk(&app)?;
    let before = app.storage.state_to_commit_to(session.user, group_id).await?;
    let (by, now) = (session.clone(), app.clock.now());
    let checked = handshake::run(&app, session.user, move || handshake::check_commit(&by, commit, before, now)).await;
    if checked.as_ref().is_err_and(|error| error.is(&ErrorCode::InvalidHandshake)) {
        app.allowances.refused_handshake(&session);
    }
    let commit = checked?;
    let accepted = app.storage.submit_commit(session, group_id, commit).await?;
    Ok(Json(accepted))
}

/// All groups that the user takes part in
///
/// With a cursor of an earlier answer, those in which anything but their last number has changed since, and how far the
/// others have come.
#[utoipa::path(
    get, path = "/groups", tag = "groups",
    params(SinceQuery),
    responses((status = OK, body = Groups)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::RateLimited]))),
)]
pub(super) async fn list(
    State(app): State<AppState>,
    session: Session,
    Search(query): Search<SinceQuery>,
) -> Result<Response, ApiError> {
    let groups = async {
        let groups = app.storage.groups(session.user, query.since).await?;
        Ok(serde_json::to_vec(&groups).expect("groups are plain data"))
    };
    answer::made(&app, session.user, groups).await
}

/// How one roster of a group of people has led to another
///
/// For whoever knows an earlier one. The newest 4 MB are kept, by the default limits.
#[utoipa::path(
    get, path = "/groups/{group_id}/rosters", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group"), AfterQuery),
    responses((status = OK, body = RosterSteps)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownGroup, ErrorCode::RateLimited]))),
)]
pub(super) async fn roster_steps(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
    Search(query): Search<AfterQuery>,
) -> Result<Response, ApiError> {
    let steps = async {
        let steps = app.storage.roster_steps(session.user, group_id, query.after).await?;
        Ok(serde_json::to_vec(&steps).expect("rosters are plain data"))
    };
    answer::made(&app, session.user, steps).await
}

/// A group
#[utoipa::path(
    get, path = "/groups/{group_id}", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group")),
    responses((status = OK, body = Group)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownGroup, ErrorCode::RateLimited]))),
)]
pub(super) async fn show(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
) -> Result<Response, ApiError> {
    let group = async {
        let group = app.storage.group(session.user, group_id).await?;
        Ok(serde_json::to_vec(&group).expect("a group is plain data"))
    };
    answer::made(&app, session.user, group).await
}

/// Leave a group of people
///
/// The user hands in the next roster, without themselves in it, and takes part no more: from then on no device of theirs is
/// a leaf. The next commit of somebody else carries the roster. Whoever is alone hands in none, and the group ends.
#[utoipa::path(
    post, path = "/groups/{group_id}/leave", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group")),
    request_body = LeaveGroup,
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::InvalidRoster, ErrorCode::StaleRoster, ErrorCode::UnknownRecipient, ErrorCode::UnknownGroup, ErrorCode::RateLimited]))),
)]
pub(super) async fn leave(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
    extract::Json(request): extract::Json<LeaveGroup>,
) -> Result<StatusCode, ApiError> {
    app.allowances.handshake(&session)?;
    let step = match request.roster {
        Some(roster) => Some(handshake::run(&app, session.user, move || Ok(rosters::read(&roster)?)).await?),
        None => None,
    };
    app.storage.leave_group(session, group_id, step).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A commit that was taken lately
#[utoipa::path(
    get, path = "/groups/{group_id}/commits/{epoch}", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group"), ("epoch" = Epoch, Path, description = "That it builds on")),
    responses((status = OK, body = TakenCommit)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownGroup, ErrorCode::StaleEpoch]))),
)]
pub(super) async fn taken(
    State(storage): State<SharedStorage>,
    session: Session,
    Params((group_id, epoch)): Params<(GroupId, Epoch)>,
) -> Result<Json<TakenCommit>, ApiError> {
    Ok(Json(storage.taken_commit(session.user, group_id, epoch).await?))
}

/// Say that a commit that was taken cannot be used
///
/// When two other users say so, or the other one of two, the device that has made it commits nothing in the conversation for
/// a day.
#[utoipa::path(
    post, path = "/groups/{group_id}/commits/{epoch}/unusable", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group"), ("epoch" = Epoch, Path, description = "That it builds on")),
    request_body = UnusableCommit,
    responses((status = NO_CONTENT)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::InvalidRequest, ErrorCode::UnknownGroup, ErrorCode::NotAMember, ErrorCode::StaleEpoch, ErrorCode::RateLimited]))),
)]
pub(super) async fn unusable(
    State(app): State<AppState>,
    session: Session,
    Params((group_id, epoch)): Params<(GroupId, Epoch)>,
    extract::Json(report): extract::Json<UnusableCommit>,
) -> Result<StatusCode, ApiError> {
    app.allowances.handshake(&session)?;
    app.storage.report_unusable(session, group_id, epoch, report).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is needed to join a group
#[utoipa::path(
    get, path = "/groups/{group_id}/state", tag = "groups",
    params(("group_id" = GroupId, Path, description = "Group"), StateQuery),
    responses((status = OK, body = GroupStateAt)),
    security(("session" = [])),
    extensions(("x-errors" = json!([ErrorCode::UnknownGroup, ErrorCode::NotAMember, ErrorCode::StaleEpoch, ErrorCode::RateLimited]))),
)]
pub(super) async fn state(
    State(app): State<AppState>,
    session: Session,
    Params(group_id): Params<GroupId>,
    Search(query): Search<StateQuery>,
) -> Result<Response, ApiError> {
    let user = session.user;
    let state = async {
        let stored = app.storage.group_state(session, group_id, query.epoch).await?;
        let state = handshake::run(&app, user, move || handshake::shown(stored)).await?;
        Ok(serde_json::to_vec(&state).expect("a state is plain data"))
    };
    answer::made(&app, user, state).await
}

/// What the administrator allows at most, whatever a group needs.
fn check_sizes<'a>(
    app: &App,
    pieces: impl IntoIterator<Item = &'a Opaque>,
    welcome: Option<&'a SharedWelcome>,
) -> Result<(), ApiError> {
    let limit = app.config.limits.handshake_bytes();
    let welcome = welcome.into_iter().flat_map(|welcome| {
        let secrets = welcome.secrets.iter().map(|one| &one.secrets);
        secrets.chain([&welcome.group_info])
    });
    let mut pieces = pieces.into_iter().chain(welcome);
    if pieces.any(|piece| piece.len() as u64 > limit) { Err(handshake::too_large()) } else { Ok(()) }
}

/// Like uploads, they leave the disk its reserve.
fn check_disk(app: &App) -> Result<(), ApiError> {
    let folder = app.config.storage.database_path.parent().unwrap_or(Path::new(""));
    if disk::has_reserve(folder, app.config.limits.reserve_bytes()) { Ok(()) } else { Err(StorageError::Full.into()) }
}
