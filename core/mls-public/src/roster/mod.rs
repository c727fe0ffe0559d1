//! The roster: who takes part in a group and as what, signed step by step.
//!
//! ```text
//! enum { member(1), admin(2), owner(3), (255) } Role;
//! struct { opaque user_id<V>; opaque identity_key[32]; Role role; uint64 generation; } Participant;
//! struct {
//!     uint8  version;             // 1
//!     opaque chat_id[32];         // zero in the founding one
//!     uint64 number;              // 1 in the founding one, else that of the highest predecessor + 1
//!     opaque previous[32]<V>;     // SHA-256 of each predecessor, sorted: none in the founding one, else one or two
//!     opaque nonce[16];
//!     Participant participants<V>; // sorted by user_id, no user twice, at least one; in the founding one an owner
//!     SigningKeyCertificate author;
//!     opaque signature[64];       // by author.signing_key, "PrivMsg roster v1"
//! } Roster;
//! ```
//!
//! `generation` is the lowest one of that participant's account that may sign a roster, 0 for members: so a signing key
//! that was stolen is worth nothing here once its owner has signed with a newer one. The author's own, unless it has
//! left or is a member, is the one that it signs with. Whether a roster may come after another, [`Roster::replaces`]
//! says, from those two alone. Which one counts, [`RosterView`] says.

mod participant;
mod proposal;
mod step;
mod view;

use std::fmt;

use privmsg_protocol::{ConversationId, UserId};
use sha2::{Digest as _, Sha256};
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize};

use participant::ParticipantFields;
pub use participant::{Participant, Role};
pub use proposal::in_all;
pub use step::StepError;
pub use view::{Learned, RosterView};

use crate::conversation_id::group_chat_id;
use crate::signing_certificate::SigningKeyCertificate;
use crate::statement::{SIGNATURE_LEN, StatementError, check_version, is_number, labelled};
use crate::update_needed::UpdateNeeded;

const LABEL: &[u8] = b"PrivMsg roster v1";

const VERSION: u8 = 1;

/// Participants of one group.
pub const MAX_PARTICIPANTS: usize = privmsg_protocol::limits::MAX_GROUP_PEOPLE;

/// The longest roster with the longest names has some 27,000 bytes; 250 people with names of eight characters have 12,800.
pub(crate) const MAX_LEN: usize = 28 * 1024;

const FOUNDING: u64 = 1;

/// SHA-256 of a roster's encoding: what it is called.
pub type RosterHash = [u8; 32];

/// Who takes part in a group. Each value is genuine under its author's [certificate](Roster::author); whether the
/// author had a say is another question.
#[derive(Clone, PartialEq, Eq)]
pub struct Roster {
    chat_id: [u8; 32],
    number: u64,
    previous: Vec<RosterHash>,
    nonce: [u8; 16],
    participants: Vec<Participant>,
    author: SigningKeyCertificate,
    signature: [u8; SIGNATURE_LEN],
    /// Of all that is above.
    hash: RosterHash,
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Fields {
    version: u8,
    chat_id: [u8; 32],
    number: u64,
    previous: Vec<[u8; 32]>,
    nonce: [u8; 16],
    participants: Vec<ParticipantFields>,
}

impl Roster {
    /// The roster that a group begins with. `sign` makes the signature over the bytes that it is given, with the
    /// signing key of `author`, who must be an owner in it. The participants may come in any order.
    ///
    /// # Errors
    /// As [`Roster::next`].
    pub fn founding(
        author: SigningKeyCertificate,
        sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
        nonce: [u8; 16],
        participants: Vec<Participant>,
    ) -> Result<Self, StatementError> {
        Self::signed([0; 32], FOUNDING, Vec::new(), nonce, participants, author, sign)
    }

