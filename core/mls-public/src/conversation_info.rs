//! What a conversation is and between whom, as it stands in the GroupContext (RFC 9420, section 8.1).
//!
//! ```text
//! enum { direct(1), self(2), (255) } Kind;
//! struct { opaque user_id<V>; opaque identity_key[32]; } Person;
//! struct {
//!     uint8  version;           // 2
//!     Kind   kind;
//!     opaque chat_id[32];
//!     uint32 incarnation;       // from 1
//!     Person people<V>;         // sorted by user_id, no duplicates
//!     opaque later[0..1024];    // fields that later builds add
//! } ConversationInfo;
//! ```
//!
//! It is written once, by whoever creates the group, and MLS binds all of its bytes for every member. It names each
//! person's identity key: a leaf that another key vouches for has no place in the group, whoever let it in. `chat_id`
//! must be [what the people give](crate::conversation_id), and the group's id what `chat_id` and incarnation give.
//!
//! A build that does not know a field passes over it, so such a field may add something but must not restrict or change
//! the meaning of the others: what does takes another version. Another version, and a kind that is not known, are not
//! interpreted ([`UpdateNeeded`]).

use std::cmp::Ordering;

use privmsg_protocol::{ConversationId, GroupId, Incarnation, UserId};
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use crate::conversation_id::{direct_chat_id, group_id, self_chat_id};
use crate::keys::AccountPublicKey;
use crate::update_needed::UpdateNeeded;

const VERSION: u8 = 2;

const DIRECT: u8 = 1;
const SELF: u8 = 2;

/// Bytes for what later builds add. Every welcome and every GroupInfo carries them.
const MAX_LATER: usize = 1024;

/// Why a group is none of our conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InfoError {
    /// The GroupContext lacks the extension, or it is malformed.
    #[error("malformed conversation info")]
    Malformed,
    /// Made by a newer version, or of a kind that only a newer one knows.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
    /// A direct conversation needs two different users.
    #[error("wrong number of people for this kind of conversation")]
    People,
    /// The identifier is not that of a conversation of this kind between these people.
    #[error("a conversation under another one's name")]
    OtherConversation,
}

/// What kind of conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConversationKind {
    /// Between exactly two different users.
    Direct,
    /// One user's notes; also how one's own devices talk to each other.
    SelfNotes,
}

/// A user, as the identity key says who that is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person {
    /// The name on the server.
    pub user_id: UserId,
    /// The key that vouches for the user's devices.
    pub identity: AccountPublicKey,
}

/// What a conversation is. Authenticated by MLS and the same for every member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationInfo {
    between: Between,
    incarnation: Incarnation,
    /// Fields that this build does not know.
    later: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Between {
    /// Sorted by name.
    Two([Person; 2]),
    Oneself([Person; 1]),
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Known {
    version: u8,
    kind: u8,
    chat_id: [u8; 32],
    incarnation: u32,
    people: Vec<KnownPerson>,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct KnownPerson {
    user_id: VLBytes,
    identity: [u8; 32],
}

impl ConversationInfo {
    /// A conversation between two people, in either order.
    ///
    /// # Errors
    /// [`InfoError::People`] if they are one user.
    pub fn direct(a: Person, b: Person, incarnation: Incarnation) -> Result<Self, InfoError> {
        let people = match a.user_id.cmp(&b.user_id) {
            Ordering::Less => [a, b],
            Ordering::Greater => [b, a],
            Ordering::Equal => return Err(InfoError::People),
        };
        Ok(Self { between: Between::Two(people), incarnation, later: Vec::new() })
    }

    /// A user's notes.
    #[must_use]
    pub const fn notes(own: Person, incarnation: Incarnation) -> Self {
        Self { between: Between::Oneself([own]), incarnation, later: Vec::new() }
    }

    /// What kind of conversation it is.
    #[must_use]
    pub const fn kind(&self) -> ConversationKind {
        match self.between {
            Between::Two(_) => ConversationKind::Direct,
            Between::Oneself(_) => ConversationKind::SelfNotes,
        }
    }

    /// Which MLS group of the conversation it is.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Between whom it is, sorted by name, whether or not they have devices in the group at the moment.
    #[must_use]
    pub const fn people(&self) -> &[Person] {
        match &self.between {
            Between::Two(people) => people,
            Between::Oneself(own) => own,
        }
    }

    /// The person that a user must be here. `None`: the user takes no part.
    #[must_use]
    pub fn person(&self, user_id: &UserId) -> Option<&Person> {
        self.people().iter().find(|person| person.user_id == *user_id)
    }

    /// Which conversation it is.
    #[must_use]
    pub fn conversation_id(&self) -> ConversationId {
        match &self.between {
            Between::Two([a, b]) => direct_chat_id(&a.user_id, &b.user_id),
            Between::Oneself([own]) => self_chat_id(&own.user_id),
        }
    }

    /// The identifier that its MLS group must have.
    #[must_use]
    pub fn group_id(&self) -> GroupId {
        group_id(&self.conversation_id(), self.incarnation)
    }

    /// The encoding in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let people = self.people().iter().map(|person| KnownPerson {
            user_id: person.user_id.as_str().as_bytes().to_vec().into(),
            identity: *person.identity.as_bytes(),
        });
        let mut bytes = Known {
            version: VERSION,
            kind: match self.between {
                Between::Two(_) => DIRECT,
                Between::Oneself(_) => SELF,
            },
            chat_id: *self.conversation_id().as_bytes(),
            incarnation: self.incarnation.0,
            people: people.collect(),
        }
        .tls_serialize_detached()
        .expect("two people are far shorter than a TLS vector");
        bytes.extend_from_slice(&self.later);
        bytes
    }

    /// Reads what [`ConversationInfo::encode`] wrote.
    ///
    /// # Errors
    /// [`InfoError`], also for an order or a repetition of people that `encode` would not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, InfoError> {
        match bytes {
            [VERSION, DIRECT | SELF, ..] => {}
            [] | [VERSION] | [VERSION, 0 | u8::MAX, ..] => return Err(InfoError::Malformed),
            [VERSION, kind, ..] => return Err(UpdateNeeded::new(UpdateNeeded::KIND, *kind).into()),
            [version, ..] => return Err(UpdateNeeded::new(UpdateNeeded::INFO, *version).into()),
        }
        let (known, later) = Known::tls_deserialize_bytes(bytes).map_err(|_| InfoError::Malformed)?;
        if later.len() > MAX_LATER || known.incarnation == 0 {
            return Err(InfoError::Malformed);
        }
        let people =
            known.people.iter().map(KnownPerson::read).collect::<Option<Vec<_>>>().ok_or(InfoError::Malformed)?;
        let incarnation = Incarnation(known.incarnation);
        let info = match (known.kind, &*people) {
            (DIRECT, [a, b]) => Self::direct(a.clone(), b.clone(), incarnation)?,
            (SELF, [own]) => Self::notes(own.clone(), incarnation),
            _ => return Err(InfoError::People),
        };
        if *info.conversation_id().as_bytes() != known.chat_id {
            return Err(InfoError::OtherConversation);
        }
        let info = Self { later: later.to_vec(), ..info };
        if info.encode() == bytes { Ok(info) } else { Err(InfoError::Malformed) }
    }
}

impl KnownPerson {
    fn read(&self) -> Option<Person> {
        Some(Person {
            user_id: std::str::from_utf8(self.user_id.as_slice()).ok()?.parse().ok()?,
            identity: AccountPublicKey::from_bytes(self.identity).ok()?,
        })
    }
}

#[cfg(test)]
#[path = "conversation_info_tests.rs"]
mod tests;
