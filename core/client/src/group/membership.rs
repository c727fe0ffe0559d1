//! Which chat a group carries, and whether its people are who they were.

use privmsg_e2ee::{Conversation, ConversationInfo, ConversationKind, Participant, Person, Roster};
use privmsg_mls_public::incarnations::is_followed;
use privmsg_protocol::{GroupId, Incarnation, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::contacts::{self, Observation};
use privmsg_store::group_chats::{self, Gone};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::holds::Scope;
use privmsg_store::messages::{self, Direction, Kind, NewMessage};
use privmsg_store::position::Place;
use privmsg_store::{Snapshot, StoreError, holds, leaf_dates, reached as reached_elsewhere};

use super::claim::{Claim, published};
use super::mls::Step;
use super::news::GroupNews;
use super::request::forget;
use super::{rosters, schedule, told};
use crate::content::new_message_id;
use crate::engine::Link;
use crate::engine::tasks::open;
use crate::error::ClientError;
use crate::events::Event;
use crate::identity::Identity;
use crate::trust::{self, Trust};

/// What a group that this device could be in is to it.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// It carries its chat now. Its people's identities are noted.
    Adopted(Vec<Event>),
    /// The other person is another one than the one whose key is held fast: not before the user has said so.
    Held(Person),
    /// It is not what the chat is.
    Refused(&'static str),
}

/// Judges a conversation that has just been joined, in a savepoint that is undone unless it is adopted, and notes it as
/// active and as the one that carries its chat. That its leaves are under the identities of its people has been checked.
///
/// What decides is never in the group alone, which somebody may have made for the purpose: its id is derived from the chat,
/// it is what it was when it was adopted first, it is no earlier one than the chat has come to, and its other person is the
/// pinned one, or the one in the profile.
pub(crate) fn adopt(
    step: &Step<'_, '_>,
    conversation: &Conversation,
    id: GroupId,
    claim: &Claim,
) -> Result<Judgement, ClientError> {
    let info = conversation.info();
    if conversation.group_id() != id || info.conversation_id() != claim.conversation {
        return Ok(Judgement::Refused("another conversation"));
    }
    if is_of_the_past(step, conversation, claim)? {
        return Ok(Judgement::Refused("an earlier state than another own device has told of"));
    }
    let mut events = Vec::new();
    if let Some(known) = groups::load(step.tx, &id)? {
        let same = ConversationInfo::decode(&known.info)
            .is_ok_and(|known| known.people() == info.people() && known.incarnation() == info.incarnation());
        if !same {
            return Ok(Judgement::Refused("people with other identities than before"));
        }
        if let Some(roster) = conversation.roster() {
            if !rosters::may_carry(step, known.chat, roster)? {
                return Ok(Judgement::Refused("a roster that does not continue the known one"));
            }
            groups::set_roster(step.tx, &id, &info.encode(), &roster.encode())?;
            // It may be this device's own attempt to have the chat go on, after the server had said that the user is out.
            group_chats::set_gone(step.tx, known.chat, None)?;
            holds::release_people(step.tx, known.chat)?;
            events = told::tell(step, known.chat, roster)?;
        }
        groups::set_state(step.tx, &id, GroupState::Active)?;
        groups::set_request(step.tx, &id, None)?;
        chats::note_incarnation(step.tx, known.chat, info.incarnation())?;
        reached_elsewhere::forget(step.tx, &claim.conversation)?;
        return Ok(Judgement::Adopted(events));
    }
    let known = match chats::find(step.tx, &claim.kind)? {
        Some(chat) => chats::incarnation(step.tx, chat)?,
        None => None,
    };
    if known.is_some_and(|known| known != info.incarnation() && !is_followed(Some(known), info.incarnation())) {
        return Ok(Judgement::Refused("a group that the chat has left"));
    }
    if let Some(peer) = peer(info, &step.identity.user_id) {
        let key = *peer.identity.as_bytes();
        let is_published = claim.published == Some(key);
        match trust::of(step.tx, &peer.user_id, Some(key))? {
            Trust::Pinned(_) | Trust::Doubted(_) => {}
            Trust::First(_) | Trust::Taken(_) if is_published => {}
            Trust::ToBeAsked { .. } if is_published => return Ok(Judgement::Held(peer.clone())),
            _ => return Ok(Judgement::Refused("a person under an identity that is not theirs")),
        }
    }
    let chat = chats::ensure(step.tx, &claim.kind, step.now_ms)?;
    chats::note_incarnation(step.tx, chat, info.incarnation())?;
    reached_elsewhere::forget(step.tx, &claim.conversation)?;
    if let Some(roster) = conversation.roster() {
        let goes_on = known.is_some_and(|known| known < info.incarnation());
        let Some(part) = take_part(step, chat, roster, claim, goes_on)? else {
            return Ok(Judgement::Refused("a roster that does not continue the known one"));
        };
        carry(step, chat, info, GroupState::Active, conversation.leaves())?;
        if part.comes_in {
            groups::set_comes_in(step.tx, &id)?;
        }
        groups::set_roster(step.tx, &id, &info.encode(), &roster.encode())?;
        return Ok(Judgement::Adopted(part.events));
    }
    carry(step, chat, info, GroupState::Active, conversation.leaves())?;
    if let Some(peer) = peer(info, &step.identity.user_id) {
        events = observe(step, chat, peer)?;
    }
    Ok(Judgement::Adopted(events))
}

/// Whether a conversation is no further than it was when another device of the user's let this one in.
fn is_of_the_past(step: &Step<'_, '_>, conversation: &Conversation, claim: &Claim) -> Result<bool, StoreError> {
    let Some(told) = reached_elsewhere::of(step.tx, &claim.conversation)? else { return Ok(false) };
    let roster = conversation.roster().map_or(0, Roster::number);
    Ok(conversation.info().incarnation() < told.incarnation || roster < told.roster)
}

/// This device is in a group: an invitation has brought it in, or the server has taken its join. Where nobody's word has done it, and the
/// chat does not tell of anything else by which it came, a line says so.
pub(crate) fn has_come_in(step: &Step<'_, '_>, id: GroupId) -> Result<Vec<Event>, ClientError> {
    let Some(group) = groups::load(step.tx, &id)? else { return Ok(Vec::new()) };
    if !groups::has_come_in(step.tx, &id)? {
        return Ok(Vec::new());
    }
    let news = GroupNews { came_in: true, ..GroupNews::default() };
    news.tell(step, group.chat, &step.identity.user_id)
}

/// What taking part in a group of people has come to.
struct Part {
    events: Vec<Event>,
    /// Once this device is in it, the chat is to tell that.
    comes_in: bool,
}

/// The user takes part in a group of people, perhaps again. Whoever knows nothing of it takes what the inviter's GroupInfo
/// says, of a group that began with the roster that it is named after. `None`: what is known is another one.
///
/// Nobody's identity is pinned by it, or changed. `goes_on`: it is a later group than the chat has been in.
fn take_part(
    step: &Step<'_, '_>,
    chat: ChatId,
    roster: &Roster,
    claim: &Claim,
    goes_on: bool,
) -> Result<Option<Part>, ClientError> {
    let is_here = if rosters::view(step.tx, chat)?.is_some() {
        if !rosters::may_carry(step, chat, roster)? && !rosters::comes_again(step.tx, chat, roster)? {
            return Ok(None);
        }
        let gone = group_chats::load(step.tx, chat)?.and_then(|known| known.gone);
        group_chats::set_gone(step.tx, chat, None)?;
        // Of the group before, the server knew nothing any more; nobody had put the user out of it.
        gone.is_none() || (goes_on && gone == Some(Gone::Unknown))
    } else {
        let Some(founding) = claim.shown.founding.as_ref().filter(|founding| founding.is_founding()) else {
            return Ok(None);
        };
        if founding.conversation_id() != claim.conversation {
            return Ok(None);
        }
        rosters::enter(step.tx, chat, founding, roster)?;
        if let Some(title) = reached_elsewhere::take_title(step.tx, &claim.conversation)? {
            group_chats::tell_title(step.tx, chat, &title)?;
        }
        false
    };
    let mut events = match &claim.shown.added_by {
        _ if is_here && goes_on => told::went_on(step, chat)?,
        Some(by) if !is_here => {
            let news = GroupNews { added: vec![step.identity.user_id.clone()], ..GroupNews::default() };
            news.marked(step.tx, step.identity.person(), std::slice::from_ref(by))?.tell(step, chat, &by.user_id)?
        }
        _ => Vec::new(),
    };
    events.extend(told::tell(step, chat, roster)?);
    // A further device of the user's, or nobody's signature says who it was.
    Ok(Some(Part { events, comes_in: !is_here && claim.shown.added_by.is_none() }))
}

/// A group carries a chat from now on, in the place of the one before.
pub(crate) fn carry(
    step: &Step<'_, '_>,
    chat: ChatId,
    info: &ConversationInfo,
    state: GroupState,
    leaves: usize,
) -> Result<(), ClientError> {
    if let Some(former) = groups::of_chat(step.tx, chat)? {
        forget(step, former.group_id)?;
    }
    holds::release_people(step.tx, chat)?;
    if state != GroupState::Creating {
        // Whoever only tries to begin a group waits the longer the more often it has been in vain.
        holds::forget_of(step.tx, &open::TASK, Scope::Chat(chat))?;
    }
    if info.kind() == ConversationKind::Group {
        // Who has not been there since would stop everybody else.
        leaf_dates::forget_all(step.tx, chat)?;
    }
    // Between two nobody else is stopped, and what has been seen stays. The leaf that the other one has by a key package, which is
    // older than that, goes before anything is said: the key package may be of a past that somebody has a copy of, and it is the
    // server that has chosen it. What is said goes to those of their devices that have made a leaf since; where there is none, it
    // waits for the first that comes, and joins by itself. This device's own first leaf is new, so nobody waits for it in turn.
    let rotate_at = match state {
        GroupState::Active => schedule::first_rotation(step.now_ms, leaves),
        _ => schedule::next_rotation(step.now_ms),
    };
    Ok(groups::insert(step.tx, &info.group_id(), chat, &info.encode(), state, rotate_at)?)
}

/// How far a chat has come: the incarnation that it is in, or that this device is creating, or has left.
pub(crate) fn reached(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<Incarnation>, StoreError> {
    let carrying = groups::of_chat(at, chat)?.and_then(|group| ConversationInfo::decode(&group.info).ok());
    Ok(chats::incarnation(at, chat)?.max(carrying.map(|info| info.incarnation())))
}

/// The other person of a direct conversation.
pub(crate) fn peer<'a>(info: &'a ConversationInfo, own: &UserId) -> Option<&'a Person> {
    info.people().iter().find(|person| person.user_id != *own)
}

