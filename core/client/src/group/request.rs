//! Requests: stored, sent, answered.

use std::sync::Arc;
use std::time::Duration;

use privmsg_e2ee::{CommitBundle, Conversation};
use privmsg_protocol::rest::{CommitAccepted, CreateGroup, DeviceWelcome, GroupKind, PublicGroupState, SubmitCommit};
use privmsg_protocol::{Epoch, ErrorCode, GroupId, MessageId, Opaque, Seq, UserId};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::holds::{self, Reason, Scope};
use privmsg_store::{Tx, gaps, lags, outbox, parked, welcomes};
use serde::{Deserialize, Serialize};

use super::mls::{Step, delete_conversation};
use super::{membership, schedule};
use crate::engine::tasks::groups::COMMIT_WAIT;
use crate::engine::tasks::open;
use crate::engine::{Link, inbox};
use crate::error::{ClientError, During as _};

/// How long the welcome of a conversation that the other side has just made may take.
const WELCOME_WAIT: Duration = Duration::from_secs(2);

/// The place of a group's creation in its history.
const FIRST_SEQ: Seq = Seq(1);

/// What was asked of the server and not answered yet.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Create the group.
    Create(CreateGroup),
    /// Join by external commit.
    Join(SubmitCommit),
    /// Commit.
    Commit(SubmitCommit),
}

impl Request {
    pub(crate) fn create(group_id: GroupId, kind: GroupKind, participants: Vec<UserId>, bundle: CommitBundle) -> Self {
        Self::Create(CreateGroup {
            group_id,
            kind,
            participants,
            epoch: bundle.next_epoch,
            welcomes: welcomes(&bundle),
            state: state(&bundle),
        })
    }

    pub(crate) fn join(message_id: MessageId, bundle: &CommitBundle) -> Self {
        Self::Join(SubmitCommit { external: true, ..submit_commit(message_id, bundle) })
    }

    pub(crate) fn commit(message_id: MessageId, bundle: &CommitBundle) -> Self {
        Self::Commit(submit_commit(message_id, bundle))
    }

    /// Stores the request, in the transaction that made it.
    pub(crate) fn store(&self, tx: &Tx<'_>, group: &GroupId) -> Result<(), ClientError> {
        let json = serde_json::to_vec(self).during("storing a request")?;
        Ok(groups::set_request(tx, group, Some(&json))?)
    }
}

fn submit_commit(message_id: MessageId, bundle: &CommitBundle) -> SubmitCommit {
    SubmitCommit {
        message_id,
        epoch: bundle.epoch,
        commit: Opaque::encode(&bundle.commit),
        external: false,
        welcomes: welcomes(bundle),
        removed: bundle.removed.iter().map(|(_, device)| device.clone()).collect(),
        state: state(bundle),
    }
}

fn welcomes(bundle: &CommitBundle) -> Vec<DeviceWelcome> {
    let one = |(device_id, welcome): &(_, Vec<u8>)| DeviceWelcome {
        device_id: Clone::clone(device_id),
        welcome: Opaque::encode(welcome),
    };
    bundle.welcomes.iter().map(one).collect()
}

fn state(bundle: &CommitBundle) -> PublicGroupState {
    PublicGroupState {
        group_info: Opaque::encode(&bundle.group_info),
        ratchet_tree: Opaque::encode(&bundle.ratchet_tree),
    }
}

/// Sends a group's stored request and acts on the answer. The group's state says what came of it.
pub(crate) async fn submit(link: &Arc<Link>, id: GroupId) -> Result<(), ClientError> {
    let Some(group) = link.context.store.read(move |at| groups::load(at, &id)).await? else { return Ok(()) };
    let Some(request) = group.request.as_deref().map(serde_json::from_slice::<Request>) else { return Ok(()) };
    let Ok(request) = request else {
        // Written by another version; what is due is found out again.
        return link.context.step(&link.identity, move |step| drop_request(step, id)).await;
    };
    let api = &link.context.api;
    match request {
        Request::Create(creation) => match api.create_group(&creation).await {
            // The answer to a repeated creation shows the group as it is by now; what has been said in it since is in
            // the mailbox.
            Ok(created) if created.group_id == id => activate(link, id, created.epoch, FIRST_SEQ).await,
            Ok(_) => Err(ClientError::Protocol("the answer to a creation is about another group")),
            Err(error) => creation_refused(link, id, error).await,
        },
        Request::Join(commit) => match api.commit(&id, &commit).await {
            Ok(accepted) => join_accepted(link, id, accepted).await,
            Err(error) => join_refused(link, id, error).await,
        },
        Request::Commit(commit) => match api.commit(&id, &commit).await {
            Ok(accepted) => activate(link, id, accepted.epoch, accepted.seq).await,
            Err(error) => commit_refused(link, id, error).await,
        },
    }
}

/// Whether an error leaves open what the server has done: the same request again tells.
fn is_unanswered(error: &ClientError) -> bool {
    !matches!(error, ClientError::Server { .. })
}

/// The server has accepted a creation or commit: it holds now.
async fn activate(link: &Link, id: GroupId, epoch: Epoch, seq: Seq) -> Result<(), ClientError> {
    let outcome = link
        .context
        .step(&link.identity, move |step| {
            if let Some(mut conversation) = Conversation::load(step.mls, id)? {
                if conversation.has_pending() {
                    conversation.merge_pending(step.mls).during("merging a commit of our own")?;
                }
                groups::set_epoch(step.tx, &id, conversation.epoch())?;
            }
            // It may have been put out since.
            if groups::load(step.tx, &id)?.is_some_and(|group| group.state != GroupState::Broken) {
                groups::set_state(step.tx, &id, GroupState::Active)?;
            }
            groups::set_request(step.tx, &id, None)?;
            groups::set_rotate_at(step.tx, &id, schedule::next_rotation(step.now_ms))?;
            outbox::clear_encrypted_before(step.tx, &id, epoch)?;
            gaps::note(step.tx, &id, seq)?;
            // While the answer was on its way, others may have gone on in the new epoch.
            inbox::retry(step, id)
        })
        .await?;
    link.context.emit_all(outcome.events);
    Ok(())
}

