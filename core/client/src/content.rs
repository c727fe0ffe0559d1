//! What messages say, kind by kind.
//!
//! Each kind of content is a file here: what it does when it is said ([`ContentKind::apply`]), how it looks as a message
//! ([`ContentKind::show`]), and what it changes about the message that it is about ([`ContentKind::amend`]). How its
//! bytes stand is a file of the same name in `core/e2ee`. A new kind is these two files and a line in [`KINDS`], and in the list
//! of the same name there.

pub(crate) mod decisions;
mod delete;
mod edit;
mod files;
mod marked;
pub(crate) mod pins;
mod reaction;
mod receipt;
mod sealed_identity;
pub(crate) mod signing_key;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod title;

use privmsg_e2ee::{About, Content, ContentError, Delete, DevicePublicKey, Edit, IfUnknown, Kind, Reaction};
use privmsg_protocol::{DeviceId, MessageId, UserId};
use privmsg_store::amended::{self, Amendment};
use privmsg_store::chats::{self, ChatId};
use privmsg_store::messages::{self, Direction, NewMessage};
use privmsg_store::outbox::{self, Readers};
use privmsg_store::position::{Place, Position};
use privmsg_store::relations::{self, NewRelation, Relation, Target};
use privmsg_store::{StoreError, Tx, consent, unknown};

use crate::error::ClientError;
use crate::events::Event;
use crate::group::change;
use crate::view::message::MessageView;

pub(crate) use marked::{store_of_namesake, store_unlisted};
pub(crate) use receipt::send_receipts;

/// Every kind that this version knows.
const KINDS: &[&dyn ContentKind] = &[
    &text::TextKind,
    &files::FilesKind,
    &receipt::ReceiptKind,
    &reaction::ReactionKind,
    &edit::EditKind,
    &delete::DeleteKind,
    &title::TitleKind,
    &signing_key::SigningKeyKind,
    &signing_key::SigningKeyWantedKind,
    &pins::PinsKind,
    &sealed_identity::SealedIdentityKind,
    &decisions::DecisionsKind,
];

/// Raised with every kind, and every new value of one: what was kept by a version that knew less is tried again, once.
const REVISION: i64 = 3;

/// A kind of content.
trait ContentKind: Sync {
    /// Its number in the format.
    fn number(&self) -> u32;

    /// Its name in machine-readable output.
    fn name(&self) -> &'static str;

    /// Whether a person says it, and not the client by itself: whoever has said something is seen by the others to be there.
    fn by_person(&self, content: &Content) -> bool;

    /// Whether it is what somebody tells those who are there, and not what everybody has to know who takes part.
    fn is_told_to_those_there(&self) -> bool;

    /// Does what it means, in the transaction that it came or was written in. What breaks the rules changes nothing.
    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError>;

    /// Fills in how a message of this kind looks.
    fn show(&self, _content: &Content, _view: &mut MessageView) -> Result<(), ContentError> {
        Ok(())
    }

    /// Fills in what it changes about the message that it is about.
    fn amend(&self, _relation: &Relation, _content: &Content, _view: &mut MessageView) -> Result<(), ContentError> {
        Ok(())
    }
}

/// A content, who said it, and where.
pub(crate) struct Said<'a> {
    pub(crate) chat: ChatId,
    pub(crate) place: Place,
    /// As MLS authenticates them.
    pub(crate) sender: &'a UserId,
    pub(crate) sender_device: &'a DeviceId,
    /// By which key, where that is still known: a device list names it, too.
    pub(crate) sender_key: Option<&'a DevicePublicKey>,
    /// Whose device this is.
    pub(crate) own: &'a UserId,
    pub(crate) direction: Direction,
    pub(crate) content: &'a Content,
    /// As it came: a newer version may find more in it.
    pub(crate) bytes: &'a [u8],
    /// Milliseconds since 1970, by this device's clock.
    pub(crate) now_ms: i64,
}

/// What saying something came to.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    /// The row of a message that people see.
    pub(crate) message: Option<i64>,
    /// To be told to front-ends, once it is committed.
    pub(crate) events: Vec<Event>,
}

impl Effect {
    fn message(id: Option<i64>) -> Self {
        Self { message: id, events: Vec::new() }
    }
}

/// Does what a content means.
pub(crate) fn apply(tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
    if said.sender == said.own {
        decisions::answer(tx, said)?;
    } else {
        consent::was_answered(tx, said.chat)?;
    }
    match of_number(said.content.kind) {
        // A value of a known kind that only a newer version knows is like an unknown kind.
        Some(kind) => match kind.apply(tx, said) {
            Err(ClientError::Content(ContentError::UnknownValue(_))) => keep(tx, said),
            // Whatever it is, it must not stop what comes after it. The author's client is at fault.
            Err(ClientError::Content(error)) if said.direction == Direction::Incoming => {
                tracing::warn!(%error, kind = kind.name(), "passed over a content");
                Ok(Effect::default())
            }
            other => other,
        },
        None => keep(tx, said),
    }
}

