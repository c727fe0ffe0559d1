//! Chats that others have begun: requests, until a person of this user answers.

use privmsg_e2ee::Roster;
use privmsg_protocol::{GroupId, UserId};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::consent::{self, Consent};
use privmsg_store::{Snapshot, StoreError, Tx, blocks, groups, lags};

use super::claim::Claim;
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

/// Whether this device makes no commit in a chat, joining included: nobody of this user has answered there, or they do not want it.
/// Whoever may make a device join by an invitation or a commit that nobody can use would otherwise see when it is there.
pub(crate) fn is_closed(at: &Snapshot<'_>, chat: &ChatKind) -> Result<bool, StoreError> {
    let is_blocked = match chat {
        ChatKind::Direct { peer } => blocks::is_blocked(at, peer)?,
        ChatKind::Group { .. } | ChatKind::SelfNotes => false,
    };
    Ok(is_blocked || consent::of(at, chat)?.is_held())
}

/// Whether a group that this device could join carries a chat in which a person has to answer first. It is a request then, like any
/// other, only that nothing of it can be read yet.
pub(crate) fn awaits_answer(step: &Step<'_, '_>, id: GroupId, claim: &Claim) -> Result<bool, ClientError> {
    if groups::load(step.tx, &id)?.is_none() {
        came_in(step, id, &claim.kind, claim.shown.roster.as_ref())?;
    }
    let is_closed = is_closed(step.tx, &claim.kind)?;
    if is_closed {
        let chat = chats::ensure(step.tx, &claim.kind, step.now_ms)?;
        lags::set_chat(step.tx, &id, chat)?;
    }
    Ok(is_closed)
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
