//! What a conversation is and between whom, as it stands in the GroupContext (RFC 9420, section 8.1).
//!
//! ```text
//! enum { direct(1), self(2), group(3), (255) } Kind;
//! opaque UserId<V>;
//! struct {
//!     uint8  version;           // 1
//!     Kind   kind;
//!     UserId participants<V>;   // sorted, no duplicates
//!     opaque later[0..1024];    // fields that later builds add
//! } ConversationInfo;
//! ```
//!
//! It is written once, by whoever creates the group, and MLS binds all of its bytes for every member. A build that does
//! not know a field passes over it, so such a field may add something but must not restrict or change the meaning of
//! the others: what does takes another version. Another version, and a kind that is not known, are not interpreted
//! ([`UpdateNeeded`]).

use openmls::group::GroupContext;
use openmls::prelude::{Extension, Extensions, UnknownExtension};
use privmsg_protocol::UserId;
use privmsg_protocol::limits::MAX_GROUP_LEAVES;
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use crate::leaf;
use crate::update_needed::UpdateNeeded;

const VERSION: u8 = 1;

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
    /// A direct conversation needs two different users, notes need one, a group needs one at least.
    #[error("wrong number of participants for this kind of conversation")]
    Participants,
}

/// What kind of conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConversationKind {
    /// Between exactly two different users.
    Direct,
    /// One user's notes; also how one's own devices talk to each other.
    SelfNotes,
    /// Any number of users.
    Group,
}

/// Kind and participants of a conversation. Authenticated by MLS and the same for every member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationInfo {
    kind: ConversationKind,
    participants: Vec<UserId>,
    /// Fields that this build does not know.
    later: Vec<u8>,
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Known {
    version: u8,
    kind: u8,
    participants: Vec<VLBytes>,
}

impl ConversationInfo {
    /// Describes a conversation between `participants`, in any order; one who is named twice counts once.
    ///
    /// # Errors
    /// [`InfoError::Participants`] if their number does not fit the kind.
    pub fn new(kind: ConversationKind, mut participants: Vec<UserId>) -> Result<Self, InfoError> {
        participants.sort_unstable();
        participants.dedup();
        let fits = match kind {
            ConversationKind::Direct => participants.len() == 2,
            ConversationKind::SelfNotes => participants.len() == 1,
            ConversationKind::Group => (1..=MAX_GROUP_LEAVES).contains(&participants.len()),
        };
        if fits { Ok(Self { kind, participants, later: Vec::new() }) } else { Err(InfoError::Participants) }
    }

    /// What kind of conversation it is.
    #[must_use]
    pub const fn kind(&self) -> ConversationKind {
        self.kind
    }

    /// The users between whom it is, sorted, whether or not they have devices in the group at the moment.
    #[must_use]
    pub fn participants(&self) -> &[UserId] {
        &self.participants
    }

    /// Whether `user_id` takes part.
    #[must_use]
    pub fn includes(&self, user_id: &UserId) -> bool {
        self.participants.binary_search(user_id).is_ok()
    }