/// Compares a person's identity with the pinned one. A change becomes a line in the chat, and in each group that they are in.
pub(crate) fn observe(step: &Step<'_, '_>, chat: ChatId, person: &Person) -> Result<Vec<Event>, ClientError> {
    let user = &person.user_id;
    let blocked = match contacts::observe(step.tx, user, person.identity.as_bytes())? {
        Observation::Known | Observation::Pinned => return Ok(Vec::new()),
        Observation::Changed => {
            part_from_namesake(step, user)?;
            false
        }
        Observation::Blocked => true,
    };
    let mut events = note(step, chat, user, Kind::IDENTITY_CHANGED)?;
    for (group, _) in group_chats::all(step.tx)? {
        let is_in = group_chats::load(step.tx, group)?.is_some_and(|known| known.gone.is_none());
        let people = rosters::view(step.tx, group)?.map(|view| view.participants()).unwrap_or_default();
        if group != chat && is_in && people.iter().any(|place| place.user_id() == user) {
            events.extend(note(step, group, user, Kind::IDENTITY_CHANGED)?);
        }
    }
    events.push(Event::IdentityChanged { user: user.clone(), chat, blocked });
    Ok(events)
}

/// The user knows another key of somebody than before. If the group that carries the chat with them is between other people than the
/// user means, nothing more of it is heard: the chat goes on in another one when something is sent.
pub(crate) fn part_from_namesake(step: &Step<'_, '_>, user: &UserId) -> Result<(), ClientError> {
    let Some(chat) = chats::find(step.tx, &ChatKind::Direct { peer: user.clone() })? else { return Ok(()) };
    let Some(group) = groups::of_chat(step.tx, chat)? else { return Ok(()) };
    let info = ConversationInfo::decode(&group.info).map_err(|_| ClientError::Damaged("conversation info"))?;
    if is_trusted(step.tx, step.identity, &info)? { Ok(()) } else { forget(step, group.group_id) }
}

