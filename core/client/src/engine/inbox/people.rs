//! Who has said something, and what commits and messages mean for a group of people.

use privmsg_e2ee::{Content, Conversation, Member, MembershipChange, Role};
use privmsg_protocol::frames::DeliveredMessage;
use privmsg_store::chats::ChatId;
use privmsg_store::consent;
use privmsg_store::group_chats::{self, Gone};
use privmsg_store::groups::{self, StoredGroup};
use privmsg_store::held::{self, Speaker};
use privmsg_store::messages::{self, Direction, Kind, NewMessage};
use privmsg_store::position::Place;
use privmsg_store::{blocks, contacts, gaps, holds, outbox, wanted_lists};

use super::verdict::Verdict;
use crate::content::{self, Effect, Said, title};
use crate::device_lists;
use crate::device_lists::heard::{self, Standing};
use crate::error::ClientError;
use crate::events::Event;
use crate::group::mls::Step;
use crate::group::news::Moment;
use crate::group::rosters;
use crate::group::standing::{enter_roster, take_leave};
use crate::trust;

/// A commit is merged. If it leads to another roster, that counts from now on. Returns whether the user is not in it any
/// more: the chat stays to be read, and nothing else of the group does.
pub(super) fn roster_moved(
    step: &Step<'_, '_>,
    moment: Moment,
    group: &StoredGroup,
    change: &MembershipChange,
    events: &mut Vec<Event>,
) -> Result<bool, ClientError> {
    let Some(roster) = &change.roster else {
        tell_newcomer(step, group, change)?;
        return Ok(false);
    };
    let (told, _) = enter_roster(step, group, roster, moment, false)?;
    events.extend(told);
    let own = &step.identity;
    if roster.participant(&own.user_id).is_some_and(|place| *place.identity() == own.account) {
        return Ok(false);
    }
    let why = if rosters::person(roster.author()) == own.as_person() { Gone::Left } else { Gone::Removed };
    note_the_last(step, group, moment.place)?;
    events.extend(take_leave(step, group, why)?);
    Ok(true)
}

/// What did not come before the end is missing, and nothing comes behind it that would show that. So much of it as this device has
/// said, or asked for, without an answer that came may be its own, and is not shown.
fn note_the_last(step: &Step<'_, '_>, group: &StoredGroup, place: Place) -> Result<(), ClientError> {
    let Place::Numbered { seq, .. } = place else { return Ok(()) };
    let id = &group.group_id;
    gaps::note(step.tx, id, seq)?;
    let unanswered = outbox::unanswered(step.tx, id)? + u64::from(group.request.is_some());
    Ok(gaps::pass_over_newest(step.tx, id, unanswered)?)
}

/// A device that comes in by itself knows nothing of what was said, the title included. Another device of the same user
/// tells it, and the first one in the tree of somebody else who may give titles: whichever of the two is there first.
fn tell_newcomer(step: &Step<'_, '_>, group: &StoredGroup, change: &MembershipChange) -> Result<(), ClientError> {
    if group.roster.is_none() || change.committer.is_self || !change.added.contains(&change.committer) {
        return Ok(());
    }
    let joiner = &change.committer;
    if change.removed.iter().any(|former| former.device_id == joiner.device_id) {
        // It was here before.
        return Ok(());
    }
    let tellers = step.look(group.group_id, |conversation| tellers(conversation, joiner))?;
    let Some(teller) = tellers.into_iter().flatten().flatten().find(|teller| teller.is_self) else { return Ok(()) };
    // Whoever has asked to be answered sees nothing of this device, but its user's other devices do.
    if teller.user_id != joiner.user_id && consent::of_chat(step.tx, group.chat)?.is_held() {
        return Ok(());
    }
    if group_chats::heading(step.tx, group.chat)?.is_none_or(|heading| heading.title.is_empty()) {
        return Ok(());
    }
    // Nor does anybody have it said without end by letting devices come and go.
    if !group_chats::note_title_told(step.tx, group.chat, &joiner.user_id, step.now_ms)? {
        return Ok(());
    }
    title::tell_again(step, group.chat)
}

/// Whether somebody still takes part, by the newest roster that is known. A group that a server was set back to may have
/// people in it who are gone.
///
/// Whom the group's own roster has brought in, that waits for its author's word in a newer generation, is heard: the user was told
/// of them, and all others hear them. What they say would be gone here, also if the author goes on from that roster.
pub(super) fn may_speak(step: &Step<'_, '_>, group: &StoredGroup, sender: &Member) -> Result<bool, ClientError> {
    let Some(view) = rosters::view(step.tx, group.chat)? else { return Ok(true) };
    let (user, identity) = (&sender.user_id, &sender.identity);
    if view.has(user, identity) {
        return Ok(true);
    }
    let roster = group.roster.as_deref().map(rosters::stored).transpose()?;
    Ok(roster.is_some_and(|roster| view.has_in_waiting(roster.hash(), user, identity)))
}

/// Whether what somebody says is passed over: the user has blocked them, and the group has nobody else. That is the word of the user's
/// own devices; what only the server says to be blocked is heard.
pub(super) fn is_unheard(step: &Step<'_, '_>, group: &StoredGroup, sender: &Member) -> Result<bool, ClientError> {
    // Reading the roster of a large group for each message would be dear.
    Ok(blocks::is_said_to_be(step.tx, &sender.user_id)?
        && rosters::only_other(group, &step.identity.user_id)?.as_ref() == Some(&sender.user_id))
}

/// Takes nothing from what somebody says but which devices they have: this user may go on writing to them.
pub(super) fn pass_over(
    step: &Step<'_, '_>,
    group: &StoredGroup,
    sender: &Member,
    bytes: &[u8],
) -> Result<Vec<Event>, ClientError> {
    if is_namesake(step, sender)? {
        return Ok(Vec::new());
    }
    let Ok(content) = Content::decode(bytes) else { return Ok(Vec::new()) };
    Ok(heard::hear(step, group.chat, sender, &content)?.1)
}

