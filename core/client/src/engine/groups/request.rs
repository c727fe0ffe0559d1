//! Requests: stored, sent, answered.

use std::cmp::Ordering;
use std::sync::Arc;

use privmsg_e2ee::{CommitBundle, Conversation, Provider};
use privmsg_protocol::rest::{
    CommitAccepted, CreateGroup, DeviceWelcome, Group, GroupKind, PublicGroupState, SubmitCommit,
};
use privmsg_protocol::{Epoch, ErrorCode, GroupId, MessageId, Opaque, Seq, UserId};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::{Connection, gaps, mls_storage, outbox, parked};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::super::session::{COMMIT_WAIT, Session};
use super::super::{inbox, membership, schedule};
use super::join::WELCOME_WAIT;
use super::pause_after;
use crate::error::ClientError;

/// The place of a group's creation in its history.
const FIRST_SEQ: Seq = Seq(1);

/// What was asked of the server and not answered yet.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Request {
    /// Create the group.
    Create(CreateGroup),
    /// Join by external commit.
    Join(SubmitCommit),
    /// Commit.
    Commit(SubmitCommit),
}

impl Request {
    pub(super) fn create(group_id: GroupId, kind: GroupKind, participants: Vec<UserId>, bundle: CommitBundle) -> Self {
        Self::Create(CreateGroup {
            group_id,
            kind,
            participants,
            epoch: bundle.next_epoch,
            welcomes: welcomes(&bundle),
            state: state(&bundle),
        })
    }

    pub(super) fn join(message_id: MessageId, bundle: &CommitBundle) -> Self {
        Self::Join(SubmitCommit { external: true, ..submit_commit(message_id, bundle) })
    }

    pub(super) fn commit(message_id: MessageId, bundle: &CommitBundle) -> Self {
        Self::Commit(submit_commit(message_id, bundle))
    }

