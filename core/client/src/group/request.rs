//! Requests: stored, sent, answered.

use std::sync::Arc;
use std::time::Duration;

use privmsg_e2ee::{CommitBundle, ConversationInfo, ConversationKind, Roster};
use privmsg_mls_public::incarnations::comes_down;
use privmsg_protocol::rest::{
    CommitAccepted, CreateGroup, GroupKind, JoinerSecrets, PublicGroupState, PublishedDeviceList, SharedWelcome,
    SubmitCommit,
};
use privmsg_protocol::{Epoch, ErrorCode, GroupId, Incarnation, MessageId, Opaque, Seq};
use privmsg_store::chats;
use privmsg_store::consent::{self, Consent};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::holds::{self, Reason, Scope};
use privmsg_store::position::Place;
use privmsg_store::{Snapshot, StoreError, Tx, epoch_ends, gaps, group_chats, lags, outbox, reached, welcomes};
use serde::{Deserialize, Serialize};

use super::mls::{Step, delete_conversation};
use super::standing::{is_gone, stepped};
use super::{change, external_commit, leaf_dates, membership, plan, rosters, schedule, told};
use crate::content::title;
use crate::engine::tasks::groups::COMMIT_WAIT;
use crate::engine::tasks::open;
use crate::engine::{Link, inbox};
use crate::error::{ClientError, During as _, Retry};

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
    pub(crate) fn create(
        info: &ConversationInfo,
        founding: Option<&[u8]>,
        steps: &[Roster],
        roster: Option<&Roster>,
        bundle: &CommitBundle,
    ) -> Self {
        Self::Create(CreateGroup {
            kind: match info.kind() {
                ConversationKind::Direct => GroupKind::Direct,
                ConversationKind::SelfNotes => GroupKind::SelfNotes,
                ConversationKind::Group => GroupKind::Group,
            },
            participants: info.people().iter().map(|person| person.user_id.clone()).collect(),
            incarnation: info.incarnation(),
            founding_roster: founding.map(Opaque::encode),
            roster: roster.filter(|roster| !roster.is_founding()).map(|roster| Opaque::encode(&roster.encode())),
            steps: steps.iter().map(|roster| Opaque::encode(&roster.encode())).collect(),
            welcome: welcome(bundle),
            state: PublicGroupState {
                group_info: Opaque::encode(&bundle.group_info),
                ratchet_tree: Opaque::encode(&bundle.ratchet_tree),
            },
        })
    }

    pub(crate) fn join(message_id: MessageId, bundle: &CommitBundle) -> Self {
        Self::Join(submit_commit(message_id, bundle))
    }

    /// `evidence`: why devices have to go which the server has not heard are not their account's any more.
    pub(crate) fn commit(message_id: MessageId, bundle: &CommitBundle, evidence: Vec<PublishedDeviceList>) -> Self {
        Self::Commit(SubmitCommit { evidence, ..submit_commit(message_id, bundle) })
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
        welcome: welcome(bundle),
        group_info: Opaque::encode(&bundle.group_info),
        evidence: Vec::new(),
    }
}

fn welcome(bundle: &CommitBundle) -> Option<SharedWelcome> {
    let welcome = bundle.welcome.as_ref()?;
    let one = |(device_id, secrets): &(_, Vec<u8>)| JoinerSecrets {
        device_id: Clone::clone(device_id),
        secrets: Opaque::encode(secrets),
    };
    Some(SharedWelcome {
        group_info: Opaque::encode(&welcome.group_info),
        secrets: welcome.secrets.iter().map(one).collect(),
    })
}

