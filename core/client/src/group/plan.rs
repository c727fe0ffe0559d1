//! Which roster a group of people is to have next.
//!
//! In this order: what people have said who leave; what is known here and the group has not come to; what joins rosters that
//! went separate ways, where this user owns both; what this user wants; and the generation that this account signs in.

use privmsg_e2ee::{OsRng, Participant, Roster};
use privmsg_mls_public::roster::in_all;
use privmsg_protocol::GroupId;
use privmsg_protocol::rest::Group;
use privmsg_store::chats::ChatId;
use privmsg_store::groups::{self, StoredGroup};
use privmsg_store::{Snapshot, Tx};

use super::change::{self, Author, GroupChange};
use super::leaving::Leave;
use super::mls::Step;
use super::rosters;
use crate::error::ClientError;

/// What is to be done about a group's roster.
#[derive(Debug)]
pub(crate) enum Plan {
    Nothing,
    /// A commit is to lead to this one.
    Step {
        next: Roster,
        /// There is more to do after it.
        more: bool,
    },
    /// The user leaves.
    Leave(Leave),
    /// The user does not stand in the newest roster that is known here, and the group has not come to it. Somebody else carries
    /// it; what the user has said themselves, the server may have to hear again.
    Out {
        next: Roster,
        /// The server has it.
        is_waiting: bool,
    },
}

impl Plan {
    /// A commit to a roster, which its committer stands in.
    fn step(step: &Step<'_, '_>, next: Roster, more: bool, is_waiting: bool) -> Self {
        let own = step.identity;
        match next.participant(&own.user_id) {
            Some(place) if *place.identity() == own.account => Self::Step { next, more },
            _ => Self::Out { next, is_waiting },
        }
    }
}

/// Plans what is due in a group that the server describes so.
pub(crate) fn make(step: &Step<'_, '_>, group: &StoredGroup, theirs: &Group) -> Result<Plan, ClientError> {
    let Some(before) = &group.roster else { return Ok(Plan::Nothing) };
    let (before, chat) = (rosters::stored(before)?, group.chat);
    let waiting = theirs.steps.iter().map(rosters::read).collect::<Result<Vec<_>, _>>()?;
    for roster in &waiting {
        rosters::learn(step, chat, roster)?;
    }
    if let Some((wanted, GroupChange::Leave { successor })) = change::leaving(step.tx, chat)? {
        let newest = waiting.last().unwrap_or(&before).clone();
        return Ok(Plan::Leave(Leave { wanted, successor, newest }));
    }
    // One that everybody would refuse must not stand in the way of the others.
    if let Some(next) = waiting.iter().find(|roster| roster.replaces(&before).is_ok()) {
        return Ok(Plan::step(step, next.clone(), waiting.len() > 1, true));
    }
    if let Some(next) = rosters::way_up(step.tx, chat, &before)? {
        return Ok(Plan::step(step, next, true, false));
    }
    let key = match rosters::signing_key(step.tx) {
        Ok(key) => key,
        Err(ClientError::NoSigningKey) => {
            // Whoever waits for it hears so, and it is not asked for again.
            change::refuse_all(step.tx, chat)?;
            return Ok(Plan::Nothing);
        }
        Err(error) => return Err(error),
    };
    let conversation = step.take(group.group_id)?;
    let generation_of = |user: &_| conversation.as_ref().and_then(|conversation| conversation.generation_of(user));
    let author = Author { key: &key, generation_of: &generation_of, has_owned: true };
    if let Some(next) = join_heads(step, group, &before, &author)? {
        return Ok(Plan::Step { next, more: true });
    }
    if rosters::view(step.tx, chat)?.is_some_and(|view| view.is_waiting(before.hash())) {
        // Whoever signs what comes after it answers for it.
        return Ok(Plan::Nothing);
    }
    let next = match change::step_of_all(step.tx, chat, &before, &author, step.now_ms)? {
        Some(next) => Some(next),
        None => change::raise_own(step.tx, chat, &before, &author)?,
    };
    if let Some(conversation) = conversation {
        step.keep(conversation)?;
    }
    Ok(next.map_or(Plan::Nothing, |next| Plan::Step { next, more: false }))
}

/// Whether this device can bring a group from `before` to where it may be written to. Else an owner has to, and asking again
/// and again helps nobody.
pub(crate) fn can_be_settled(at: &Snapshot<'_>, chat: ChatId, before: &Roster) -> Result<bool, ClientError> {
    if rosters::way_up(at, chat, before)?.is_some() {
        return Ok(true);
    }
    let Some(view) = rosters::view(at, chat)? else { return Ok(false) };
    match rosters::signing_key(at) {
        Ok(key) => {
            let apart = view.heads().len() > 1 || view.is_waiting(before.hash());
            Ok(apart && view.heads().iter().chain([before]).all(|head| head.is_owner(key.certificate())))
        }
        Err(ClientError::NoSigningKey) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A group may begin with a roster that is behind what is known here, or beside it: it is brought up to that, and branches are brought
/// together, if this device can.
pub(crate) fn settle(tx: &Tx<'_>, id: &GroupId) -> Result<(), ClientError> {
    let Some(group) = groups::load(tx, id)? else { return Ok(()) };
    if let Some(roster) = group.roster.as_deref().map(rosters::stored).transpose()?
        && can_be_settled(tx, group.chat, &roster)?
    {
        groups::set_reconcile(tx, id)?;
    }
    Ok(())
}

/// Several rosters are the newest: an owner of all writes the next one, in which only those are who stand in each. Or the group
/// has come to one that is signed with a key which was called back, for which nobody answers: the next one leads away from it.
fn join_heads(
    step: &Step<'_, '_>,
    group: &StoredGroup,
    before: &Roster,
    author: &Author<'_>,
) -> Result<Option<Roster>, ClientError> {
    let Some(view) = rosters::view(step.tx, group.chat)? else { return Ok(None) };
    let certificate = author.key.certificate();
    let heads = view.heads();
    let waits = view.is_waiting(before.hash());
    if (heads.len() < 2 && !waits) || !heads.iter().all(|head| head.is_owner(certificate)) {
        return Ok(None);
    }
    let others = if waits { std::slice::from_ref(before) } else { &[] };
    let predecessors = view.predecessors(others, certificate);
    let mut people = in_all(&heads.iter().collect::<Vec<_>>());
    for own in people.iter_mut().filter(|place| place.user_id() == certificate.user_id()) {
        *own = Participant::with_role(own.user_id().clone(), *own.identity(), own.role(), certificate.generation());
    }
    let next = author.key.next_roster(&predecessors, people, &mut OsRng).ok();
    Ok(next.filter(|next| next.replaces(before).is_ok()))
}

/// Who comes by a step.
pub(crate) fn newcomers(before: &[u8], next: &Roster) -> Result<Vec<Participant>, ClientError> {
    let before = rosters::stored(before)?;
    let is_new = |place: &&Participant| before.participant(place.user_id()).is_none_or(|old| !old.is_same_as(place));
    Ok(next.participants().iter().filter(is_new).cloned().collect())
}