/// The server has this device join at a place that it had seen before, or go on after an earlier group: what was changed since then may be undone, and who was
/// removed since may be there again. A line in the chat says so.
pub(crate) fn went_back(step: &Step<'_, '_>, chat: ChatId) -> Result<Vec<Event>, ClientError> {
    tracing::warn!(chat = chat.0, "a conversation was led back to an earlier state");
    let about = match chats::load(step.tx, chat)?.kind {
        ChatKind::Direct { peer } => peer,
        _ => step.identity.user_id.clone(),
    };
    note(step, chat, &about, Kind::WENT_BACK)
}

/// Enters a notice of this device into a chat.
fn note(step: &Step<'_, '_>, chat: ChatId, about: &UserId, kind: Kind) -> Result<Vec<Event>, ClientError> {
    let notice = NewMessage {
        chat,
        message_id: new_message_id(step.now_ms)?,
        sender_id: about,
        sender_device: &step.identity.device_id,
        place: Place::Here,
        expires_at: None,
        sent_at: step.now_ms,
        received_at: step.now_ms,
        kind,
        content: &[],
    };
    let id = messages::insert(step.tx, &notice, Direction::Incoming)?;
    Ok(id.map(|id| Event::Received { id, chat }).into_iter().collect())
}

/// The other person of a group is not the one of before: notes it, for the user to judge.
pub(crate) fn ask_about(step: &Step<'_, '_>, kind: &ChatKind, person: &Person) -> Result<Vec<Event>, ClientError> {
    let chat = chats::ensure(step.tx, kind, step.now_ms)?;
    observe(step, chat, person)
}