/// Sends a group's stored request and acts on the answer. The group's state says what came of it.
pub(crate) async fn submit(link: &Arc<Link>, id: GroupId) -> Result<(), ClientError> {
    let Some(group) = link.context.store.read(move |at| groups::load(at, &id)).await? else { return Ok(()) };
    let Some(stored) = group.request else { return Ok(()) };
    let Ok(request) = serde_json::from_slice::<Request>(&stored) else {
        // Written by another version; what is due is found out again.
        return link.context.step(&link.identity, move |step| drop_request(step, id)).await;
    };
    let asked = Asked { link, id, stored };
    let api = &link.context.api;
    match request {
        Request::Create(creation) => match api.create_group(&creation).await {
            // The answer to a repeated creation shows the group as it is by now; what has been said in it since is in
            // the mailbox.
            Ok(created) if created.group_id == id => asked.activate(FIRST_SEQ, Some(creation.incarnation)).await,
            Ok(_) => Err(ClientError::Protocol("the answer to a creation is about another group")),
            Err(error) => asked.creation_refused(error).await,
        },
        Request::Join(commit) => match api.commit(&id, &commit).await {
            Ok(accepted) => asked.join_accepted(commit.epoch.next(), number(&accepted)?).await,
            Err(error) => asked.join_refused(error).await,
        },
        Request::Commit(commit) => match api.commit(&id, &commit).await {
            Ok(accepted) => asked.activate(number(&accepted)?, None).await,
            Err(error) => asked.commit_refused(error).await,
        },
    }
}

/// Whether an error leaves open what the server has done: the same request again tells.
fn is_unanswered(error: &ClientError) -> bool {
    !matches!(error, ClientError::Server { .. })
}

/// The number that the server has given a commit.
fn number(accepted: &CommitAccepted) -> Result<Seq, ClientError> {
    if accepted.seq > gaps::LAST {
        return Err(ClientError::Protocol("a number that no group can have come to"));
    }
    Ok(accepted.seq)
}

/// The number of a commit of our own. It comes after all that was said in the epoch that it ends; where the server says otherwise, it
/// stands behind what has been seen.
fn behind_the_seen(tx: &Tx<'_>, group: &GroupId, seq: Seq) -> Result<Seq, StoreError> {
    if !gaps::any_seen_behind(tx, group, seq)? {
        return Ok(seq);
    }
    tracing::warn!(%group, "the server has answered a commit with a number before what was said");
    Ok(gaps::highest(tx, group)?.unwrap_or(seq))
}

/// A request on its way.
struct Asked<'a> {
    link: &'a Link,
    id: GroupId,
    stored: Vec<u8>,
}

