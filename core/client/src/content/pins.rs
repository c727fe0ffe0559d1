//! What one's own devices know of contacts' keys, told to one another.

use privmsg_e2ee::content::{Pin, PinDevice, Pins};
use privmsg_e2ee::{AccountPublicKey, Content, Kind as _};
use privmsg_mls_public::numbers::is_acceptable;
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::contacts::words::{self, Heard, MAX_THROUGH, Marks, Word};
use privmsg_store::messages::{self, Direction, Kind, NewMessage};
use privmsg_store::position::Place;
use privmsg_store::{Tx, account};

use super::signing_key::of_own_device;
use super::{ContentKind, Effect, Said, new_message_id};
use crate::clock::seconds;
use crate::error::ClientError;
use crate::events::Event;

pub(super) struct PinsKind;

impl ContentKind for PinsKind {
    fn number(&self) -> u32 {
        Pins::NUMBER
    }

    fn name(&self) -> &'static str {
        "pins"
    }

    fn by_person(&self, _content: &Content) -> bool {
        false
    }

    fn is_told_to_those_there(&self) -> bool {
        false
    }

    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        let Pins { pins } = said.content.body()?;
        let Some(_) = of_own_device(tx, said)? else { return Ok(Effect::default()) };
        // Each device says this of itself, which its signature shows. What others have said comes with the link that lets one in.
        let own: Vec<Pin> = pins.into_iter().filter(|pin| pin.said_by.is_none() && pin.through.is_empty()).collect();
        Ok(Effect { message: None, events: hear(tx, said.sender_device, &own, said.now_ms)? })
    }
}

/// Another device of the user's tells what it knows of contacts' keys. It adds to what is known here; where it is another key,
/// a line in the chat says so.
pub(crate) fn hear(tx: &Tx<'_>, told_by: &DeviceId, pins: &[Pin], now_ms: i64) -> Result<Vec<Event>, ClientError> {
    let Some((own, this)) = account::sender(tx)? else { return Ok(Vec::new()) };
    let mut events = Vec::new();
    for pin in pins {
        let mut word = word(pin);
        // Numbers follow the time. One of the future, once it is confirmed here, would keep back what is written for years.
        if !is_acceptable(word.floor, 0, seconds(now_ms)) {
            tracing::warn!("passed over a generation of the future");
            word.floor = 0;
        }
        // It knows itself what it has said, and who the user is.
        if word.user == own || word.said_by.as_ref() == Some(&this) {
            continue;
        }
        if word.through.len() > MAX_THROUGH {
            tracing::warn!("passed over a word that has gone through too many hands");
            continue;
        }
        if AccountPublicKey::from_bytes(word.identity).is_err() {
            tracing::warn!("passed over a key that is none");
            continue;
        }
        let blocked = match words::hear(tx, told_by, &word)? {
            Heard::Nothing => continue,
            Heard::Differs => false,
            Heard::Blocked => true,
        };
        events.extend(announce(tx, &word.user, word.said_by.as_ref().unwrap_or(told_by), blocked, now_ms)?);
    }
    Ok(events)
}

fn announce(
    tx: &Tx<'_>,
    user: &UserId,
    device: &DeviceId,
    blocked: bool,
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let chat = chats::ensure(tx, &ChatKind::Direct { peer: user.clone() }, now_ms)?;
    let notice = NewMessage {
        chat,
        message_id: new_message_id(now_ms)?,
        sender_id: user,
        sender_device: device,
        place: Place::Here,
        expires_at: None,
        sent_at: now_ms,
        received_at: now_ms,
        kind: Kind::KNOWN_OTHERWISE,
        content: device.as_str().as_bytes(),
    };
    let id = messages::insert(tx, &notice, Direction::Incoming)?;
    let received = id.map(|id| Event::Received { id, chat });
    Ok(received.into_iter().chain([Event::IdentityChanged { user: user.clone(), chat, blocked }]).collect())
}

fn word(pin: &Pin) -> Word {
    let link = if pin.by_link { Marks::BY_LINK } else { Marks::NONE };
    let verified = if pin.verified { Marks::VERIFIED } else { Marks::NONE };
    Word {
        user: pin.user_id.clone(),
        identity: pin.identity.into(),
        marks: link.and(verified),
        floor: pin.floor,
        said_by: pin.said_by.clone().map(|device| device.0),
        through: pin.through.iter().map(|device| device.0.clone()).collect(),
    }
}

/// A word as it is told.
pub(crate) fn pin(word: &Word) -> Pin {
    Pin {
        user_id: word.user.clone(),
        identity: word.identity.into(),
        by_link: word.marks.has(Marks::BY_LINK),
        verified: word.marks.has(Marks::VERIFIED),
        said_by: word.said_by.clone().map(PinDevice),
        floor: word.floor,
        through: word.through.iter().cloned().map(PinDevice).collect(),
    }
}

#[cfg(test)]
#[path = "pins_tests.rs"]
mod tests;
