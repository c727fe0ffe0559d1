//! What clients hand in for a group, checked by what is public of it: see `privmsg_mls_public::group`.
//!
//! Checking costs up to a quarter of a second of a processor in the largest groups, so it is done on a thread of its own,
//! outside of the storage's writer, and by few at the same time. The writer then takes a commit only if the group is still
//! in the epoch that it was checked in.

use std::collections::HashMap;

use privmsg_mls_public::group::{
    MAX_GROUP_INFO_LEN, MAX_JOINER_SECRETS_LEN, Member, Refused, StateError, Welcome, max_commit_len, max_tree_len,
};
use privmsg_mls_public::{DeviceList, Participant, PublicConversation, Roster, SigningKeyCertificate};
use privmsg_protocol::limits::{MAX_COMMIT_EVIDENCE, MAX_GROUP_LEAVES};
use privmsg_protocol::rest::{
    CreateGroup, GroupStateAt, PublicGroupState, PublishedDeviceList, SharedWelcome, SubmitCommit,
};
use privmsg_protocol::{DeviceId, ErrorCode, Opaque, UserId};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::causes::with_causes;
use crate::error::ApiError;
use crate::storage::{Checked, Commit, Founding, Named, Refusal, Rosters, Session, StoredState, UserKey, Welcomed};

/// Runs a check where it holds up nobody, once there is room for it.
pub(crate) async fn run<T: Send + 'static>(
    app: &App,
    user: UserKey,
    check: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let place = app.doors.checks.enter(user).await;
    let checked = tokio::task::spawn_blocking(move || {
        // Held until the work is done, also when nobody waits for it any more.
        let _place = place;
        check()
    });
    checked.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the check of a group or commit panicked");
        Err(ApiError::internal())
    })
}

/// Checks a group that begins: it is the conversation that the request names, begun by this device, and there is a welcome
/// for each other leaf.
pub(crate) fn check_founding(session: &Session, new: CreateGroup, max_bytes: u64) -> Result<Founding, ApiError> {
    let rosters = Rosters::of(&new)?;
    let named = Named::of(&new, rosters.as_ref())?;
    let leaves = joiners(new.welcome.as_ref()) + 1;
    if leaves > MAX_GROUP_LEAVES {
        return Err(too_many_leaves());
    }
    check_welcome_lens(new.welcome.as_ref())?;
    let group_info = decode(&new.state.group_info, MAX_GROUP_INFO_LEN)?;
    let ratchet_tree = decode(&new.state.ratchet_tree, max_tree_len(leaves))?;
    let roster = rosters.as_ref().map(|rosters| rosters.current().clone());
    let (conversation, creator) = PublicConversation::begin(&group_info, &ratchet_tree, roster).map_err(no_group)?;
    // Kind, people and incarnation follow from the name.
    if conversation.group_id() != named.group {
        return Err(invalid("the group is of another conversation than the request says"));
    }
    if !creator.is(&session.user_id, &session.device_id) {
        return Err(invalid("the group was made by another device than yours"));
    }
    let others: Vec<Member> = conversation.members().into_iter().map(|leaf| leaf.member).collect();
    let others: Vec<Member> = others.into_iter().filter(|member| *member != creator).collect();
    let welcomed = welcomed(new.welcome.as_ref(), others)?;
    let request = serde_json::to_vec(&new).map_err(|_| ApiError::invalid("the request cannot be kept"))?;
    Ok(Founding {
        named,
        creator,
        rosters,
        max_bytes,
        made_of: Sha256::digest(request).into(),
        epoch: conversation.epoch(),
        welcomed,
        dates: conversation.dates(),
        state: conversation.encoded().to_vec(),
        new,
    })
}

/// Checks a commit to the group that it is for, as the user sees that group. If it builds on another epoch than the
/// current one, there is nothing to check.
pub(crate) fn check_commit(
    session: &Session,
    submitted: SubmitCommit,
    before: Option<StoredState>,
    now: i64,
) -> Result<Commit, ApiError> {
    let checked = match before {
        Some(before) if before.epoch == submitted.epoch => Some(check_current(session, &submitted, before, now)?),
        _ => None,
    };
    Ok(Commit { submitted, checked })
}

fn check_current(
    session: &Session,
    submitted: &SubmitCommit,
    before: StoredState,
    now: i64,
) -> Result<Checked, ApiError> {
    let mut conversation = open(before.state)?;
    let (members, added) = (conversation.members(), joiners(submitted.welcome.as_ref()));
    if added > MAX_GROUP_LEAVES {
        return Err(too_many_leaves());
    }
    check_welcome_lens(submitted.welcome.as_ref())?;
    let commit = decode(&submitted.commit, max_commit_len(members.len(), added, conversation.roster().is_some()))?;
    let group_info = decode(&submitted.group_info, MAX_GROUP_INFO_LEN)?;
    let roster = conversation.roster().cloned();
    let change = conversation.apply(&commit, &group_info).map_err(no_commit)?;
    let anew = roster.zip(change.roster.as_ref()).map(|(before, next)| moved(&before, next)).unwrap_or_default();
    if !change.committer.is(&session.user_id, &session.device_id) {
        let is_member = members.iter().any(|leaf| leaf.member.is(&session.user_id, &session.device_id));
        let wrong = invalid("the commit was made by another device than yours");
        return Err(if is_member { wrong } else { not_a_member() });
    }
    // Else members could not follow it who hear of it late, or have another clock.
    if !change.packages.may_be_committed(now.try_into().unwrap_or(0)) {
        return Err(invalid("a device would be added by a key package that has only begun or is over too soon"));
    }
    if conversation.leaves() > MAX_GROUP_LEAVES {
        return Err(too_many_leaves());
    }
    let invited: Vec<Member> = change.added.iter().filter(|member| **member != change.committer).cloned().collect();
    let welcomed = welcomed(submitted.welcome.as_ref(), invited)?;
    let evidence = evidence(&submitted.evidence)?;
    Ok(Checked { change, welcomed, evidence, anew, state: conversation.encoded().to_vec() })
}

