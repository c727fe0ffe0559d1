//! What the server is asked about the rosters of a group: how one has led to another, and what waits there.

use privmsg_e2ee::{Person, Roster};
use privmsg_mls_public::{KnownDevices, Learned, RosterView};
use privmsg_protocol::{ErrorCode, GroupId};
use privmsg_store::chats::{self, ChatId};
use privmsg_store::{Snapshot, group_chats, groups};

use super::claim::Claim;
use super::mls::Step;
use super::rosters::{authors, brought_by, learn, read, shown_here, view};
use crate::engine::Link;
use crate::error::ClientError;

/// Most answers with steps, of a megabyte each, of one group: more than a server keeps.
const MOST_ANSWERS: usize = 16;

/// How far back it is looked who has added this user: as a rule it is the last step, and a page of the server's has some hundreds.
const STEPS_BACK: [u64; 3] = [2, 32, 256];

/// Learns how what is known of a group has led to what the server shows, where the one does not follow the other at once: this
/// device was away for longer than commits wait, or an owner has gone on from steps that are not known here, which count, and may be
/// this account's. Nothing is believed but what each step's author could do by the one before.
pub(crate) async fn catch_up(link: &Link, id: GroupId, claim: &Claim) -> Result<(), ClientError> {
    let Some(shown) = claim.shown.roster.clone() else { return Ok(()) };
    let kind = claim.kind.clone();
    let look = move |at: &Snapshot<'_>| {
        let Some(chat) = chats::find(at, &kind)? else { return Ok(None) };
        let Some(view) = view(at, chat)? else { return Ok(None) };
        let (known, number) = (authors(at, &view, &shown)?, view.number());
        Ok::<_, ClientError>(is_step_missing(view, shown, &known).then_some((chat, number)))
    };
    match link.context.store.read(look).await? {
        Some((chat, number)) => learn_after(link, id, chat, number).await,
        None => Ok(()),
    }
}

/// Whether there are steps between what is known and this roster that are not.
pub(super) fn is_step_missing(mut view: RosterView, shown: Roster, authors: &[KnownDevices]) -> bool {
    let follows = shown.previous().iter().all(|before| view.is_newest(before));
    match view.learn(shown, authors) {
        Learned::Unconnected => true,
        Learned::Newer => !follows,
        _ => false,
    }
}

/// Learns what people have said who leave, and nobody has carried yet: who has the conversation go on without having heard of it would
/// bring them back.
pub(crate) async fn learn_waiting(link: &Link, id: GroupId, chat: ChatId) -> Result<(), ClientError> {
    let look = move |at: &Snapshot<'_>| Ok::<_, ClientError>(view(at, chat)?.map(|view| view.number()));
    let Some(number) = link.context.store.read(look).await? else { return Ok(()) };
    match learn_after(link, id, chat, number).await {
        // It has lost the group, and what was said there.
        Err(error) if error.is(&ErrorCode::UnknownGroup) => Ok(()),
        other => other,
    }
}

/// Learns the steps that the server has after this number.
async fn learn_after(link: &Link, id: GroupId, chat: ChatId, mut known: u64) -> Result<(), ClientError> {
    for _ in 0..MOST_ANSWERS {
        let answer = link.context.api.roster_steps(&id, known).await?;
        let steps = answer.rosters.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let highest = steps.iter().map(Roster::number).max().unwrap_or_default();
        let learnt = move |step: &Step<'_, '_>| steps.iter().try_for_each(|roster| learn(step, chat, roster).map(drop));
        link.context.step(&link.identity, learnt).await?;
        if !answer.has_more || highest <= known {
            break;
        }
        known = highest;
    }
    Ok(())
}

/// Who has brought this user into a group, by a step that they have signed and that follows one without this user. Nothing else
/// shows it: whoever has signed the newest roster may have changed something else in it. Asked only where it is to be told.
pub(crate) async fn added_by(link: &Link, id: GroupId, claim: &Claim) -> Result<Option<Person>, ClientError> {
    let Some(roster) = claim.shown.roster.clone() else { return Ok(None) };
    let (kind, own) = (claim.kind.clone(), &link.identity.user_id);
    let name = own.clone();
    let look = move |at: &Snapshot<'_>| {
        let Some(chat) = chats::find(at, &kind)? else { return Ok(None) };
        let takes_part = group_chats::load(at, chat)?.is_some_and(|known| known.gone.is_none());
        let group = groups::of_chat(at, chat)?.filter(|_| takes_part);
        Ok::<_, ClientError>(Some((takes_part, group.map(|group| shown_here(at, &name, &group)).transpose()?)))
    };
    match link.context.store.read(look).await? {
        Some((_, Some(here))) => return Ok(here.added_by),
        Some((true, None)) => return Ok(None),
        _ => {}
    }
    if roster.participant(own).is_none() {
        return Ok(None);
    }
    let founding: Vec<_> = claim.shown.founding.iter().cloned().collect();
    for steps in STEPS_BACK {
        let after = roster.number().saturating_sub(steps);
        let known = match link.context.api.roster_steps(&id, after).await {
            Ok(answer) => answer.rosters.iter().map(read).collect::<Result<Vec<_>, _>>()?,
            Err(ClientError::Server { code, .. }) => {
                tracing::info!(%code, "who has added this user is not known");
                Vec::new()
            }
            Err(error) => return Err(error),
        };
        if let Some(by) = brought_by(own, &roster, &[known, founding.clone()].concat()) {
            return Ok(Some(by).filter(|by| *by != link.identity.as_person()));
        }
        if after <= 1 {
            break;
        }
    }
    Ok(None)
}
