//! What a person has said to what others have begun: a message is an answer, and one's own devices tell each other what was
//! decided besides.

use privmsg_e2ee::{Content, DecidedChat, Decision as Told, Decisions, Kind, MAX_DECISIONS};
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::consent::{self, Consent, Decided, Decision};
use privmsg_store::messages::{Direction, Kind as Notice};
use privmsg_store::{Snapshot, StoreError, Tx, account, settings};

use super::signing_key::of_own_device;
use super::{ContentKind, Effect, Said, compose, millis, say, says_a_person};
use crate::error::ClientError;
use crate::events::Event;
use crate::own_devices::learn;

/// This device has asked the others for what was decided before it was there.
const ASKED: &str = "decisions_asked";

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

    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        let Decisions { decisions, wanted } = said.content.body()?;
        if of_own_device(tx, said)?.is_none() {
            return Ok(Effect::default());
        }
        let mut events = Vec::new();
        for told in decisions {
            let told = decision(told);
            // Nobody decides for days to come, and nobody could take that back.
            let told = Decision { at_ms: told.at_ms.min(said.now_ms.saturating_add(AHEAD_MS)), ..told };
            let before = consent::of(tx, &told.chat)?;
            if consent::decide(tx, &told, Decided::Elsewhere)? {
                consent::set_decided_by(tx, &told.chat, said.sender_device, before)?;
                // What a new device hears of what was before it is no news.
                if before != Consent::Unknown {
                    let kind = if told.open { Notice::ACCEPTED_ELSEWHERE } else { Notice::DECLINED_ELSEWHERE };
                    events.extend(learn::line(tx, said.own, &told.chat, kind, said.sender_device, said.now_ms)?);
                }
            }
        }
        if wanted && let Some((user, device)) = account::sender(tx)? {
            tell_all(tx, (&user, &device), said.now_ms)?;
        }
        Ok(Effect { events, ..Effect::default() })
    }
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
    // Another device may not be in the chat, because nobody had answered there: it does not hear what is said.
    if is_other && said.direction == Direction::Outgoing && before.is_held() {
        return tell_one(tx, (said.own, said.sender_device), &chat, said.now_ms);
    }
    Ok(())
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
    let decided = consent::decisions(tx)?.into_iter().filter(|decision| decision.chat == *chat).collect();
    tell(tx, own, decided, now_ms)
}

/// What others than these devices have decided counts no more: they were removed as stolen. A line says so in each chat, and the
/// devices that stay are told how it stands.
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
    tell(tx, own, consent::decisions(tx)?.into_iter().filter(is_undone).collect(), now_ms)?;
    Ok(events)
}

/// Whether this device has still to ask the others of the account.
pub(crate) fn has_to_ask(at: &Snapshot<'_>) -> Result<bool, StoreError> {
    Ok(settings::get(at, ASKED)?.is_none())
}

/// Asks the others of the account, if there are any, for what was decided before this device was there.
pub(crate) fn ask(tx: &Tx<'_>, own: (&UserId, &DeviceId), now_ms: i64) -> Result<(), ClientError> {
    settings::set(tx, ASKED, now_ms)?;
    say_to_self(tx, own, &Decisions { decisions: Vec::new(), wanted: true }, now_ms)
}

fn tell_all(tx: &Tx<'_>, own: (&UserId, &DeviceId), now_ms: i64) -> Result<(), ClientError> {
    tell(tx, own, consent::decisions(tx)?, now_ms)
}

fn tell(tx: &Tx<'_>, own: (&UserId, &DeviceId), decided: Vec<Decision>, now_ms: i64) -> Result<(), ClientError> {
    let told: Vec<_> = decided.into_iter().filter_map(told).collect();
    for decisions in told.chunks(MAX_DECISIONS) {
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

fn decision(told: Told) -> Decision {
    let chat = match told.chat {
        DecidedChat::With(peer) => ChatKind::Direct { peer },
        DecidedChat::Group(conversation) => ChatKind::Group { conversation },
    };
    Decision { chat, open: !told.declined, at_ms: millis(told.at_ms) }
}

fn told(decision: Decision) -> Option<Told> {
    let chat = match decision.chat {
        ChatKind::Direct { peer } => DecidedChat::With(peer),
        ChatKind::Group { conversation } => DecidedChat::Group(conversation),
        ChatKind::SelfNotes => return None,
    };
    Some(Told { chat, declined: !decision.open, at_ms: u64::try_from(decision.at_ms).unwrap_or(0) })
}

#[cfg(test)]
#[path = "decisions_tests.rs"]
mod tests;