    /// Stores the request, in the transaction that made it.
    pub(super) fn store(&self, connection: &Connection, group: &GroupId) -> Result<(), ClientError> {
        let json = serde_json::to_vec(self).map_err(|e| ClientError::Crypto(e.to_string()))?;
        Ok(groups::set_request(connection, group, Some(&json))?)
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

impl Session {
    /// Sends a group's stored request and acts on the answer. `Ok` unless the session has to end; the group's state
    /// says what came of it.
    pub(super) async fn submit(&mut self, group_id: &GroupId) -> Result<(), ClientError> {
        let id = *group_id;
        let Some(group) = self.context.store.read(move |c| groups::load(c, &id)).await? else { return Ok(()) };
        let Some(request) = group.request.as_deref().map(serde_json::from_slice::<Request>) else { return Ok(()) };
        let Ok(request) = request else {
            // Written by another version; what is due is found out again.
            return self.drop_request(id).await;
        };
        let answer = match request {
            Request::Create(creation) => match self.context.api.create_group(&creation).await {
                Ok(created) => self.created(&created).await,
                Err(error) => self.creation_refused(id, error).await,
            },
            Request::Join(commit) => match self.context.api.commit(&id, &commit).await {
                Ok(accepted) => self.join_accepted(id, accepted).await,
                Err(error) => self.join_refused(id, error).await,
            },
            Request::Commit(commit) => match self.context.api.commit(&id, &commit).await {
                Ok(accepted) => self.commit_accepted(id, accepted).await,
                Err(error) => self.commit_refused(id, error).await,
            },
        };
        match answer {
            Ok(()) => Ok(()),
            Err(error) => self.chat_failed(group.chat, error).await,
        }
    }

    /// The answer to a repeated creation shows the group as it is by now; what has been said in it since is in the
    /// mailbox.
    async fn created(&mut self, created: &Group) -> Result<(), ClientError> {
        self.activate(created.group_id, created.epoch, FIRST_SEQ).await
    }

    async fn creation_refused(&mut self, id: GroupId, error: ClientError) -> Result<(), ClientError> {
        match &error {
            ClientError::Network(_) => Err(error),
            ClientError::Server { code: ErrorCode::ConversationExists, group_id: Some(winner), .. } => {
                let winner = *winner;
                if let Some(group) = self.context.store.read(move |c| groups::load(c, &id)).await? {
                    self.paused.insert(group.chat, Instant::now() + WELCOME_WAIT);
                }
                self.forget(id).await?;
                self.fall_behind(winner, None, WELCOME_WAIT);
                Ok(())
            }
            // A device named in it has gone, or a key package was stale: it is made anew with what there is now.
            _ => {
                self.forget(id).await?;
                Err(error)
            }
        }
    }

    async fn commit_accepted(&mut self, id: GroupId, accepted: CommitAccepted) -> Result<(), ClientError> {
        self.activate(id, accepted.epoch, accepted.seq).await
    }

    /// The server has accepted a creation or commit: it holds now.
    async fn activate(&mut self, id: GroupId, epoch: Epoch, seq: Seq) -> Result<(), ClientError> {
        let (identity, now) = (Arc::clone(&self.identity), self.context.clock.now_ms());
        let outcome = self
            .context
            .store
            .transact(move |c| {
                let storage = mls_storage(c);
                let provider = Provider::new(&storage);
                if let Some(mut conversation) = Conversation::load(&provider, id)?
                    && conversation.has_pending()
                {
                    conversation.merge_pending(&provider).map_err(|e| ClientError::Crypto(e.to_string()))?;
                }
                groups::set_state(c, &id, GroupState::Active)?;
                groups::set_request(c, &id, None)?;
                groups::set_rotate_at(c, &id, schedule::next_rotation(now))?;
                outbox::clear_encrypted_before(c, &id, epoch)?;
                gaps::note(c, &id, seq)?;
                // While the answer was on its way, others may have gone on in the new epoch.
                inbox::retry(c, &identity, id, now)
            })
            .await?;
        self.conclude(outcome);
        Ok(())
    }

    async fn commit_refused(&mut self, id: GroupId, error: ClientError) -> Result<(), ClientError> {
        match &error {
            ClientError::Network(_) => Err(error),
            ClientError::Server { code: ErrorCode::StaleEpoch, epoch, .. } => {
                self.drop_request(id).await?;
                self.fall_behind(id, *epoch, COMMIT_WAIT);
                Ok(())
            }
            ClientError::Server { code: ErrorCode::NotAMember | ErrorCode::UnknownGroup, .. } => {
                self.drop_request(id).await?;
                self.context.store.transact(move |c| groups::set_state(c, &id, GroupState::Broken)).await?;
                Ok(())
            }
            ClientError::Server { .. } => {
                // What was due stays due. Messages can go out in the old epoch meanwhile, if devices need not leave.
                self.drop_request(id).await?;
                tracing::warn!(group_id = %id, %error, "a commit was refused");
                if let Some(group) = self.context.store.read(move |c| groups::load(c, &id)).await? {
                    self.paused.insert(group.chat, Instant::now() + pause_after(&error));
                }
                Ok(())
            }
            _ => {
                self.drop_request(id).await?;
                Err(error)
            }
        }
    }

    async fn join_accepted(&mut self, id: GroupId, accepted: CommitAccepted) -> Result<(), ClientError> {
        self.behind.remove(&id);
        let (identity, now) = (Arc::clone(&self.identity), self.context.clock.now_ms());
        let events = self
            .context
            .store
            .transact(move |c| {
                let storage = mls_storage(c);
                let provider = Provider::new(&storage);
                let Some(conversation) = Conversation::load(&provider, id)? else { return Ok(Vec::new()) };
                let Some(group) = groups::load(c, &id)? else { return Ok(Vec::new()) };
                groups::set_state(c, &id, GroupState::Active)?;
                groups::set_request(c, &id, None)?;
                groups::set_rotate_at(c, &id, schedule::next_rotation(now))?;
                // Nothing of before can be read from here; what was encrypted before is encrypted anew.
                parked::clear(c, &id)?;
                outbox::clear_encrypted_before(c, &id, Epoch(u64::MAX))?;
                gaps::restart(c, &id, accepted.seq)?;
                // Devices may have gone while this one was away, its own former ones among them.
                groups::set_reconcile(c, &id, true)?;
                let members = conversation.members();
                membership::observe(c, &identity, group.chat, &members, now)
            })
            .await?;
        self.context.emit_all(events);
        Ok(())
    }

    async fn join_refused(&mut self, id: GroupId, error: ClientError) -> Result<(), ClientError> {
        match &error {
            ClientError::Network(_) => Err(error),
            ClientError::Server { code: ErrorCode::StaleEpoch, .. } => {
                self.abandon_join(id).await?;
                Ok(())
            }
            ClientError::Server { code: ErrorCode::UnknownGroup, .. } => self.forget(id).await,
            _ => {
                self.abandon_join(id).await?;
                Err(error)
            }
        }
    }

    /// Deletes the MLS state of a join that the server did not take. The group stays, to be joined anew.
    async fn abandon_join(&self, id: GroupId) -> Result<(), ClientError> {
        self.context
            .store
            .transact(move |c| {
                delete_conversation(c, id)?;
                groups::set_request(c, &id, None)?;
                groups::set_state(c, &id, GroupState::Broken)?;
                Ok(())
            })
            .await
    }

    async fn drop_request(&self, id: GroupId) -> Result<(), ClientError> {
        self.context
            .store
            .transact(move |c| {
                let storage = mls_storage(c);
                let provider = Provider::new(&storage);
                if let Some(mut conversation) = Conversation::load(&provider, id)? {
                    conversation.clear_pending(&provider)?;
                }
                groups::set_request(c, &id, None)?;
                Ok(())
            })
            .await
    }

    /// Removes a group that is of no use any more. Its chat stays, and gets another group when something is sent.
    pub(super) async fn forget(&mut self, id: GroupId) -> Result<(), ClientError> {
        self.behind.remove(&id);
        self.context
            .store
            .transact(move |c| {
                delete_conversation(c, id)?;
                outbox::clear_encrypted_before(c, &id, Epoch(u64::MAX))?;
                groups::remove(c, &id)?;
                Ok(())
            })
            .await
    }

    /// Whether this device has reached the epoch that the server named. Without a name, it has not.
    pub(super) async fn has_reached(&self, id: GroupId, epoch: Option<Epoch>) -> Result<bool, ClientError> {
        let Some(epoch) = epoch else { return Ok(false) };
        Ok(matches!(self.compare_epoch(id, epoch).await?, Some(Ordering::Equal | Ordering::Greater)))
    }

    /// How this device's epoch compares with the server's; `None` if it has no state of the group.
    pub(super) async fn compare_epoch(&self, id: GroupId, theirs: Epoch) -> Result<Option<Ordering>, ClientError> {
        self.context
            .store
            .read(move |c| {
                let storage = mls_storage(c);
                let conversation = Conversation::load(&Provider::new(&storage), id)?;
                Ok(conversation.map(|conversation| conversation.epoch().cmp(&theirs)))
            })
            .await
    }
}

pub(super) fn delete_conversation(connection: &Connection, id: GroupId) -> Result<(), ClientError> {
    let storage = mls_storage(connection);
    let provider = Provider::new(&storage);
    if let Some(conversation) = Conversation::load(&provider, id)? {
        conversation.delete(&provider)?;
    }
    Ok(())
}