    /// The roster that comes after one or two others. It is not said here whether the author may write it: see
    /// [`Roster::replaces`].
    ///
    /// # Errors
    /// [`StatementError::Malformed`] for what has no encoding: nobody, too many people, one of them twice, a
    /// generation that cannot be, the author's own another than it signs with; [`StatementError::Other`] for
    /// predecessors that are not one or two of the same group; [`StatementError::Forged`] if `sign` has another key.
    pub fn next(
        previous: &[&Self],
        author: SigningKeyCertificate,
        sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
        nonce: [u8; 16],
        participants: Vec<Participant>,
    ) -> Result<Self, StatementError> {
        let chat = previous.first().ok_or(StatementError::Other)?.conversation_id();
        let number = previous.iter().map(|roster| roster.number).max().unwrap_or_default() + 1;
        let mut hashes: Vec<_> = previous.iter().map(|roster| roster.hash).collect();
        hashes.sort_unstable();
        let same = previous.iter().all(|roster| roster.conversation_id() == chat);
        if !same || hashes.len() > 2 || !hashes.is_sorted_by(|a, b| a < b) {
            return Err(StatementError::Other);
        }
        Self::signed(*chat.as_bytes(), number, hashes, nonce, participants, author, sign)
    }

    fn signed(
        chat_id: [u8; 32],
        number: u64,
        previous: Vec<RosterHash>,
        nonce: [u8; 16],
        mut participants: Vec<Participant>,
        author: SigningKeyCertificate,
        sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
    ) -> Result<Self, StatementError> {
        participants.sort();
        let (signature, hash) = ([0; SIGNATURE_LEN], [0; 32]);
        let mut roster = Self { chat_id, number, previous, nonce, participants, author, signature, hash };
        roster.check_fields()?;
        roster.signature = sign(&labelled(LABEL, &roster.fields()));
        roster.hash = Sha256::digest(roster.encode()).into();
        roster.check_signature()?;
        Ok(roster)
    }

    /// Which group it is about: the founding one is what that is derived from.
    #[must_use]
    pub fn conversation_id(&self) -> ConversationId {
        if self.is_founding() { group_chat_id(&self.encode()) } else { ConversationId::from_bytes(self.chat_id) }
    }

    /// Whether the group began with it.
    #[must_use]
    pub const fn is_founding(&self) -> bool {
        self.number == FOUNDING
    }

    /// 1, 2, 3, …
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// What it is called.
    #[must_use]
    pub const fn hash(&self) -> &RosterHash {
        &self.hash
    }

    /// What its predecessors are called.
    #[must_use]
    pub fn previous(&self) -> &[RosterHash] {
        &self.previous
    }

    /// Who takes part, sorted by user.
    #[must_use]
    pub fn participants(&self) -> &[Participant] {
        &self.participants
    }

    /// The user's place here.
    #[must_use]
    pub fn participant(&self, user: &UserId) -> Option<&Participant> {
        let at = self.participants.binary_search_by(|participant| participant.user_id().cmp(user)).ok()?;
        self.participants.get(at)
    }

    /// Who signed it.
    #[must_use]
    pub const fn author(&self) -> &SigningKeyCertificate {
        &self.author
    }

    /// The place here of whoever signed with this certificate: the same user under the same identity, and no lower
    /// generation than may sign.
    #[must_use]
    pub fn signer(&self, certificate: &SigningKeyCertificate) -> Option<&Participant> {
        let place = self.participant(certificate.user_id())?;
        let good = place.identity() == certificate.identity_key() && certificate.generation() >= place.floor();
        good.then_some(place)
    }

    /// Whether who signed with this certificate is an owner here.
    #[must_use]
    pub fn is_owner(&self, certificate: &SigningKeyCertificate) -> bool {
        self.signer(certificate).is_some_and(|place| place.role() == Role::Owner)
    }

    /// Whether anybody decides about everything here. Where nobody does, the group goes on as it is, and nobody ever will again.
    #[must_use]
    pub fn has_owner(&self) -> bool {
        self.participants.iter().any(|place| place.role() == Role::Owner)
    }

    /// The encoding in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [&self.fields()[..], &self.signature].concat()
    }

