//! What a person has said to what others have begun: a message is an answer, and one's own devices tell each other what was
//! decided besides.

use std::cmp::Reverse;

use privmsg_e2ee::{Content, DecidedAbout, Decision as Told, Decisions, Kind, MAX_DECISIONS};
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::blocks;
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::consent::{self, Consent, Decided, Decision};
use privmsg_store::messages::{Direction, Kind as Notice};
use privmsg_store::{Snapshot, StoreError, Tx, account, settings};

use super::signing_key::of_own_device;
use super::{ContentKind, Effect, Said, compose, millis, say, says_a_person};
use crate::error::ClientError;
use crate::events::Event;
use crate::own_devices::block_news::{self, BlockNews};
use crate::own_devices::learn;

/// This device has asked the others for what was decided before it was there.
const ASKED: &str = "decisions_asked";

/// It has to ask them again.
const NEVER: i64 = 0;

/// How far the clock of another device may be ahead, ms.
const AHEAD_MS: i64 = 24 * 3600 * 1000;

pub(super) struct DecisionsKind;

impl ContentKind for DecisionsKind {
    fn number(&self) -> u32 {
        Decisions::NUMBER
    }

    fn name(&self) -> &'static str {
        Decisions::NAME
    }

    fn by_person(&self, _content: &Content) -> bool {
        false
    }

    fn is_told_to_those_there(&self) -> bool {
        false
    }

    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        let Decisions { decisions, wanted } = said.content.body()?;
        if of_own_device(tx, said)?.is_none() {
            return Ok(Effect::default());
        }
        let events = hear(tx, said, decisions)?;
        if wanted
            && let Some((user, device)) = account::sender(tx)?
            && consent::is_to_be_told(tx, said.sender_device, said.now_ms)?
        {
            tell_all(tx, (&user, &device), said.now_ms)?;
        }
        Ok(Effect { events, ..Effect::default() })
    }
}

/// What another device has decided, each once.
fn hear(tx: &Tx<'_>, said: &Said<'_>, mut decisions: Vec<Told>) -> Result<Vec<Event>, ClientError> {
    // Of several about one chat the last one counts, and one line is enough.
    decisions.sort_by_key(|told| Reverse((told.at_ms, told.declined)));
    let mut heard = Vec::new();
    let mut events = Vec::new();
    let mut news = BlockNews::by(said.sender_device);
    for told in decisions {
        if heard.contains(&told.about) {
            continue;
        }
        heard.push(told.about.clone());
        // Nobody decides for days to come, and nobody could take that back.
        let at_ms = millis(told.at_ms).min(said.now_ms.saturating_add(AHEAD_MS));
        let (by, open) = (said.sender_device, !told.declined);
        let chat = match told.about {
            DecidedAbout::With(peer) => ChatKind::Direct { peer },
            DecidedAbout::Group(conversation) => ChatKind::Group { conversation },
            DecidedAbout::Sender(user) => {
                let told = blocks::Told { user, blocked: !open, at_ms };
                if blocks::hear(tx, &told, by, said.now_ms)? {
                    news.add(told.user, told.blocked);
                }
                continue;
            }
        };
        // What a new device hears of what was before it is no news.
        let before = consent::hear(tx, &Decision { chat: chat.clone(), open, at_ms }, by)?;
        if before.is_some_and(|before| before != Consent::Unknown) {
            let kind = if open { Notice::ACCEPTED_ELSEWHERE } else { Notice::DECLINED_ELSEWHERE };
            events.extend(learn::line(tx, said.own, &chat, kind, by, said.now_ms)?);
        }
    }
    if let Some((user, device)) = account::sender(tx)? {
        events.extend(news.tell(tx, (&user, &device), said.now_ms)?);
    }
    Ok(events)
}

/// What a person of this user says in a chat, on whichever device, is their answer to whoever has begun it.
pub(super) fn answer(tx: &Tx<'_>, said: &Said<'_>) -> Result<(), ClientError> {
    if !says_a_person(said.content) {
        return Ok(());
    }
    let (on, at_ms) = match said.direction {
        Direction::Outgoing => (Decided::ByWriting, said.now_ms),
        Direction::Incoming => {
            (Decided::Elsewhere, millis(said.content.sent_at_ms).min(said.now_ms.saturating_add(AHEAD_MS)))
        }
    };
    let chat = chats::load(tx, said.chat)?.kind;
    let before = consent::of(tx, &chat)?;
    let is_other = consent::decide(tx, &Decision { chat: chat.clone(), open: true, at_ms }, on)?;
    if !is_other || !before.is_held() {
        return Ok(());
    }
    match said.direction {
        // Another device may not be in the chat, because nobody had answered there: it does not hear what is said.
        Direction::Outgoing => tell_one(tx, (said.own, said.sender_device), &chat, said.now_ms),
        // If it is removed as stolen, nobody has answered.
        Direction::Incoming => Ok(consent::set_decided_by(tx, &chat, said.sender_device, before)?),
    }
}

/// A person of this user has blocked somebody here, or takes it back, and the server knows. The other devices are told: what it keeps
/// back is wanted by their word alone.
pub(crate) fn block(
    tx: &Tx<'_>,
    own: (&UserId, &DeviceId),
    user: &UserId,
    blocked: bool,
    now_ms: i64,
) -> Result<(), ClientError> {
    let said = blocks::say(tx, user, blocked, now_ms)?;
    tell(tx, own, vec![of_block(said)], now_ms)
}

