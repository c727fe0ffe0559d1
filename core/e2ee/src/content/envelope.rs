use std::fmt;
use std::num::NonZeroU32;

use minicbor::bytes::ByteVec;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Decoder, Encode, Encoder};
use privmsg_mls_public::{DeviceList, ListNumber};
use privmsg_protocol::limits::MAX_COUNTER;
use privmsg_protocol::{MessageId, UserId};
use zeroize::Zeroizing;

use super::kind::Known;
use super::{AboutRule, CONTENT_VERSION, ContentError, Kind, MAX_CONTENT_LEN, MAX_IF_UNKNOWN_LEN, cbor};

/// An application message: the envelope, and a body of some kind. See the [module documentation](super).
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// The message's name. Its envelope's is the same, or the one in [`Content::again`]: a server that swaps envelopes is noticed by
    /// comparing ([`Content::envelope_id`]).
    pub message_id: MessageId,
    /// When it was written, in milliseconds since 1970, by the sender's clock. Below 2^53.
    pub sent_at_ms: u64,
    /// Which message it is about: the one that it answers, changes, takes back or reacts to.
    pub about: Option<About>,
    /// What a client does that does not know the kind.
    pub if_unknown: IfUnknown,
    /// Seconds after which each device deletes the message, counted from when that device has stored it.
    pub expires_s: Option<NonZeroU32>,
    /// The number of the newest device list of its author's account that the sending device knew.
    pub list_number: Option<ListNumber>,
    /// That list itself, where the chat has not been told it yet.
    pub list: Option<ToldList>,
    /// It is said once more, for devices that were not there: by another name on its way.
    pub again: Option<Again>,
    /// The number of the kind; see [`Kind::NUMBER`].
    pub kind: u32,
    /// As it came; see [`Content::body`].
    body: Zeroizing<Vec<u8>>,
}

/// A message that another one is about. The author belongs to its name, because ids are chosen by senders, and two
/// members may choose the same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(array)]
pub struct About {
    /// Its id.
    #[cbor(n(0), with = "cbor::message_id")]
    pub message_id: MessageId,
    /// Who wrote it.
    #[cbor(n(1), with = "cbor::text_id")]
    pub author: UserId,
}

/// What is said once more: everybody knows it by its first name, and a server that has had it would not take it under that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Again {
    /// What it is called on its way this time.
    #[cbor(n(0), with = "cbor::message_id")]
    pub envelope_id: MessageId,
    /// The number that it was given in the group's history when it was said first, where it is known. Its author's word.
    #[n(1)]
    pub seq: Option<u64>,
}

/// A device list as it travels in a message. Its bytes are nobody's word before they are verified.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ToldList {
    /// An encoded `SigningKeyCertificate`.
    #[n(0)]
    pub certificate: ByteVec,
    /// An encoded [`DeviceList`].
    #[n(1)]
    pub list: ByteVec,
}

impl ToldList {
    /// A list to be told.
    #[must_use]
    pub fn of(list: &DeviceList) -> Self {
        Self { certificate: list.certificate().encode().into(), list: list.encode().into() }
    }
}

/// A number of a list, as `[generation, counter]`.
#[derive(Encode, Decode)]
#[cbor(array)]
struct WireNumber {
    #[n(0)]
    generation: u64,
    #[n(1)]
    counter: u64,
}

/// What a client does with a message of a kind that it does not know, as the sender wishes.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum IfUnknown {
    /// It says that there is a message which needs an update.
    #[default]
    Placeholder,
    /// It shows nothing.
    Hide,
    /// It shows this text, not empty, at most [`MAX_IF_UNKNOWN_LEN`] bytes.
    Text(String),
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Wire<'a> {
    #[n(0)]
    version: u32,
    #[cbor(n(1), with = "cbor::message_id")]
    message_id: MessageId,
    #[n(2)]
    sent_at_ms: u64,
    #[b(3)]
    body: WireBody<'a>,
    #[n(4)]
    about: Option<About>,
    #[n(5)]
    if_unknown: Option<IfUnknown>,
    #[n(6)]
    expires_s: Option<NonZeroU32>,
    #[n(7)]
    list_number: Option<WireNumber>,
    #[n(8)]
    list: Option<ToldList>,
    #[n(9)]
    again: Option<Again>,
}