    /// Reads and verifies a roster.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        let roster = Self::read(bytes, false)?;
        roster.check_fields()?;
        if roster.encode() != bytes {
            return Err(StatementError::Malformed);
        }
        roster.check_signature()?;
        Ok(roster)
    }

    /// Reads a roster that was verified before, at the door, without the cost of doing it again. Of any other it says
    /// nothing.
    ///
    /// # Errors
    /// As [`Roster::decode`], but for forgeries.
    pub fn decode_admitted(bytes: &[u8]) -> Result<Self, StatementError> {
        Self::read(bytes, true)
    }

    fn read(bytes: &[u8], admitted: bool) -> Result<Self, StatementError> {
        check_version(bytes, VERSION, UpdateNeeded::ROSTER)?;
        if bytes.len() > MAX_LEN {
            return Err(StatementError::Malformed);
        }
        let (fields, rest) = Fields::tls_deserialize_bytes(bytes).map_err(|_| StatementError::Malformed)?;
        if fields.participants.len() > MAX_PARTICIPANTS {
            return Err(StatementError::Malformed);
        }
        let participants = fields.participants.iter().map(|place| Participant::read(place, admitted));
        let participants = participants.collect::<Result<_, _>>()?;
        let (author, signature) = if admitted {
            SigningKeyCertificate::check_version(rest)?;
            SigningKeyCertificate::read(rest).ok_or(StatementError::Malformed)?
        } else {
            SigningKeyCertificate::decode_first(rest)?
        };
        Ok(Self {
            chat_id: fields.chat_id,
            number: fields.number,
            previous: fields.previous,
            nonce: fields.nonce,
            participants,
            author,
            signature: signature.try_into().map_err(|_| StatementError::Malformed)?,
            hash: Sha256::digest(bytes).into(),
        })
    }

    fn check_fields(&self) -> Result<(), StatementError> {
        let founding = self.is_founding();
        let place = match (founding, self.previous.len()) {
            (true, 0) => self.chat_id == [0; 32] && self.is_owner(&self.author),
            (false, 1 | 2) => self.chat_id != [0; 32] && self.previous.is_sorted_by(|a, b| a < b),
            _ => false,
        };
        let people = self.participants.len() <= MAX_PARTICIPANTS
            && self.participants.is_sorted_by(|a, b| a.user_id() < b.user_id())
            && self.participants.iter().all(Participant::is_well_formed)
            && !self.participants.is_empty();
        if place && people && self.keeps_floor() && is_number(self.number) {
            Ok(())
        } else {
            Err(StatementError::Malformed)
        }
    }

    /// Whether the author, as far as it signs any further, binds itself to the generation that it signed with. A thief
    /// could otherwise bind the owner to one that she never reaches.
    fn keeps_floor(&self) -> bool {
        let own = self.participant(self.author.user_id());
        let own = own.filter(|own| own.identity() == self.author.identity_key() && own.role() > Role::Member);
        own.is_none_or(|own| own.floor() == self.author.generation())
    }

    fn check_signature(&self) -> Result<(), StatementError> {
        let genuine = self.author.signing_key().verify(&labelled(LABEL, &self.fields()), &self.signature);
        if genuine { Ok(()) } else { Err(StatementError::Forged) }
    }

    fn fields(&self) -> Vec<u8> {
        let fields = Fields {
            version: VERSION,
            chat_id: self.chat_id,
            number: self.number,
            previous: self.previous.clone(),
            nonce: self.nonce,
            participants: self.participants.iter().map(Participant::fields).collect(),
        };
        let mut bytes = fields.tls_serialize_detached().expect("250 people are shorter than a TLS vector");
        bytes.extend_from_slice(&self.author.encode());
        bytes
    }
}

impl fmt::Debug for Roster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |hash: &RosterHash| u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        write!(f, "{}:{:08x} after [", self.number, short(&self.hash))?;
        self.previous.iter().try_for_each(|previous| write!(f, " {:08x}", short(previous)))?;
        write!(f, " ] by {} in {}:", self.author.user_id(), self.author.generation())?;
        self.participants
            .iter()
            .try_for_each(|place| write!(f, " {} {:?} {};", place.user_id(), place.role(), place.floor()))
    }
}

#[cfg(test)]
#[path = "../roster_tests.rs"]
mod tests;