/// Whether somebody speaks under another identity than the one that the user knows them by. Whoever makes a group can have anybody's
/// name in it, the server most of all; the user's own, too.
pub(super) fn is_namesake(step: &Step<'_, '_>, sender: &Member) -> Result<bool, ClientError> {
    Ok(trust::is_namesake(step.tx, step.identity.person(), &sender.user_id, &sender.identity)?)
}

/// Keeps what such a one has said, to be read with a mark. It has no effect, of its devices nothing is learnt, and nobody is told.
pub(super) fn hear_namesake(
    step: &Step<'_, '_>,
    at: (ChatId, Place),
    message: &DeliveredMessage,
    sender: &Member,
    bytes: &[u8],
) -> Result<Verdict, ClientError> {
    tracing::warn!(sender = %sender.user_id, "somebody has spoken under another key than the known one");
    match Content::decode(bytes) {
        Ok(content) if content.envelope_id() != message.message_id => Ok(Verdict::Unreadable),
        // What is said once more is nobody's who was heard the first time.
        Ok(content) if content.again.is_none() => {
            content::store_of_namesake(step.tx, &said(step, at, sender, &content, bytes))?;
            Ok(Verdict::Seen)
        }
        Ok(_) | Err(_) => Ok(Verdict::Seen),
    }
}

/// Keeps a content of a format that this version does not know.
pub(super) fn keep_unreadable(
    step: &Step<'_, '_>,
    (chat, place): (ChatId, Place),
    message: &DeliveredMessage,
    sender: &Member,
    content: &[u8],
) -> Result<Option<i64>, ClientError> {
    let new = NewMessage {
        chat,
        place,
        message_id: message.message_id,
        sender_id: &sender.user_id,
        sender_device: &sender.device_id,
        sent_at: message.timestamp.saturating_mul(1000),
        received_at: step.now_ms,
        expires_at: None,
        kind: Kind::UNREADABLE,
        content,
    };
    Ok(messages::insert(step.tx, &new, Direction::Incoming)?)
}

fn said<'a>(
    step: &'a Step<'_, '_>,
    (chat, place): (ChatId, Place),
    sender: &'a Member,
    content: &'a Content,
    bytes: &'a [u8],
) -> Said<'a> {
    Said {
        chat,
        place,
        sender: &sender.user_id,
        sender_device: &sender.device_id,
        sender_key: Some(&sender.device_key),
        own: &step.identity.user_id,
        direction: Direction::Incoming,
        content,
        bytes,
        now_ms: step.now_ms,
    }
}

/// Does what somebody has said, as far as their device is one of their account's.
pub(super) fn hear(
    step: &Step<'_, '_>,
    (chat, place): (ChatId, Place),
    sender: &Member,
    content: &Content,
    bytes: &[u8],
) -> Result<Effect, ClientError> {
    let said = said(step, (chat, place), sender, content, bytes);
    let (standing, events) = heard::hear(step, chat, sender, content)?;
    let mut effect = match standing {
        Standing::Listed => content::apply(step.tx, &said)?,
        Standing::Unknown if hold(step, &said, sender)? => Effect::default(),
        Standing::Unknown | Standing::Unlisted => {
            content::store_unlisted(step.tx, &said)?;
            Effect::default()
        }
    };
    effect.events.splice(0..0, events);
    Ok(effect)
}

fn hold(step: &Step<'_, '_>, said: &Said<'_>, sender: &Member) -> Result<bool, ClientError> {
    let speaker = Speaker {
        user: &sender.user_id,
        identity: sender.identity.as_bytes(),
        device: &sender.device_id,
        device_key: sender.device_key.as_bytes(),
    };
    Ok(held::hold(step.tx, said.chat, &speaker, said.place, said.content.message_id, said.bytes)?)
}

/// Who tells a device that has come in by itself what it has missed: another one of its user's, and somebody who may.
fn tellers(conversation: &Conversation, joiner: &Member) -> [Option<Member>; 2] {
    let members = conversation.members();
    let is_sibling = |member: &&Member| member.user_id == joiner.user_id && member.device_id != joiner.device_id;
    let may_tell = |member: &&Member| {
        let place = conversation.roster().and_then(|roster| roster.participant(&member.user_id));
        member.user_id != joiner.user_id && place.is_some_and(|place| place.role() >= Role::Admin)
    };
    [members.iter().find(is_sibling).cloned(), members.iter().find(may_tell).cloned()]
}

/// Devices have come: they have not been told this account's list, and the lists of theirs may be newer than those known.
pub(super) fn came(step: &Step<'_, '_>, group: &StoredGroup, change: &MembershipChange) -> Result<(), ClientError> {
    if change.added.is_empty() {
        return Ok(());
    }
    groups::set_told(step.tx, &group.group_id, None)?;
    holds::release_people(step.tx, group.chat)?;
    for member in change.added.iter().filter(|member| member.user_id != step.identity.user_id) {
        let known = device_lists::load(step.tx, &member.user_id, member.identity)?;
        let is_known = known.number().is_some() || contacts::load(step.tx, &member.user_id)?.is_some();
        if !is_known || known.counts(&member.device_id, &member.device_key) {
            continue;
        }
        let (generation, counter) = known.number().map_or((0, 0), device_lists::stored);
        let account = (&member.user_id, member.identity.as_bytes());
        let newer = (generation, counter.saturating_add(1));
        wanted_lists::want(step.tx, account, newer, group.chat, false, step.now_ms)?;
    }
    Ok(())
}
