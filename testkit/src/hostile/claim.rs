//! What a group says that it is.

use anyhow::{Context as _, Result};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::random::OpenMlsRand as _;
use privmsg_e2ee::{AccountPublicKey, ConversationInfo, OsRng, Participant, Person as Named, Role, Roster};
use privmsg_protocol::{ConversationId, GroupId, Incarnation, Opaque, UserId};

use super::rogue::Rogue;
use crate::Person;
use crate::person::Named as _;

/// Somebody, as an identity key says who that is.
#[derive(Debug, Clone)]
pub struct Who {
    /// Name.
    pub user_id: UserId,
    /// Public half of the identity key.
    pub identity: AccountPublicKey,
}

impl Who {
    /// Whoever has an honest client.
    ///
    /// # Errors
    /// If the client does not know its own identity.
    pub async fn is(person: &Person) -> Result<Self> {
        let identity = person.client().whoami().await?.identity_key.context("an identity key")?;
        Ok(Self { user_id: person.name().clone(), identity: identity.parse()? })
    }
}

impl From<&Who> for Named {
    fn from(who: &Who) -> Self {
        Self { user_id: who.user_id.clone(), identity: who.identity }
    }
}

/// What stands in a GroupContext, and under which identifier. Whether it is true is another matter.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The bytes of the conversation info.
    pub info: Vec<u8>,
    /// The group's identifier: the one that follows from the info, until it is said otherwise.
    pub group_id: GroupId,
    /// Which conversation it is of.
    pub chat_id: ConversationId,
    /// Between whom.
    pub people: Vec<UserId>,
    /// With which roster a group of people began.
    pub founding_roster: Option<Opaque>,
    /// Which one counts in it.
    pub roster: Option<Roster>,
}

impl Claim {
    /// A chat between two.
    ///
    /// # Errors
    /// If they are one and the same.
    pub fn direct(a: &Who, b: &Who) -> Result<Self> {
        Self::direct_in(a, b, Incarnation::FIRST)
    }

    /// The chat between two that goes on in another group.
    ///
    /// # Errors
    /// If they are one and the same.
    pub fn direct_in(a: &Who, b: &Who, incarnation: Incarnation) -> Result<Self> {
        Ok(Self::of(&ConversationInfo::direct(a.into(), b.into(), incarnation)?))
    }

    /// Somebody's notes.
    #[must_use]
    pub fn notes(own: &Who) -> Self {
        Self::of(&ConversationInfo::notes(own.into(), Incarnation::FIRST))
    }

    /// A group of people, founded by the first of them who can sign for themselves.
    ///
    /// # Errors
    /// If these can found none.
    pub fn group(by: &Rogue, others: &[&Who]) -> Result<Self> {
        let members = others.iter().map(|who| Participant::member(who.user_id.clone(), who.identity));
        let founding =
            by.signing_key().found([by.place(Role::Owner)].into_iter().chain(members).collect(), &mut OsRng)?;
        Ok(Self::with_roster(&founding, &founding))
    }

    /// The group that began with one roster, in the epoch of another, or that says so.
    #[must_use]
    pub fn with_roster(founding: &Roster, roster: &Roster) -> Self {
        Self::with_roster_in(founding, roster, Incarnation::FIRST)
    }

    /// The same of a later group of the conversation.
    #[must_use]
    pub fn with_roster_in(founding: &Roster, roster: &Roster, incarnation: Incarnation) -> Self {
        let people = roster.participants().iter().map(|place| place.user_id().clone()).collect();
        Self {
            people,
            founding_roster: Some(Opaque::encode(&founding.encode())),
            roster: Some(roster.clone()),
            ..Self::of(&ConversationInfo::group(roster, incarnation))
        }
    }

    fn of(info: &ConversationInfo) -> Self {
        let people = info.people().iter().map(|person| person.user_id.clone()).collect();
        Self {
            info: info.encode(),
            group_id: info.group_id(),
            chat_id: info.conversation_id(),
            people,
            founding_roster: None,
            roster: None,
        }
    }

    /// The same under the identifier of another group.
    #[must_use]
    pub fn under(self, group_id: GroupId) -> Self {
        Self { group_id, ..self }
    }
}

pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    RustCrypto::default().random_array().map_err(|error| anyhow::anyhow!("no randomness: {error:?}"))
}