async fn creation_refused(link: &Link, id: GroupId, error: ClientError) -> Result<(), ClientError> {
    if is_unanswered(&error) {
        return Err(error);
    }
    let winner = match &error {
        ClientError::Server { code: ErrorCode::ConversationExists, group_id, .. } => *group_id,
        _ => None,
    };
    link.context
        .step(&link.identity, move |step| {
            let chat = groups::load(step.tx, &id)?.map(|group| group.chat);
            forget(step, id)?;
            if let (Some(winner), Some(chat)) = (winner, chat) {
                let until = step.now_ms + i64::try_from(WELCOME_WAIT.as_millis()).unwrap_or(0);
                lags::put(step.tx, &winner, None, until)?;
                let reason = Reason::Refused(ErrorCode::ConversationExists);
                holds::put(step.tx, &open::TASK, Scope::Chat(chat), &reason, step.now_ms, |_| WELCOME_WAIT)?;
            }
            Ok::<_, ClientError>(())
        })
        .await?;
    // A device named in it has gone, or a key package was stale: it is made anew with what there is now.
    if winner.is_some() { Ok(()) } else { Err(error) }
}

async fn commit_refused(link: &Link, id: GroupId, error: ClientError) -> Result<(), ClientError> {
    if is_unanswered(&error) {
        return Err(error);
    }
    let (code, epoch) = match &error {
        ClientError::Server { code, epoch, .. } => (code.clone(), *epoch),
        _ => (ErrorCode::Internal, None),
    };
    link.context
        .step(&link.identity, move |step| {
            drop_request(step, id)?;
            match code {
                ErrorCode::StaleEpoch => lags::put(step.tx, &id, epoch, step.now_ms + COMMIT_WAIT)?,
                ErrorCode::NotAMember | ErrorCode::UnknownGroup => {
                    groups::set_state(step.tx, &id, GroupState::Broken)?;
                }
                // What was due stays due. Messages can go out in the old epoch meanwhile, if devices need not leave.
                _ => {}
            }
            Ok::<_, ClientError>(())
        })
        .await?;
    match error.code() {
        Some(ErrorCode::StaleEpoch | ErrorCode::NotAMember | ErrorCode::UnknownGroup) => Ok(()),
        _ => Err(error),
    }
}

async fn join_accepted(link: &Link, id: GroupId, accepted: CommitAccepted) -> Result<(), ClientError> {
    let events = link
        .context
        .step(&link.identity, move |step| {
            let invited = lags::of(step.tx, &id)?.and_then(|lag| lag.since);
            lags::remove(step.tx, &id)?;
            let Some(conversation) = Conversation::load(step.mls, id)? else { return Ok(Vec::new()) };
            let Some(group) = groups::load(step.tx, &id)? else { return Ok(Vec::new()) };
            groups::set_state(step.tx, &id, GroupState::Active)?;
            groups::set_epoch(step.tx, &id, conversation.epoch())?;
            groups::set_request(step.tx, &id, None)?;
            groups::set_rotate_at(step.tx, &id, schedule::next_rotation(step.now_ms))?;
            // Nothing of before can be read from here; what was encrypted before is encrypted anew.
            parked::clear(step.tx, &id)?;
            outbox::clear_encrypted_before(step.tx, &id, Epoch(u64::MAX))?;
            if let Some(seq) = invited.filter(|seq| *seq < accepted.seq) {
                gaps::begin_after(step.tx, &id, seq)?;
            }
            gaps::restart(step.tx, &id, accepted.seq)?;
            // Devices may have gone while this one was away, its own former ones among them.
            groups::set_reconcile(step.tx, &id)?;
            membership::observe(step, group.chat, &conversation.members())
        })
        .await?;
    link.context.emit_all(events);
    Ok(())
}

async fn join_refused(link: &Link, id: GroupId, error: ClientError) -> Result<(), ClientError> {
    if is_unanswered(&error) {
        return Err(error);
    }
    if error.is(&ErrorCode::UnknownGroup) {
        return link.context.step(&link.identity, move |step| forget(step, id)).await;
    }
    link.context.step(&link.identity, move |step| abandon_join(step, id)).await?;
    if error.is(&ErrorCode::StaleEpoch) { Ok(()) } else { Err(error) }
}

/// Deletes the MLS state of a join that the server did not take. The group stays, to be joined anew.
fn abandon_join(step: &Step<'_, '_>, id: GroupId) -> Result<(), ClientError> {
    delete_conversation(step, id)?;
    groups::set_request(step.tx, &id, None)?;
    Ok(groups::set_state(step.tx, &id, GroupState::Broken)?)
}

fn drop_request(step: &Step<'_, '_>, id: GroupId) -> Result<(), ClientError> {
    if let Some(mut conversation) = Conversation::load(step.mls, id)? {
        conversation.clear_pending(step.mls)?;
    }
    Ok(groups::set_request(step.tx, &id, None)?)
}

/// Removes a group that is of no use any more. Its chat stays, and gets another group when something is sent.
pub(crate) fn forget(step: &Step<'_, '_>, id: GroupId) -> Result<(), ClientError> {
    delete_conversation(step, id)?;
    lags::remove(step.tx, &id)?;
    welcomes::remove(step.tx, &id)?;
    outbox::clear_encrypted_before(step.tx, &id, Epoch(u64::MAX))?;
    Ok(groups::remove(step.tx, &id)?)
}