/// Whether a person has said this, and not the client by itself.
pub(crate) fn is_by_person(bytes: &[u8]) -> bool {
    Content::decode(bytes).is_ok_and(|content| says_a_person(&content))
}

fn says_a_person(content: &Content) -> bool {
    of_number(content.kind).is_some_and(|kind| kind.by_person(content))
}

/// Who may have a content of this device's own.
fn readers(tx: &Tx<'_>, chat: ChatId, content: &Content) -> Result<Readers, ClientError> {
    Ok(match of_number(content.kind) {
        Some(kind) if !kind.is_told_to_those_there() => Readers::Anybody,
        _ => Readers::ThoseThere { coming: change::coming(tx, chat)? },
    })
}

/// Does what was kept by a version that did not know it.
pub(crate) fn apply_kept(tx: &Tx<'_>, own: &UserId, limit: u32, now_ms: i64) -> Result<Vec<Event>, ClientError> {
    let mut events = Vec::new();
    for kind in KINDS {
        for kept in unknown::of_kind(tx, i64::from(kind.number()), REVISION, limit)? {
            unknown::remove(tx, kept.id)?;
            let Ok(content) = Content::decode(&kept.content) else { continue };
            let (chat, place) = (kept.chat, Place::At(kept.position));
            let (sender, sender_device) = (&kept.sender_id, &kept.sender_device);
            let sender_key = kept.sender_key.and_then(|key| DevicePublicKey::from_bytes(key).ok());
            let (direction, bytes) = (Direction::Incoming, kept.content.as_slice());
            let said = Said {
                chat,
                place,
                sender,
                sender_device,
                sender_key: sender_key.as_ref(),
                own,
                direction,
                content: &content,
                bytes,
                now_ms,
            };
            events.extend(apply(tx, &said)?.events);
        }
    }
    Ok(events)
}