    /// The encoding in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let kind = match self.kind {
            ConversationKind::Direct => 1,
            ConversationKind::SelfNotes => 2,
            ConversationKind::Group => 3,
        };
        let participants = self.participants.iter().map(|user| user.as_str().as_bytes().to_vec().into()).collect();
        let mut bytes = Known { version: VERSION, kind, participants }
            .tls_serialize_detached()
            .expect("a thousand identifiers are far shorter than a TLS vector");
        bytes.extend_from_slice(&self.later);
        bytes
    }

    /// Reads what [`ConversationInfo::encode`] wrote.
    ///
    /// # Errors
    /// [`InfoError`], also for an order or a repetition of participants that `encode` would not write.
    pub fn decode(bytes: &[u8]) -> Result<Self, InfoError> {
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(UpdateNeeded::new(UpdateNeeded::INFO, version).into()),
            None => return Err(InfoError::Malformed),
        }
        let (known, later) = Known::tls_deserialize_bytes(bytes).map_err(|_| InfoError::Malformed)?;
        let kind = match known.kind {
            1 => ConversationKind::Direct,
            2 => ConversationKind::SelfNotes,
            3 => ConversationKind::Group,
            0 | u8::MAX => return Err(InfoError::Malformed),
            kind => return Err(UpdateNeeded::new(UpdateNeeded::KIND, kind).into()),
        };
        if later.len() > MAX_LATER {
            return Err(InfoError::Malformed);
        }
        let participants = known.participants.iter().map(|user| {
            std::str::from_utf8(user.as_slice()).ok().and_then(|user| user.parse().ok()).ok_or(InfoError::Malformed)
        });
        let info = Self { later: later.to_vec(), ..Self::new(kind, participants.collect::<Result<_, _>>()?)? };
        if info.encode() == bytes { Ok(info) } else { Err(InfoError::Malformed) }
    }

    /// The GroupContext extensions of a conversation: this one, and the demand that every member understands it.
    pub(super) fn to_extensions(&self) -> Extensions<GroupContext> {
        Extensions::from_vec(vec![
            Extension::RequiredCapabilities(leaf::required_capabilities()),
            Extension::Unknown(leaf::INFO_EXTENSION, UnknownExtension(self.encode())),
        ])
        .expect("two extensions of different types that RFC 9420 allows in a GroupContext")
    }

    /// Reads the info from a GroupContext, and refuses one that lets outsiders propose changes (`external_senders`) or
    /// that asks less of members than ours.
    pub(super) fn from_extensions(extensions: &Extensions<GroupContext>) -> Result<Self, InfoError> {
        let UnknownExtension(bytes) = extensions.unknown(leaf::INFO_EXTENSION).ok_or(InfoError::Malformed)?;
        let info = Self::decode(bytes)?;
        if *extensions == info.to_extensions() { Ok(info) } else { Err(InfoError::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn users(names: &[&str]) -> Vec<UserId> {
        names.iter().map(|name| UserId::new(name).unwrap()).collect()
    }

    #[test]
    fn a_kind_has_its_number_of_people() {
        use ConversationKind::{Direct, Group, SelfNotes};
        for (kind, names) in [(Direct, &["bob", "alice"][..]), (SelfNotes, &["alice"]), (Group, &["c", "b", "a"])] {
            let info = ConversationInfo::new(kind, users(names)).unwrap();
            assert_eq!(ConversationInfo::decode(&info.encode()), Ok(info));
        }
        for (kind, names) in
            [(Direct, &["alice", "alice"][..]), (Direct, &["a", "b", "c"]), (SelfNotes, &["a", "b"]), (Group, &[])]
        {
            assert_eq!(ConversationInfo::new(kind, users(names)), Err(InfoError::Participants));
        }
    }

    #[test]
    fn bytes_are_pinned_and_have_one_spelling() {
        let info = ConversationInfo::new(ConversationKind::Direct, users(&["bob", "al"])).unwrap();
        assert_eq!(info.encode(), b"\x01\x01\x07\x02al\x03bob");
        assert_eq!(ConversationInfo::decode(b"\x01\x01\x07\x03bob\x02al"), Err(InfoError::Malformed));
    }

    #[test]
    fn what_is_newer_needs_an_update_and_is_not_malformed() {
        let newer = |what, number| Err(InfoError::UpdateNeeded(UpdateNeeded { what, number }));
        let version = newer("conversation info version", 2);
        assert_eq!(ConversationInfo::decode(b"\x02\x01\x07\x02al\x03bob"), version);
        assert_eq!(ConversationInfo::decode(b"\x02 and nothing else that is known"), version);
        assert_eq!(ConversationInfo::decode(b"\x01\x04\x07\x02al\x03bob"), newer("kind of conversation", 4));
        assert_eq!(ConversationInfo::decode(b"\x01\x00\x07\x02al\x03bob"), Err(InfoError::Malformed));
    }

    #[test]
    fn what_a_later_build_adds_is_passed_over_and_kept() {
        let decoded = ConversationInfo::decode(b"\x01\x01\x07\x02al\x03bob\x05later").unwrap();
        assert_eq!((decoded.kind(), decoded.participants()), (ConversationKind::Direct, &users(&["al", "bob"])[..]));
        assert_eq!(decoded.encode(), b"\x01\x01\x07\x02al\x03bob\x05later", "the GroupContext keeps its bytes");
        assert_ne!(decoded, ConversationInfo::new(ConversationKind::Direct, users(&["al", "bob"])).unwrap());
        let endless = [&b"\x01\x01\x07\x02al\x03bob"[..], &[0; MAX_LATER + 1]].concat();
        assert_eq!(ConversationInfo::decode(&endless), Err(InfoError::Malformed));
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in any::<Vec<u8>>()) {
            let _ = ConversationInfo::decode(&bytes);
            let later = [&b"\x01\x01\x07\x02al\x03bob"[..], &bytes].concat();
            prop_assert_eq!(ConversationInfo::decode(&later).unwrap().encode(), later);
        }
    }
}