/// `[kind, body]`.
struct WireBody<'a> {
    kind: u32,
    body: &'a [u8],
}

impl Content {
    /// A message that says `kind`, about no other, and for good.
    ///
    /// # Errors
    /// [`ContentError`] if it breaks a limit of its kind.
    pub fn new<K: Kind>(message_id: MessageId, sent_at_ms: u64, kind: &K) -> Result<Self, ContentError> {
        kind.check()?;
        Ok(Self {
            message_id,
            sent_at_ms,
            about: None,
            if_unknown: kind.if_unknown(),
            expires_s: None,
            list_number: None,
            list: None,
            again: None,
            kind: K::NUMBER,
            body: kind.encode_body()?,
        })
    }

    /// The same about that message.
    #[must_use]
    pub fn about(self, message_id: MessageId, author: UserId) -> Self {
        Self { about: Some(About { message_id, author }), ..self }
    }

    /// The same, to be deleted by each device so many seconds after it has stored it.
    #[must_use]
    pub fn expires(self, seconds: NonZeroU32) -> Self {
        Self { expires_s: Some(seconds), ..self }
    }

    /// The same from a device that knows this list of its account, with the list itself where the chat is to be told it and
    /// there is room.
    #[must_use]
    pub fn under(self, list: &DeviceList, told: bool) -> Self {
        let number = list.number();
        let told = told.then(|| ToldList::of(list));
        let with = Self { list_number: Some(number), list: told, ..self };
        if with.list.is_some() && with.encode().is_err() { Self { list: None, ..with } } else { with }
    }

    /// The same, said once more under another name.
    #[must_use]
    pub fn again(self, again: Again) -> Self {
        Self { again: Some(again), ..self }
    }

    /// What the message is called that carries it.
    #[must_use]
    pub fn envelope_id(&self) -> MessageId {
        self.again.map_or(self.message_id, |again| again.envelope_id)
    }

    /// Whether this build knows the kind. If not, [`Content::if_unknown`] says what to do.
    #[must_use]
    pub fn is_known(&self) -> bool {
        Known::find(self.kind).is_some()
    }

    /// What it says, as a kind whose number it has.
    ///
    /// # Errors
    /// [`ContentError`]: [`UnknownValue`](ContentError::UnknownValue) is to be treated like a kind that is not known,
    /// [`OtherKind`](ContentError::OtherKind) is a mistake of the caller, everything else one of the sender.
    pub fn body<K: Kind>(&self) -> Result<K, ContentError> {
        if self.kind != K::NUMBER {
            return Err(ContentError::OtherKind { found: self.kind, wanted: K::NUMBER });
        }
        let body = K::decode_body(&self.body)?;
        body.check()?;
        Ok(body)
    }

