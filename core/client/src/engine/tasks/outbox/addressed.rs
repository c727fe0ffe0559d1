//! What was written is for those who took part then, by the keys that they had: whoever has come since, by whomever they were brought in
//! and however long the server has held up what was said before, is not told it unless the user says so.
//!
//! Somebody had a key if the roster of then says so, if the user was bringing them in by it, or if it was the one by which the user knew
//! them, or has accepted since.

use privmsg_e2ee::{Conversation, Person};
use privmsg_protocol::{ErrorCode, UserId};
use privmsg_store::audiences::{self, People};
use privmsg_store::contacts::was_known;
use privmsg_store::groups::StoredGroup;
use privmsg_store::outbox::{self, Queued};

use super::failing::fail;
use crate::error::ClientError;
use crate::events::Event;
use crate::group::membership::peer;
use crate::group::mls::Step;
use crate::group::{change, plan, rosters};

/// Who would have what is encrypted for a conversation now.
pub(super) enum Present {
    Oneself,
    Two(Person),
    /// Those of a roster.
    Group(Vec<u8>),
}

impl Present {
    pub(super) fn of(step: &Step<'_, '_>, group: &StoredGroup, conversation: &Conversation) -> Self {
        match (&group.roster, peer(conversation.info(), &step.identity.user_id)) {
            (Some(roster), _) => Self::Group(roster.clone()),
            (None, Some(peer)) => Self::Two(peer.clone()),
            (None, None) => Self::Oneself,
        }
    }

    /// Those of them for whom it was not written.
    pub(super) fn newcomers(&self, step: &Step<'_, '_>, queued: &Queued) -> Result<Vec<UserId>, ClientError> {
        let Some(audience) = queued.audience else { return Ok(Vec::new()) };
        match self {
            Self::Oneself => Ok(Vec::new()),
            Self::Two(Person { user_id, identity }) => {
                // Of whom nothing was known, anybody may have it whom the server names.
                let is_meant = was_known(step.tx, user_id, identity.as_bytes(), queued.key_changes)?.unwrap_or(true);
                Ok(if is_meant { Vec::new() } else { vec![user_id.clone()] })
            }
            Self::Group(roster) => {
                let meant = audiences::people(step.tx, audience)?;
                if meant.roster == *roster {
                    Ok(Vec::new())
                } else {
                    come_since(step, roster, &meant, queued.key_changes)
                }
            }
        }
    }

    /// One of those for whom it was not written would have it: it waits for the user's word. What people do not see as a message is not
    /// said: whoever meant it sees what has come between.
    pub(super) fn hold_back(
        &self,
        step: &Step<'_, '_>,
        queued: &Queued,
        newcomers: &[UserId],
    ) -> Result<Option<Event>, ClientError> {
        let roster = if let Self::Group(roster) = self { roster.as_slice() } else { &[] };
        let code = ErrorCode::from(outbox::OTHERS_CAME);
        if !outbox::hold_back(step.tx, queued, roster, newcomers)? {
            let message_id = queued.message_id;
            let failed = fail(step.tx, &message_id, outbox::OTHERS_CAME)?;
            return Ok(failed.map(|_| Event::NotChanged { message_id, code }));
        }
        Ok(queued.message_row.map(|id| Event::Failed { id, chat: queued.chat, code }))
    }
}

/// Who of a roster was not among the people by the key that they have.
fn come_since(step: &Step<'_, '_>, now: &[u8], meant: &People, key_changes: i64) -> Result<Vec<UserId>, ClientError> {
    let (now, own) = (rosters::stored(now)?, &step.identity.user_id);
    let mut newcomers = Vec::new();
    // Nobody was told yet who takes part.
    let new = if meant.roster.is_empty() { now.participants().to_vec() } else { plan::newcomers(&meant.roster, &now)? };
    let then = if meant.roster.is_empty() { None } else { Some(rosters::stored(&meant.roster)?) };
    for place in new.into_iter().filter(|place| place.user_id() != own) {
        let (user, key) = (place.user_id(), place.identity().as_bytes());
        let was_there = then.as_ref().is_some_and(|then| then.participant(user).is_some());
        let is_meant = change::is_coming(&meant.coming, &place)
            || (was_there && was_known(step.tx, user, key, key_changes)? == Some(true));
        if !is_meant {
            newcomers.push(user.clone());
        }
    }
    Ok(newcomers)
}