/// A person of this user lets a chat in, or declines it, here. The other devices are told.
pub(crate) fn decide(
    tx: &Tx<'_>,
    own: (&UserId, &DeviceId),
    chat: ChatKind,
    open: bool,
    now_ms: i64,
) -> Result<(), ClientError> {
    consent::decide(tx, &Decision { chat: chat.clone(), open, at_ms: now_ms }, Decided::Here)?;
    tell_one(tx, own, &chat, now_ms)
}

fn tell_one(tx: &Tx<'_>, own: (&UserId, &DeviceId), chat: &ChatKind, now_ms: i64) -> Result<(), ClientError> {
    let decided = consent::decisions(tx, &listed(tx)?)?.into_iter().filter(|decision| decision.chat == *chat);
    tell(tx, own, decided.filter_map(told).collect(), now_ms)
}

/// What others than these devices have decided about chats counts no more: they were removed as stolen. A line says so in each chat, and
/// the devices that stay are told how it stands. Whom they have blocked is listed.
pub(crate) fn undo(
    tx: &Tx<'_>,
    own: (&UserId, &DeviceId),
    listed: &[DeviceId],
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let undone = consent::undo(tx, listed, now_ms)?;
    let mut events = Vec::new();
    for one in &undone {
        events.extend(learn::line(tx, own.0, &one.chat, Notice::DECISION_UNDONE, &one.by, now_ms)?);
    }
    let is_undone = |decision: &Decision| undone.iter().any(|one| one.chat == decision.chat);
    let stand = consent::decisions(tx, listed)?.into_iter().filter(is_undone);
    tell(tx, own, stand.filter_map(told).collect(), now_ms)?;
    events.extend(block_news::list(tx, own, listed, now_ms)?);
    Ok(events)
}

/// Whether this device has still to ask the others of the account.
pub(crate) fn has_to_ask(at: &Snapshot<'_>) -> Result<bool, StoreError> {
    Ok(settings::get(at, ASKED)?.is_none_or(|asked| asked == NEVER))
}

/// What they have said meanwhile has not come to this device: it asks them again.
pub(crate) fn has_missed(tx: &Tx<'_>) -> Result<(), StoreError> {
    settings::set(tx, ASKED, NEVER)
}

/// Asks the others of the account, if there are any, for what was decided before this device was there.
pub(crate) fn ask(tx: &Tx<'_>, own: (&UserId, &DeviceId), now_ms: i64) -> Result<(), ClientError> {
    settings::set(tx, ASKED, now_ms)?;
    say_to_self(tx, own, &Decisions { decisions: Vec::new(), wanted: true }, now_ms)
}

/// All that was decided here, and what nobody else tells any more.
fn tell_all(tx: &Tx<'_>, own: (&UserId, &DeviceId), now_ms: i64) -> Result<(), ClientError> {
    let listed = listed(tx)?;
    let blocks = blocks::told(tx, &listed)?.into_iter().map(of_block);
    tell(tx, own, consent::decisions(tx, &listed)?.into_iter().filter_map(told).chain(blocks).collect(), now_ms)
}

/// The devices of the account, as this one knows them.
fn listed(at: &Snapshot<'_>) -> Result<Vec<DeviceId>, ClientError> {
    let Some(account) = account::load(at)? else { return Ok(Vec::new()) };
    Ok(learn::known(at, &account)?.devices().iter().map(|device| device.device_id.clone()).collect())
}

fn tell(tx: &Tx<'_>, own: (&UserId, &DeviceId), decided: Vec<Told>, now_ms: i64) -> Result<(), ClientError> {
    for decisions in decided.chunks(MAX_DECISIONS) {
        say_to_self(tx, own, &Decisions { decisions: decisions.to_vec(), wanted: false }, now_ms)?;
    }
    Ok(())
}

/// In the conversation with oneself. Where the user has no other device nobody is told: one that comes asks.
fn say_to_self(tx: &Tx<'_>, own: (&UserId, &DeviceId), decisions: &Decisions, now_ms: i64) -> Result<(), ClientError> {
    let Some(account) = account::load(tx)? else { return Ok(()) };
    if learn::known(tx, &account)?.devices().len() < 2 {
        return Ok(());
    }
    let chat = chats::ensure(tx, &ChatKind::SelfNotes, now_ms)?;
    say(tx, own, chat, &compose(decisions, now_ms)?, now_ms)?;
    Ok(())
}

fn of_block(told: blocks::Told) -> Told {
    let at_ms = u64::try_from(told.at_ms).unwrap_or(0);
    Told { about: DecidedAbout::Sender(told.user), declined: told.blocked, at_ms }
}

fn told(decision: Decision) -> Option<Told> {
    let about = match decision.chat {
        ChatKind::Direct { peer } => DecidedAbout::With(peer),
        ChatKind::Group { conversation } => DecidedAbout::Group(conversation),
        ChatKind::SelfNotes => return None,
    };
    Some(Told { about, declined: !decision.open, at_ms: u64::try_from(decision.at_ms).unwrap_or(0) })
}

#[cfg(test)]
#[path = "decisions_tests.rs"]
mod tests;
