//! What a conversation is and between whom, as it stands in the GroupContext (RFC 9420, section 8.1).
//!
//! ```text
//! enum { direct(1), self(2), group(3), (255) } Kind;
//! struct { opaque user_id<V>; opaque identity_key[32]; } Person;
//! struct {
//!     uint8  version;           // 2
//!     Kind   kind;
//!     opaque chat_id[32];
//!     uint32 incarnation;       // from 1
//!     select (kind) {
//!         direct, self: Person people<V>;    // sorted by user_id, no duplicates
//!         group: uint64 roster_number; opaque roster_hash[32];
//!     };
//!     opaque later[0..1024];    // fields that later builds add
//! } ConversationInfo;
//! ```
//!
//! It is written by whoever creates the group, and MLS binds all of its bytes for every member. That of a direct
//! conversation and of notes stays as it is, and names each person's identity key: a leaf that another key vouches for has
//! no place in the group, whoever let it in. `chat_id` must be [what the people give](crate::conversation_id), and the
//! group's id what `chat_id` and incarnation give. That of a group of people names the [`Roster`] that counts in this
//! epoch, and a commit with a [step](Roster::replaces) moves it on.
//!
//! A build that does not know a field passes over it, so such a field may add something but must not restrict or change
//! the meaning of the others: what does takes another version. Another version, and a kind that is not known, are not
//! interpreted ([`UpdateNeeded`]).

use std::cmp::Ordering;

use privmsg_protocol::{ConversationId, GroupId, Incarnation, UserId};
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use crate::conversation_id::{direct_chat_id, group_id, self_chat_id};
use crate::keys::AccountPublicKey;
use crate::roster::{Roster, RosterHash};
use crate::statement::is_number;
use crate::update_needed::UpdateNeeded;

const VERSION: u8 = 2;

const DIRECT: u8 = 1;
const SELF: u8 = 2;
const GROUP: u8 = 3;

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
    /// Any number of users, as its [`Roster`] says.
    Group,
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
    Roster(ConversationId, RosterMark),
}

/// Which roster of a group it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct RosterMark {
    /// Its number.
    pub number: u64,
    /// What it is called.
    pub hash: RosterHash,
}

impl RosterMark {
    /// How this roster is named.
    #[must_use]
    pub const fn of(roster: &Roster) -> Self {
        Self { number: roster.number(), hash: *roster.hash() }
    }
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Head {
    version: u8,
    kind: u8,
    chat_id: [u8; 32],
    incarnation: u32,
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
        Ok(Self { between: Between::two(a, b)?, incarnation, later: Vec::new() })
    }

    /// A user's notes.
    #[must_use]
    pub const fn notes(own: Person, incarnation: Incarnation) -> Self {
        Self { between: Between::Oneself([own]), incarnation, later: Vec::new() }
    }

    /// A group of people, in the epoch in which this roster counts.
    #[must_use]
    pub fn group(roster: &Roster, incarnation: Incarnation) -> Self {
        let between = Between::Roster(roster.conversation_id(), RosterMark::of(roster));
        Self { between, incarnation, later: Vec::new() }
    }

    /// The same group once `roster` counts. `None` if it is none, or another one's roster.
    #[must_use]
    pub fn with_roster(&self, roster: &Roster) -> Option<Self> {
        let Between::Roster(chat, _) = self.between else { return None };
        let between = Between::Roster(chat, RosterMark::of(roster));
        (roster.conversation_id() == chat).then(|| Self { between, ..self.clone() })
    }

    /// Which roster says who takes part. `None` where the people stand here.
    #[must_use]
    pub const fn roster(&self) -> Option<RosterMark> {
        match self.between {
            Between::Roster(_, mark) => Some(mark),
            Between::Two(_) | Between::Oneself(_) => None,
        }
    }

    /// What kind of conversation it is.
    #[must_use]
    pub const fn kind(&self) -> ConversationKind {
        match self.between {
            Between::Two(_) => ConversationKind::Direct,
            Between::Oneself(_) => ConversationKind::SelfNotes,
            Between::Roster(..) => ConversationKind::Group,
        }
    }