/// What people's identities in a group are to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identities {
    /// The ones that they are known by.
    AsKnown,
    /// Somebody's is to be decided about, by the user or by who lets them in.
    ToAccept,
    /// The same, and the user has refused somebody's.
    Refused,
}

/// People take part in a group under another identity than the one that the user knows them by. Where it is the one that they
/// have published, it is as when it is met in a chat with them: taken, and shown, or to be accepted first.
pub(crate) async fn look_at_identities(
    link: &Link,
    chat: ChatId,
    people: Vec<Participant>,
) -> Result<Identities, ClientError> {
    let mut all = Identities::AsKnown;
    for place in people {
        let key = *place.identity().as_bytes();
        let is_published = published(link, place.user_id()).await? == Some(key);
        let person = Person { user_id: place.user_id().clone(), identity: *place.identity() };
        let seen = link.context.step(&link.identity, move |step| {
            let events = if is_published { observe(step, chat, &person)? } else { Vec::new() };
            let trust = trust::of_anybody(step.tx, step.identity.person(), &person.user_id, key)?;
            Ok::<_, ClientError>((events, trust))
        });
        let (events, trust) = seen.await?;
        link.context.emit_all(events);
        match trust {
            Trust::Refused { .. } => all = Identities::Refused,
            trust if is_published && trust.is_as_known() => {}
            _ if all == Identities::AsKnown => all = Identities::ToAccept,
            _ => {}
        }
    }
    Ok(all)
}

/// Whether the people of a conversation are who they are for this user now: oneself, and the pinned one.
pub(crate) fn is_trusted(at: &Snapshot<'_>, identity: &Identity, info: &ConversationInfo) -> Result<bool, ClientError> {
    for person in info.people() {
        if !trust::of_anybody(at, identity.person(), &person.user_id, *person.identity.as_bytes())?.is_pinned() {
            return Ok(false);
        }
    }
    Ok(true)
}