    /// The bytes to be encrypted. They may hold attachment keys, so they are wiped when dropped.
    ///
    /// # Errors
    /// [`ContentError`] if a limit of the module is broken, or `about` is missing where the kind needs it.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        self.check()?;
        let bytes = cbor::encode(&Wire {
            version: CONTENT_VERSION,
            message_id: self.message_id,
            sent_at_ms: self.sent_at_ms,
            body: WireBody { kind: self.kind, body: &self.body },
            about: self.about.clone(),
            if_unknown: (self.if_unknown != IfUnknown::Placeholder).then(|| self.if_unknown.clone()),
            expires_s: self.expires_s,
            list_number: self
                .list_number
                .map(|number| WireNumber { generation: number.generation, counter: number.counter }),
            list: self.list.clone(),
            again: self.again,
        });
        if bytes.len() > MAX_CONTENT_LEN { Err(ContentError::Size("content")) } else { Ok(bytes) }
    }

    /// Reads the envelope that a client of any version wrote, and leaves the body for [`Content::body`].
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ContentError> {
        match version(bytes) {
            Ok(CONTENT_VERSION) => {}
            Ok(version) => return Err(ContentError::UnsupportedVersion(version)),
            Err(_) => return Err(ContentError::Malformed("envelope")),
        }
        if bytes.len() > MAX_CONTENT_LEN {
            return Err(ContentError::Size("content"));
        }
        if !cbor::is_well_formed(bytes) {
            return Err(ContentError::Malformed("envelope"));
        }
        let wire: Wire<'_> = cbor::decode(bytes, "envelope")?;
        let content = Self {
            message_id: wire.message_id,
            sent_at_ms: wire.sent_at_ms,
            about: wire.about,
            if_unknown: wire.if_unknown.unwrap_or_default(),
            expires_s: wire.expires_s,
            list_number: wire.list_number.map(|WireNumber { generation, counter }| ListNumber { generation, counter }),
            list: wire.list,
            again: wire.again,
            kind: wire.body.kind,
            body: Zeroizing::new(wire.body.body.to_vec()),
        };
        content.check()?;
        Ok(content)
    }

    fn check(&self) -> Result<(), ContentError> {
        if self.sent_at_ms > MAX_COUNTER {
            return Err(ContentError::Malformed("time"));
        }
        if self.list_number.is_some_and(|number| number.generation.max(number.counter) > MAX_COUNTER) {
            return Err(ContentError::Malformed("number of a device list"));
        }
        if self.again.and_then(|again| again.seq).is_some_and(|seq| seq > MAX_COUNTER) {
            return Err(ContentError::Malformed("number in a history"));
        }
        if let IfUnknown::Text(text) = &self.if_unknown
            && !(1..=MAX_IF_UNKNOWN_LEN).contains(&text.len())
        {
            return Err(ContentError::Size("text for older clients"));
        }
        match Known::find(self.kind) {
            Some(kind) if kind.about == AboutRule::Needed && self.about.is_none() => {
                Err(ContentError::About(kind.name))
            }
            Some(kind) if kind.about == AboutRule::Never && self.about.is_some() => Err(ContentError::About(kind.name)),
            _ => Ok(()),
        }
    }
}

/// The version comes first, in every version: nothing else is looked at before it.
fn version(bytes: &[u8]) -> Result<u32, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    decoder.map()?;
    match decoder.u32()? {
        0 => decoder.u32(),
        _ => Err(DecodeError::message("no version")),
    }
}

/// Says what kind of message it is, but not what it says: this ends up in logs too easily.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("message_id", &self.message_id)
            .field("sent_at_ms", &self.sent_at_ms)
            .field("about", &self.about)
            .field("if_unknown", &self.if_unknown)
            .field("expires_s", &self.expires_s)
            .field("list_number", &self.list_number)
            .field("kind", &Known::find(self.kind).map_or("unknown", |kind| kind.name))
            .field("number", &self.kind)
            .field("len", &self.body.len())
            .finish()
    }
}

/// Does not show the text.
impl fmt::Debug for IfUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Placeholder => "Placeholder",
            Self::Hide => "Hide",
            Self::Text(_) => "Text(…)",
        })
    }
}

impl<C> Encode<C> for IfUnknown {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        match self {
            Self::Placeholder => e.u8(0)?.ok(),
            Self::Hide => e.u8(1)?.ok(),
            Self::Text(text) => e.str(text)?.ok(),
        }
    }
}

/// A wish that this build does not know is none.
impl<'b, C> Decode<'b, C> for IfUnknown {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        match d.datatype()? {
            minicbor::data::Type::String => Ok(Self::Text(d.str()?.to_owned())),
            _ => Ok(if d.u64()? == 1 { Self::Hide } else { Self::Placeholder }),
        }
    }
}

impl<C> Encode<C> for WireBody<'_> {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.array(2)?.u32(self.kind)?;
        e.writer_mut().write_all(self.body).map_err(EncodeError::write)
    }
}

impl<'b, C> Decode<'b, C> for WireBody<'b> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        if d.array()? != Some(2) {
            return Err(DecodeError::message("a body has two elements"));
        }
        let kind = d.u32()?;
        let start = d.position();
        d.skip()?;
        let body = d.input().get(start..d.position());
        Ok(Self { kind, body: body.ok_or_else(|| DecodeError::message("no body"))? })
    }
}

#[cfg(test)]
#[path = "envelope_tests.rs"]
pub(in crate::content) mod tests;
