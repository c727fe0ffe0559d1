//! Joining: by invitation, or without one, by external commit: a new device, one that was away too long, one whose state
//! is broken. Nobody else has to be there.

use std::sync::Arc;
use std::time::Duration;

use privmsg_e2ee::{Conversation, ExternalJoinError, JoinError};
use privmsg_protocol::frames::{Ack, ClientFrame};
use privmsg_protocol::rest::GroupStateAt;
use privmsg_protocol::{ErrorCode, GroupId};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::welcomes::{self, Welcome};
use privmsg_store::{StoreError, gaps, lags, rejoins};
use tokio::time::sleep;

use super::membership;
use super::mls::Step;
use super::request::{Request, forget, submit};
use crate::content::new_message_id;
use crate::engine::{Link, inbox};
use crate::error::{ClientError, Retry};
use crate::events::Event;
use crate::net::backoff::random_fraction;

/// Attempts in a row, when other commits are always faster. After that the group waits for the next round.
const ATTEMPTS: usize = 8;

/// Longest pause between two attempts.
const JITTER: Duration = Duration::from_millis(300);

/// Why a group is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// This device is not in it, or too far behind.
    NotInIt,
    /// By the server's word numbers are missing here. Counted.
    Missing,
}

/// Joins a group, replacing whatever this device has of it.
pub(crate) async fn join(link: &Arc<Link>, id: GroupId, why: Why) -> Result<(), ClientError> {
    for attempt in 0..ATTEMPTS {
        let state = match link.context.api.group_state(&id, None).await {
            Ok(state) => state,
            Err(error) if error.is(&ErrorCode::UnknownGroup) => {
                return link.context.step(&link.identity, move |step| forget(step, id)).await;
            }
            Err(error) => return Err(error),
        };
        prepare(link, id, state, why == Why::Missing && attempt == 0).await?;
        submit(link, id).await?;
        let group = link.context.store.read(move |at| groups::load(at, &id)).await?;
        if group.is_none_or(|group| group.state != GroupState::Broken) {
            return Ok(());
        }
        sleep(JITTER.mul_f64(random_fraction())).await;
    }
    Err(ClientError::Network("others' changes were always faster".into()))
}

/// Makes the external commit and stores it with the new state. It is counted here, whatever the server will answer.
async fn prepare(link: &Link, id: GroupId, state: GroupStateAt, is_counted: bool) -> Result<(), ClientError> {
    let (Some(info), Some(tree)) = (state.state.group_info.decode(), state.state.ratchet_tree.decode()) else {
        return Err(ClientError::Protocol("a group's public state that is not base64"));
    };
    let prepared = link
        .context
        .step(&link.identity, move |step| {
            let (device, certificate) = (&step.identity.device, &step.identity.certificate);
            let (conversation, bundle) =
                Conversation::join_external(step.mls, device, certificate, &info, &tree).map_err(Unjoinable::from)?;
            if conversation.group_id() != id || membership::adopt(step, &conversation)?.is_none() {
                return Err(Unjoinable::Refused);
            }
            if is_counted {
                rejoins::note(step.tx, &id, step.now_ms)?;
            }
            groups::set_state(step.tx, &id, GroupState::Joining)?;
            groups::note_seen(step.tx, &id)?;
            groups::set_epoch(step.tx, &id, conversation.epoch())?;
            Ok(Request::join(new_message_id(step.now_ms)?, &bundle).store(step.tx, &id)?)
        })
        .await;
    prepared.map_err(|refused| match refused {
        Unjoinable::Refused => ClientError::Unjoinable,
        Unjoinable::Because(error) => {
            tracing::warn!(group_id = %id, %error, "cannot join");
            ClientError::Unjoinable
        }
        Unjoinable::Failed(error) => error,
    })
}

/// Why a transaction that would have joined is rolled back.
enum Unjoinable {
    /// It is not the group that it should be, or the chat has one that is in use.
    Refused,
    /// It is forged, or breaks our rules.
    Because(ExternalJoinError),
    /// This device has failed.
    Failed(ClientError),
}

impl From<ExternalJoinError> for Unjoinable {
    fn from(error: ExternalJoinError) -> Self {
        match error {
            ExternalJoinError::Storage(error) => Self::Failed(error.into()),
            ExternalJoinError::UpdateNeeded(newer) => Self::Failed(newer.into()),
            other => Self::Because(other),
        }
    }
}

impl From<ClientError> for Unjoinable {
    fn from(error: ClientError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for Unjoinable {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Joins by an invitation, with the public state that the server has for it. Where that does not work, the device joins
/// by external commit afterwards.
pub(crate) async fn join_by_welcome(link: &Arc<Link>, welcome: Welcome) -> Result<(), ClientError> {
    let (id, message_id) = (welcome.group, welcome.message_id);
    let tree: Option<Vec<u8>> = match link.context.api.group_state(&id, Some(welcome.epoch)).await {
        Ok(found) if found.epoch == welcome.epoch => found.state.ratchet_tree.decode(),
        Ok(_) => None,
        Err(ClientError::Server { code, .. }) if code.retry() != Retry::Later => None,
        Err(error) => return Err(error),
    };
    let events = link
        .context
        .step(&link.identity, move |step| {
            welcomes::remove(step.tx, &id)?;
            let Some(tree) = tree else {
                lags::put_invited(step.tx, &id, welcome.seq, step.now_ms)?;
                return Ok(Vec::new());
            };
            use_welcome(step, &welcome, &tree)
        })
        .await?;
    link.context.emit_all(events);
    // Now the server need not keep anything for it any more. Where this gets lost, the invitation comes again, and is known.
    let ack = Ack { message_ids: vec![message_id], accepted: Vec::new() };
    link.send(vec![ClientFrame::Ack(ack)]).await
}

/// Joins with the tree that the server has for an invitation. One that cannot be used leads to an external commit.
pub(crate) fn use_welcome(step: &Step<'_, '_>, welcome: &Welcome, tree: &[u8]) -> Result<Vec<Event>, ClientError> {
    let id = welcome.group;
    let part = step.tx.savepoint()?;
    match Conversation::join(step.mls, &welcome.welcome, tree) {
        Ok(conversation) if conversation.group_id() == id => {
            // `None`: the chat has a group that is in use.
            if let Some(chat) = membership::adopt(step, &conversation)? {
                part.keep()?;
                groups::set_epoch(step.tx, &id, conversation.epoch())?;
                lags::remove(step.tx, &id)?;
                if let Some(seq) = welcome.seq {
                    gaps::restart(step.tx, &id, seq)?;
                }
                let mut events = membership::observe(step, chat, &conversation.members())?;
                // What was said while this device was asking is waiting.
                events.extend(inbox::retry(step, id)?.events);
                return Ok(events);
            }
        }
        Ok(_) | Err(JoinError::AlreadyMember) => {}
        Err(JoinError::Storage(error)) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(%error, "a welcome could not be used");
            part.undo()?;
            lags::put_invited(step.tx, &id, welcome.seq, step.now_ms)?;
            return Ok(Vec::new());
        }
    }
    part.undo()?;
    Ok(Vec::new())
}