impl Asked<'_> {
    /// Acts on the answer, if it is the first one: several tasks may have sent the request, and where it was answered already
    /// the group has gone on.
    async fn answered<T: Default + Send + 'static>(
        self,
        act: impl FnOnce(&Step<'_, '_>) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let Self { link, id, stored } = self;
        link.context
            .step(&link.identity, move |step| {
                let is_open = groups::load(step.tx, &id)?.is_some_and(|group| group.request == Some(stored));
                if is_open { act(step) } else { Ok(T::default()) }
            })
            .await
    }

    /// The server has accepted a creation or commit: it holds now.
    async fn activate(self, seq: Seq, begun: Option<Incarnation>) -> Result<(), ClientError> {
        let (link, id) = (self.link, self.id);
        let (outcome, news) = self
            .answered(move |step| {
                let seq = behind_the_seen(step.tx, &id, seq)?;
                let mut dates = Vec::new();
                if let Some(mut conversation) = step.take(id)? {
                    if conversation.has_pending() {
                        conversation.merge_pending(step.mls).during("merging a commit of our own")?;
                    }
                    groups::set_epoch(step.tx, &id, conversation.epoch())?;
                    dates = conversation.dates();
                    epoch_ends::note(step.tx, &id, conversation.epoch(), seq, step.now_ms)?;
                    step.keep(conversation)?;
                }
                let mut news = Vec::new();
                // It may have been put out since.
                if let Some(group) = groups::load(step.tx, &id)? {
                    if group.state != GroupState::Broken {
                        groups::set_state(step.tx, &id, GroupState::Active)?;
                    }
                    if let Some(begun) = begun {
                        holds::forget_of(step.tx, &open::TASK, Scope::Chat(group.chat))?;
                        let goes_on = chats::incarnation(step.tx, group.chat)?.is_some_and(|known| known < begun);
                        chats::note_incarnation(step.tx, group.chat, begun)?;
                        if let Some(roster) = group.roster.as_deref().map(rosters::stored).transpose()? {
                            group_chats::set_gone(step.tx, group.chat, None)?;
                            if goes_on {
                                news.extend(told::went_on(step, group.chat)?);
                            }
                            news.extend(told::tell(step, group.chat, &roster)?);
                            plan::settle(step.tx, &id)?;
                            title::tell_again(step, group.chat)?;
                        }
                    }
                    if group.step.is_some() {
                        // Who came by it has been told no device list.
                        groups::set_told(step.tx, &id, None)?;
                    }
                    news.extend(stepped(step, &group, Place::Numbered { group: id, seq })?);
                    leaf_dates::note(step.tx, group.chat, &dates, Place::Numbered { group: id, seq })?;
                }
                groups::set_request(step.tx, &id, None)?;
                groups::set_rotate_at(step.tx, &id, schedule::next_rotation(step.now_ms))?;
                gaps::note(step.tx, &id, seq)?;
                // While the answer was on its way, others may have gone on in the new epoch.
                Ok((inbox::retry(step, id)?, news))
            })
            .await?;
        link.context.emit_all(outcome.events);
        link.context.emit_all(news);
        Ok(())
    }

    async fn creation_refused(self, error: ClientError) -> Result<(), ClientError> {
        // Before it has looked at the request itself, a server can only say so: it may have taken the same before.
        if is_unanswered(&error) || error.code().is_some_and(|code| code.retry() == Retry::Later) {
            return Err(error);
        }
        let (winner, ahead) = match &error {
            ClientError::Server { code: ErrorCode::ConversationExists, group_id, .. } => (*group_id, None),
            ClientError::Server { code: ErrorCode::IncarnationAhead, incarnation, .. } => (None, Some(*incarnation)),
            _ => (None, None),
        };
        if let Some(winner) = winner {
            self.lets_in_again(winner).await?;
        }
        let is_unknown = matches!(error.code(), Some(ErrorCode::UnknownGroup | ErrorCode::NotAMember));
        let (link, id) = (self.link, self.id);
        let events = self
            .answered(move |step| {
                let group = groups::load(step.tx, &id)?;
                // What has come of a group with this id is of somebody else's, and stays.
                delete_conversation(step, id)?;
                groups::give_way(step.tx, &id)?;
                let Some(group) = group else { return Ok(Vec::new()) };
                if is_unknown {
                    // Somebody has sent this user away, and a restored server has been told so.
                    return is_gone(step, group.chat);
                }
                if let Some(winner) = winner {
                    let until = step.now_ms + i64::try_from(WELCOME_WAIT.as_millis()).unwrap_or(0);
                    lags::put(step.tx, &winner, None, until)?;
                    let reason = Reason::Refused(ErrorCode::ConversationExists);
                    let wait = |attempts: u32| WELCOME_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(8));
                    holds::put(step.tx, &open::TASK, Scope::Chat(group.chat), &reason, step.now_ms, wait)?;
                }
                match ahead {
                    Some(newest) if comes_down(chats::incarnation(step.tx, group.chat)?, newest) => {
                        chats::set_incarnation_back(step.tx, group.chat, newest)?;
                        if let Ok(info) = ConversationInfo::decode(&group.info) {
                            reached::forget(step.tx, &info.conversation_id())?;
                        }
                        membership::went_back(step, group.chat)
                    }
                    _ => Ok(Vec::new()),
                }
            })
            .await?;
        link.context.emit_all(events);
        // Else there is a later incarnation, a device named in it has gone, or a key package was stale: it is made anew with
        // what there is now.
        if winner.is_some() { Ok(()) } else { Err(error) }
    }

    /// A server that was restored may have forgotten that the user has let a group in which somebody has brought them whom they
    /// block, and hides the group in which it goes on.
    async fn lets_in_again(&self, winner: GroupId) -> Result<(), ClientError> {
        let id = self.id;
        let look = move |at: &Snapshot<'_>| {
            let Some(group) = groups::load(at, &id)? else { return Ok(false) };
            Ok::<_, StoreError>(group.roster.is_some() && consent::of_chat(at, group.chat)? == Consent::Open)
        };
        if !self.link.context.store.read(look).await? {
            return Ok(());
        }
        match self.link.context.api.accept(&winner).await {
            Err(error) if is_unanswered(&error) => Err(error),
            // Where it is shown there is nothing to let in, or the user has no part in it.
            _ => Ok(()),
        }
    }

    async fn commit_refused(self, error: ClientError) -> Result<(), ClientError> {
        if is_unanswered(&error) {
            return Err(error);
        }
        let (code, epoch) = match &error {
            ClientError::Server { code, epoch, .. } => (code.clone(), *epoch),
            _ => (ErrorCode::Internal, None),
        };
        let id = self.id;
        self.answered(move |step| {
            drop_request(step, id)?;
            match code {
                ErrorCode::StaleEpoch => lags::put(step.tx, &id, epoch, step.now_ms + COMMIT_WAIT)?,
                // Somebody has left meanwhile: the group is read again.
                ErrorCode::StaleRoster => groups::set_reconcile(step.tx, &id)?,
                ErrorCode::InvalidRoster => {
                    if let Some(group) = groups::load(step.tx, &id)? {
                        change::refuse_all(step.tx, group.chat)?;
                    }
                }
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

    async fn join_accepted(self, joined: Epoch, seq: Seq) -> Result<(), ClientError> {
        let (link, id) = (self.link, self.id);
        let events = self.answered(move |step| external_commit::came_in(step, id, joined, seq));
        link.context.emit_all(events.await?);
        Ok(())
    }

    async fn join_refused(self, error: ClientError) -> Result<(), ClientError> {
        if is_unanswered(&error) {
            return Err(error);
        }
        let id = self.id;
        // Before the comparison, the server may say that there is no such group because it was restored; later whoever joins asks whether
        // that is so.
        let is_unknown = error.is(&ErrorCode::UnknownGroup) && self.link.has_compared();
        self.answered(move |step| abandon_join(step, id)).await?;
        if is_unknown || error.is(&ErrorCode::StaleEpoch) { Ok(()) } else { Err(error) }
    }
}

/// Deletes the MLS state of a join that the server did not take. The group stays, to be joined anew.
fn abandon_join(step: &Step<'_, '_>, id: GroupId) -> Result<(), ClientError> {
    delete_conversation(step, id)?;
    groups::set_request(step.tx, &id, None)?;
    Ok(groups::set_state(step.tx, &id, GroupState::Broken)?)
}

pub(crate) fn drop_request(step: &Step<'_, '_>, id: GroupId) -> Result<(), ClientError> {
    if let Some(mut conversation) = step.take(id)? {
        conversation.clear_pending(step.mls)?;
        step.keep(conversation)?;
    }
    groups::set_step(step.tx, &id, None)?;
    Ok(groups::set_request(step.tx, &id, None)?)
}

/// Removes a group that is of no use any more. Its chat stays, and gets another group when something is sent.
pub(crate) fn forget(step: &Step<'_, '_>, id: GroupId) -> Result<(), ClientError> {
    delete_conversation(step, id)?;
    lags::remove(step.tx, &id)?;
    welcomes::remove(step.tx, &id)?;
    outbox::clear_encrypted_for(step.tx, &id)?;
    Ok(groups::remove(step.tx, &id)?)
}