    /// Which MLS group of the conversation it is.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Between whom it is, sorted by name, whether or not they have devices in the group at the moment. Nobody for a group
    /// of people, whose [roster](Self::roster) says that.
    #[must_use]
    pub const fn people(&self) -> &[Person] {
        match &self.between {
            Between::Two(people) => people,
            Between::Oneself(own) => own,
            Between::Roster(..) => &[],
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
            Between::Roster(chat, _) => *chat,
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
        let head = Head {
            version: VERSION,
            kind: match self.between {
                Between::Two(_) => DIRECT,
                Between::Oneself(_) => SELF,
                Between::Roster(..) => GROUP,
            },
            chat_id: *self.conversation_id().as_bytes(),
            incarnation: self.incarnation.0,
        };
        let between = match &self.between {
            Between::Roster(_, mark) => mark.tls_serialize_detached(),
            Between::Two(_) | Between::Oneself(_) => {
                self.people().iter().map(KnownPerson::of).collect::<Vec<_>>().tls_serialize_detached()
            }
        };
        let between = between.expect("two people are far shorter than a TLS vector");
        let head = head.tls_serialize_detached().expect("it has a fixed length");
        [&head[..], &between, &self.later].concat()
    }

    /// Reads what [`ConversationInfo::encode`] wrote.
    ///
    /// # Errors
    /// [`InfoError`], also for an order or a repetition of people that `encode` would not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, InfoError> {
        match bytes {
            [VERSION, DIRECT | SELF | GROUP, ..] => {}
            [] | [VERSION] | [VERSION, 0 | u8::MAX, ..] => return Err(InfoError::Malformed),
            [VERSION, kind, ..] => return Err(UpdateNeeded::new(UpdateNeeded::KIND, *kind).into()),
            [version, ..] => return Err(UpdateNeeded::new(UpdateNeeded::INFO, *version).into()),
        }
        let (head, rest) = Head::tls_deserialize_bytes(bytes).map_err(|_| InfoError::Malformed)?;
        if head.incarnation == 0 {
            return Err(InfoError::Malformed);
        }
        let (between, later) = head.between(rest)?;
        if later.len() > MAX_LATER {
            return Err(InfoError::Malformed);
        }
        let info = Self { between, incarnation: Incarnation(head.incarnation), later: later.to_vec() };
        if *info.conversation_id().as_bytes() != head.chat_id {
            return Err(InfoError::OtherConversation);
        }
        if info.encode() == bytes { Ok(info) } else { Err(InfoError::Malformed) }
    }
}

impl Between {
    fn two(a: Person, b: Person) -> Result<Self, InfoError> {
        match a.user_id.cmp(&b.user_id) {
            Ordering::Less => Ok(Self::Two([a, b])),
            Ordering::Greater => Ok(Self::Two([b, a])),
            Ordering::Equal => Err(InfoError::People),
        }
    }
}

impl Head {
    /// Reads what stands behind it, and says what follows that.
    fn between<'a>(&self, bytes: &'a [u8]) -> Result<(Between, &'a [u8]), InfoError> {
        if self.kind == GROUP {
            let (mark, later) = RosterMark::tls_deserialize_bytes(bytes).map_err(|_| InfoError::Malformed)?;
            let between = Between::Roster(ConversationId::from_bytes(self.chat_id), mark);
            return if is_number(mark.number) { Ok((between, later)) } else { Err(InfoError::Malformed) };
        }
        let (people, later) = Vec::<KnownPerson>::tls_deserialize_bytes(bytes).map_err(|_| InfoError::Malformed)?;
        let people = people.iter().map(KnownPerson::read).collect::<Option<Vec<_>>>().ok_or(InfoError::Malformed)?;
        let between = match (self.kind, &*people) {
            (DIRECT, [a, b]) => Between::two(a.clone(), b.clone())?,
            (SELF, [own]) => Between::Oneself([own.clone()]),
            _ => return Err(InfoError::People),
        };
        Ok((between, later))
    }
}

impl KnownPerson {
    fn of(person: &Person) -> Self {
        Self { user_id: person.user_id.as_str().as_bytes().to_vec().into(), identity: *person.identity.as_bytes() }
    }

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
