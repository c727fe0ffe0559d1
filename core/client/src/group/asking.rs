//! Chats that others have begun: requests, until a person of this user answers.

use privmsg_e2ee::Person;
use privmsg_protocol::{GroupId, UserId};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::consent::{self, Consent};
use privmsg_store::{Snapshot, StoreError, Tx, blocks, groups, lags, settings};

use super::claim::Claim;
use super::mls::Step;
use super::rosters::{self, Shown};
use crate::error::ClientError;
use crate::trust;

/// Whose word has brought this user into a chat.
#[derive(Debug, Clone)]
pub(crate) enum Bringer {
    /// That of the other one of a direct chat.
    Peer(UserId),
    /// That of whose signed step has let this user into a group.
    Signer(Person),
    /// It is not known. The chat is asked about, as theirs who began it.
    Unknown {
        /// The founder of the group.
        began: UserId,
    },
}

impl Bringer {
    /// By what is known of a chat. `None`: there is nobody to be asked about.
    fn of(chat: &ChatKind, shown: &Shown) -> Option<Self> {
        match chat {
            ChatKind::Direct { peer } => Some(Self::Peer(peer.clone())),
            ChatKind::Group { .. } => {
                let began = shown.founding.as_ref().or(shown.roster.as_ref());
                let began = began.map(|roster| Self::Unknown { began: roster.author().user_id().clone() });
                shown.added_by.clone().map(Self::Signer).or(began)
            }
            ChatKind::SelfNotes => None,
        }
    }
}

/// This device was brought into a chat, by an invitation or because of one. Whoever is brought into a group by somebody they talk to
/// is not asked: by a step that they have signed and no one else can have. It is signed under the identity that they are known by;
/// under another one anybody can sign with their name.
pub(crate) fn brought_in(
    tx: &Tx<'_>,
    own: (&UserId, Option<[u8; 32]>),
    chat: &ChatKind,
    shown: &Shown,
) -> Result<(), ClientError> {
    match Bringer::of(chat, shown) {
        None => {}
        Some(Bringer::Signer(by)) if is_talked_to(tx, own, &by)? => consent::bring_in(tx, chat, &by.user_id)?,
        Some(
            Bringer::Peer(asker) | Bringer::Signer(Person { user_id: asker, .. }) | Bringer::Unknown { began: asker },
        ) => {
            consent::ask(tx, chat, &asker)?;
        }
    }
    Ok(())
}

fn is_talked_to(tx: &Tx<'_>, own: (&UserId, Option<[u8; 32]>), by: &Person) -> Result<bool, StoreError> {
    let user = &by.user_id;
    // Where another key waits beside the pinned one, nobody knows which of the two is theirs. To whom the user has only just written, and
    // none is pinned, the first that shows itself is theirs.
    if !trust::of_anybody(tx, own, user, *by.identity.as_bytes())?.is_as_known() {
        return Ok(false);
    }
    let talks = consent::of(tx, &ChatKind::Direct { peer: user.clone() })? == Consent::Open;
    Ok(user == own.0 || (talks && !blocks::is_blocked(tx, user)?))
}

/// This device comes in by itself: was it invited, or does the server say that nobody of this user has answered there? Else the chat is
/// older than the device, and what was decided about it, the others of the account know.
pub(crate) fn came_in(step: &Step<'_, '_>, id: GroupId, claim: &Claim) -> Result<(), ClientError> {
    if is_asked_about(step.tx, &id)? {
        brought_in(step.tx, step.identity.person(), &claim.kind, &claim.shown)?;
    }
    Ok(())
}

/// Whether this device was invited into a group, or nobody of this user has answered there, by what the server says.
pub(crate) fn is_asked_about(at: &Snapshot<'_>, id: &GroupId) -> Result<bool, StoreError> {
    let was_invited = lags::of(at, id)?.is_some_and(|lag| lag.since.is_some());
    Ok(was_invited || consent::is_said_unanswered(at, id)?)
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
        came_in(step, id, claim)?;
    }
    let is_closed = is_closed(step.tx, &claim.kind)?;
    if is_closed {
        let chat = chats::ensure(step.tx, &claim.kind, step.now_ms)?;
        lags::set_chat(step.tx, &id, chat)?;
    }
    Ok(is_closed)
}

/// That the server has said once in which groups nobody of this user has answered.
const HEARD: &str = "unanswered_heard";

/// Whether this device has ever heard in which groups nobody of its user has answered.
pub(crate) fn has_heard(at: &Snapshot<'_>) -> Result<bool, StoreError> {
    Ok(settings::get(at, HEARD)?.is_some())
}

/// The server says in which groups nobody of this user has answered. Those of which this device knows no better are requests.
pub(crate) fn note_unanswered(
    tx: &Tx<'_>,
    own: (&UserId, Option<[u8; 32]>),
    unanswered: &[GroupId],
) -> Result<(), ClientError> {
    consent::note_unanswered(tx, unanswered)?;
    settings::set(tx, HEARD, 1)?;
    for id in unanswered {
        let Some(group) = groups::load(tx, id)? else { continue };
        let shown = rosters::shown_here(tx, own.0, &group)?;
        brought_in(tx, own, &chats::load(tx, group.chat)?.kind, &shown)?;
    }
    Ok(())
}