/// Whether something is kept that this version knows.
pub(crate) fn any_kept(at: &privmsg_store::Snapshot<'_>) -> Result<bool, StoreError> {
    for kind in KINDS {
        if !unknown::of_kind(at, i64::from(kind.number()), REVISION, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Shows or keeps what this version does not know, as its author wants it.
fn keep(tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
    let kind = i64::from(said.content.kind);
    if said.content.if_unknown == IfUnknown::Hide {
        let origin = unknown::Origin {
            chat: said.chat,
            place: said.place,
            message_id: said.content.message_id,
            sender_id: said.sender,
            sender_device: said.sender_device,
            sender_key: said.sender_key.map(|key| *key.as_bytes()),
            received_at: said.now_ms,
            revision: REVISION,
        };
        unknown::keep(tx, &origin, kind, said.bytes)?;
        return Ok(Effect::default());
    }
    Ok(Effect::message(store_message(tx, said)?))
}

/// Stores what people see as a message. `None` if it is there already.
fn store_message(tx: &Tx<'_>, said: &Said<'_>) -> Result<Option<i64>, ClientError> {
    store_as(tx, said, messages::Kind(i64::from(said.content.kind)))
}

fn store_as(tx: &Tx<'_>, said: &Said<'_>, kind: messages::Kind) -> Result<Option<i64>, ClientError> {
    let lifetime = said.content.expires_s.map(|seconds| i64::from(seconds.get()) * 1000);
    let message = NewMessage {
        chat: said.chat,
        place: said.place,
        message_id: said.content.message_id,
        sender_id: said.sender,
        sender_device: said.sender_device,
        sent_at: millis(said.content.sent_at_ms),
        received_at: said.now_ms,
        expires_at: lifetime.map(|lifetime| said.now_ms.saturating_add(lifetime)),
        kind,
        content: said.bytes,
    };
    let Some(id) = messages::insert(tx, &message, said.direction)? else { return Ok(None) };
    // Its author may have deleted it before it came here.
    let about = relations::of(tx, said.chat, said.sender, &said.content.message_id)?;
    if about.iter().any(|relation| relation.kind == delete::KIND) {
        messages::delete(tx, id, said.now_ms)?;
    }
    Ok(Some(id))
}

/// Stores something about a message, under `key`. `false` if it does not count: the message is deleted, or gone from this
/// device, or something newer was said.
fn relate(tx: &Tx<'_>, said: &Said<'_>, key: &str) -> Result<bool, ClientError> {
    let target = target(said)?;
    if messages::is_gone(tx, said.chat, &target.author, &target.message_id)? {
        return Ok(false);
    }
    let about = relations::of(tx, said.chat, &target.author, &target.message_id)?;
    let id_of = |known: &Relation| Content::decode(&known.content).map(|known| known.message_id);
    if said.content.again.is_some() && about.iter().any(|known| id_of(known) == Ok(said.content.message_id)) {
        return Ok(false);
    }
    // A deletion of one's own that has no number yet may still be refused.
    let deletes = |relation: &Relation| relation.kind == delete::KIND && relation.position < Position::QUEUED;
    if about.iter().any(deletes) {
        return Ok(false);
    }
    let relation = NewRelation {
        chat: said.chat,
        target: &target,
        kind: i64::from(said.content.kind),
        sender_id: said.sender,
        key,
        place: said.place,
        message_id: said.content.message_id,
        sent_at: millis(said.content.sent_at_ms),
        content: said.bytes,
    };
    let counts = relations::put(tx, &relation)?;
    if counts && said.direction == Direction::Incoming {
        note_amended(tx, said, &target)?;
    }
    Ok(counts)
}

/// Whoever has been shown the message is to be shown that, too.
fn note_amended(tx: &Tx<'_>, said: &Said<'_>, target: &Target) -> Result<(), ClientError> {
    let what = match said.content.kind {
        Edit::NUMBER => Amendment::Edited,
        Delete::NUMBER => Amendment::Deleted,
        Reaction::NUMBER => {
            let Reaction { emoji, removed } = said.content.body()?;
            Amendment::Reaction { emoji, removed }
        }
        _ => return Ok(()),
    };
    for message in messages::find_of(tx, said.chat, &target.author, &target.message_id)? {
        amended::note(tx, message.id, &what, said.sender, millis(said.content.sent_at_ms))?;
    }
    Ok(())
}

pub(crate) fn is_amendment(content: &Content) -> bool {
    matches!(content.kind, Edit::NUMBER | Delete::NUMBER | Reaction::NUMBER)
}

/// The message that a content is about.
fn target(said: &Said<'_>) -> Result<Target, ClientError> {
    let About { message_id, author } = said.content.about.clone().ok_or(ContentError::Malformed("about"))?;
    Ok(Target { author, message_id })
}

/// Whether a content is about a message of its own author: nobody else may change what somebody has said. The author's
/// name in it is its sender's word, so it is compared with who MLS says has sent it.
fn is_about_own(said: &Said<'_>) -> bool {
    let own = said.content.about.as_ref().is_some_and(|about| about.author == *said.sender);
    if !own {
        tracing::warn!("passed over a change of somebody else's message");
    }
    own
}

/// Fills in how a stored message looks, and what was said about it.
pub(crate) fn show(content: &Content, about: &[Relation], view: &mut MessageView) {
    if let Some(kind) = of_number(content.kind) {
        if let Err(error) = kind.show(content, view) {
            tracing::debug!(%error, "a message is shown as unsupported");
        }
    } else if let IfUnknown::Text(text) = &content.if_unknown {
        view.text.clone_from(text);
    }
    for relation in about {
        let Ok(content) = Content::decode(&relation.content) else { continue };
        if let Some(kind) = of_number(content.kind) {
            // What cannot be read was not stored.
            let _ = kind.amend(relation, &content, view);
        }
    }
}

/// The server has given something that this device has said, and that is no message of its own, its place.
pub(crate) fn sent(tx: &Tx<'_>, chat: ChatId, id: &MessageId, place: Place, now_ms: i64) -> Result<(), ClientError> {
    match relations::set_sent(tx, chat, id, place)? {
        Some((target, delete::KIND)) => delete::carry_out(tx, chat, &target, now_ms),
        _ => Ok(()),
    }
}

/// Queues a content of this device's own, and does what it means. Returns the row of a message that people see.
pub(crate) fn say(
    tx: &Tx<'_>,
    own: (&UserId, &DeviceId),
    chat: ChatId,
    content: &Content,
    now_ms: i64,
) -> Result<Option<i64>, ClientError> {
    let bytes = content.encode()?;
    let (sender, sender_device) = own;
    let (place, direction) = (Place::Queued, Direction::Outgoing);
    let said = Said {
        chat,
        place,
        sender,
        sender_device,
        sender_key: None,
        own: sender,
        direction,
        content,
        bytes: &bytes,
        now_ms,
    };
    let effect = apply(tx, &said)?;
    privmsg_store::holds::release_people(tx, chat)?;
    outbox::insert(tx, chat, &content.message_id, &bytes, effect.message, readers(tx, chat, content)?)?;
    Ok(effect.message)
}

fn of_number(number: u32) -> Option<&'static dyn ContentKind> {
    KINDS.iter().copied().find(|kind| kind.number() == number)
}

fn millis(unsigned: u64) -> i64 {
    i64::try_from(unsigned).unwrap_or(i64::MAX)
}

/// A new message id: time-ordered, with 74 random bits.
pub(crate) fn new_message_id(now_ms: i64) -> Result<MessageId, ClientError> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|_| ClientError::NoRandomness)?;
    Ok(MessageId::v7(now_ms.try_into().unwrap_or(0), &random))
}

/// A content that is written now.
pub(crate) fn compose(kind: &impl Kind, now_ms: i64) -> Result<Content, ClientError> {
    Ok(Content::new(new_message_id(now_ms)?, now_ms.try_into().unwrap_or(0), kind)?)
}

/// What kind of chat something is said in.
fn chat_kind(tx: &Tx<'_>, chat: ChatId) -> Result<chats::ChatKind, StoreError> {
    Ok(chats::load(tx, chat)?.kind)
}