/// Who has not the same place in both, or is not the same person.
fn moved(before: &Roster, next: &Roster) -> Vec<UserId> {
    let identity = |roster: &Roster, user: &UserId| roster.participant(user).map(|place| *place.identity());
    let everybody = before.participants().iter().chain(next.participants()).map(Participant::user_id);
    everybody.filter(|user| identity(before, user) != identity(next, user)).cloned().collect()
}

/// Lists that are shown beside a commit, genuine under the identities that they name.
fn evidence(shown: &[PublishedDeviceList]) -> Result<Vec<DeviceList>, ApiError> {
    if shown.len() > MAX_COMMIT_EVIDENCE {
        return Err(ApiError::invalid("too many device lists beside a commit"));
    }
    let unusable = || ApiError::new(ErrorCode::InvalidStatement, "a device list beside the commit does not hold");
    let read = |shown: &PublishedDeviceList| {
        let certificate = SigningKeyCertificate::decode(&shown.certificate.decode()?).ok()?;
        DeviceList::decode(&shown.list.decode()?, certificate).ok()
    };
    shown.iter().map(|list| read(list).ok_or_else(unusable)).collect()
}

/// What is kept of a group, as those who join it need it.
pub(crate) fn shown(stored: StoredState) -> Result<GroupStateAt, ApiError> {
    let conversation = open(stored.state)?;
    let ratchet_tree = Opaque::encode(&conversation.ratchet_tree());
    let roster = conversation.roster().map(|roster| Opaque::encode(&roster.encode()));
    let founding_roster = roster.is_some().then(|| Opaque::encode(&stored.founding_roster));
    let state = PublicGroupState { group_info: stored.group_info, ratchet_tree };
    Ok(GroupStateAt { epoch: stored.epoch, seq: stored.seq, state, roster, founding_roster })
}

fn open(state: Vec<u8>) -> Result<PublicConversation, ApiError> {
    PublicConversation::decode(state).map_err(|error: StateError| {
        tracing::error!(error = with_causes(&error), "the stored state of a group cannot be read");
        ApiError::internal()
    })
}

fn joiners(welcome: Option<&SharedWelcome>) -> usize {
    welcome.map_or(0, |welcome| welcome.secrets.len())
}

/// Makes the welcome of each who comes. There is one for exactly these.
fn welcomed(welcome: Option<&SharedWelcome>, come: Vec<Member>) -> Result<Vec<Welcomed>, ApiError> {
    let wrong = || invalid("the welcomes are not for the devices that are added, one for each");
    let Some(welcome) = welcome else { return if come.is_empty() { Ok(Vec::new()) } else { Err(wrong()) } };
    let mut secrets: HashMap<&DeviceId, &Opaque> =
        welcome.secrets.iter().map(|one| (&one.device_id, &one.secrets)).collect();
    if secrets.is_empty() || secrets.len() != welcome.secrets.len() || secrets.len() != come.len() {
        return Err(wrong());
    }
    let group_info = decode(&welcome.group_info, MAX_GROUP_INFO_LEN)?;
    let one = |member: Member| {
        let secrets = decode(secrets.remove(&member.device_id).ok_or_else(wrong)?, MAX_JOINER_SECRETS_LEN)?;
        let welcome = Welcome::for_one(&secrets, &group_info).map_err(|error| invalid(with_causes(&error)))?;
        Ok(Welcomed { member, welcome: Opaque::encode(&welcome) })
    };
    come.into_iter().map(one).collect()
}

fn check_welcome_lens(welcome: Option<&SharedWelcome>) -> Result<(), ApiError> {
    let Some(welcome) = welcome else { return Ok(()) };
    check_len(&welcome.group_info, MAX_GROUP_INFO_LEN)?;
    welcome.secrets.iter().try_for_each(|one| check_len(&one.secrets, MAX_JOINER_SECRETS_LEN))
}

/// Before anything is decoded.
fn check_len(piece: &Opaque, max: usize) -> Result<(), ApiError> {
    if piece.len() > max.div_ceil(3).saturating_mul(4) { Err(too_large()) } else { Ok(()) }
}

fn decode(piece: &Opaque, max: usize) -> Result<Vec<u8>, ApiError> {
    check_len(piece, max)?;
    piece.decode().ok_or_else(|| invalid("what should be MLS is not base64"))
}

/// As the storage says it of a device that is a leaf for MLS alone.
fn not_a_member() -> ApiError {
    ApiError::new(ErrorCode::NotAMember, "this device is not a leaf of the group; join it anew")
}

fn no_group(refused: Refused) -> ApiError {
    invalid(with_causes(&refused))
}

fn no_commit(refused: Refused) -> ApiError {
    match refused {
        Refused::OtherEpoch { expected, .. } => Refusal::stale(expected).into(),
        other => invalid(with_causes(&other)),
    }
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(ErrorCode::InvalidHandshake, detail)
}

fn too_many_leaves() -> ApiError {
    ApiError::invalid("the group would have too many leaves")
}

pub(crate) fn too_large() -> ApiError {
    ApiError::new(
        ErrorCode::HandshakeTooLarge,
        "a commit, welcome or group state is over the server's limit, or longer than so many leaves need",
    )
}
