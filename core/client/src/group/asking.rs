//! Chats that others have begun: requests, until a person of this user answers.

use privmsg_e2ee::Roster;
use privmsg_protocol::{GroupId, UserId};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::consent::{self, Consent};
use privmsg_store::{Tx, blocks, groups, lags};

use super::mls::Step;
use super::rosters;
use crate::error::ClientError;

/// This device was brought into a chat, by an invitation or because of one. Whoever is brought into a group by somebody they talk to
/// is not asked; a roster names its author, and nobody else can have signed it.
pub(crate) fn brought_in(
    tx: &Tx<'_>,
    own: &UserId,
    chat: &ChatKind,
    roster: Option<&Roster>,
) -> Result<(), ClientError> {
    let asker = match (chat, roster) {
        (ChatKind::Direct { peer }, _) => peer,
        (ChatKind::Group { .. }, Some(roster)) => roster.author().user_id(),
        (ChatKind::Group { .. }, None) | (ChatKind::SelfNotes, _) => return Ok(()),
    };
    let is_known = match chat {
        ChatKind::Group { .. } => {
            let talks = consent::of(tx, &ChatKind::Direct { peer: asker.clone() })? == Consent::Open;
            asker == own || (talks && !blocks::is_blocked(tx, asker)?)
        }
        ChatKind::Direct { .. } | ChatKind::SelfNotes => false,
    };
    if is_known {
        consent::bring_in(tx, chat, asker)?
    } else {
        consent::ask(tx, chat, asker)?
    }
    Ok(())
}

/// This device comes in by itself: was it invited, or does the server say that nobody of this user has answered there? Else the chat is
/// older than the device, and what was decided about it, the others of the account know.
pub(crate) fn came_in(
    step: &Step<'_, '_>,
    id: GroupId,
    chat: &ChatKind,
    roster: Option<&Roster>,
) -> Result<(), ClientError> {
    let was_invited = lags::of(step.tx, &id)?.is_some_and(|lag| lag.since.is_some());
    if was_invited || consent::is_said_unanswered(step.tx, &id)? {
        brought_in(step.tx, &step.identity.user_id, chat, roster)?;
    }
    Ok(())
}

/// The server says in which groups nobody of this user has answered. Those of which this device knows no better are requests.
pub(crate) fn note_unanswered(tx: &Tx<'_>, own: &UserId, unanswered: &[GroupId]) -> Result<(), ClientError> {
    consent::note_unanswered(tx, unanswered)?;
    for id in unanswered {
        let Some(group) = groups::load(tx, id)? else { continue };
        let roster = group.roster.as_deref().map(rosters::stored).transpose()?;
        brought_in(tx, own, &chats::load(tx, group.chat)?.kind, roster.as_ref())?;
    }
    Ok(())
}
