use minicbor::bytes::ByteArray;
use minicbor::{Decode, Encode};
use privmsg_protocol::{ConversationId, UserId};
use zeroize::Zeroizing;

use super::{AboutRule, ContentError, IfUnknown, Kind, MAX_DECISIONS, cbor};

/// What a person has said to what others have begun, and of whom they want to hear nothing, for their own other devices: it counts in
/// the conversation with oneself only, and from a device of the newest device list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions {
    /// At most [`MAX_DECISIONS`].
    pub decisions: Vec<Decision>,
    /// The device asks the others for all that they know.
    pub wanted: bool,
}

/// What was decided about a chat, or about somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which, or whom.
    pub about: DecidedAbout,
    /// It is not let in; they are blocked.
    pub declined: bool,
    /// When, by the clock of the device on which it was decided, ms. Of two, the later one counts.
    pub at_ms: u64,
}

/// A chat with others, or one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecidedAbout {
    /// With one.
    With(UserId),
    /// Of a group of people.
    Group(ConversationId),
    /// Somebody, wherever they write to this user alone: blocked, or not any more.
    Sender(UserId),
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Wire {
    #[n(0)]
    decisions: Vec<WireDecision>,
    #[cbor(n(1), default, skip_if = "is_false")]
    wanted: bool,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct WireDecision {
    #[n(0)]
    at_ms: u64,
    #[n(1)]
    user: Option<String>,
    #[n(2)]
    group: Option<ByteArray<32>>,
    #[cbor(n(3), default, skip_if = "is_false")]
    declined: bool,
    #[n(4)]
    sender: Option<String>,
}

impl WireDecision {
    fn read(self) -> Result<Decision, ContentError> {
        let malformed = ContentError::Malformed(Decisions::NAME);
        let about = match (self.user, self.group, self.sender) {
            (Some(user), None, None) => DecidedAbout::With(user.parse().map_err(|_| malformed)?),
            (None, Some(group), None) => DecidedAbout::Group(ConversationId::from_bytes(group.into())),
            (None, None, Some(sender)) => DecidedAbout::Sender(sender.parse().map_err(|_| malformed)?),
            _ => return Err(malformed),
        };
        Ok(Decision { about, declined: self.declined, at_ms: self.at_ms })
    }
}

impl From<&Decision> for WireDecision {
    fn from(decision: &Decision) -> Self {
        let (user, group, sender) = match &decision.about {
            DecidedAbout::With(user) => (Some(user.to_string()), None, None),
            DecidedAbout::Group(group) => (None, Some((*group.as_bytes()).into()), None),
            DecidedAbout::Sender(sender) => (None, None, Some(sender.to_string())),
        };
        Self { at_ms: decision.at_ms, user, group, declined: decision.declined, sender }
    }
}

impl Kind for Decisions {
    const NUMBER: u32 = 20;
    const NAME: &'static str = "decisions";
    const ABOUT: AboutRule = AboutRule::Never;

    fn if_unknown(&self) -> IfUnknown {
        IfUnknown::Hide
    }

    fn check(&self) -> Result<(), ContentError> {
        let says_something = self.wanted || !self.decisions.is_empty();
        if says_something && self.decisions.len() <= MAX_DECISIONS {
            Ok(())
        } else {
            Err(ContentError::Size(Self::NAME))
        }
    }

    fn encode_body(&self) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        let decisions = self.decisions.iter().map(WireDecision::from).collect();
        Ok(cbor::encode(&Wire { decisions, wanted: self.wanted }))
    }

    fn decode_body(bytes: &[u8]) -> Result<Self, ContentError> {
        let Wire { decisions, wanted } = cbor::decode(bytes, Self::NAME)?;
        let decisions = decisions.into_iter().map(WireDecision::read).collect::<Result<_, _>>()?;
        Ok(Self { decisions, wanted })
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::envelope::tests::{body_hex, encoded_len, read_body};

    fn decision(about: DecidedAbout, declined: bool) -> Decision {
        Decision { about, declined, at_ms: 1_700_000_000_000 }
    }

    #[test]
    fn bytes_are_pinned() {
        let with = decision(DecidedAbout::With("bob".parse().unwrap()), true);
        let group = decision(DecidedAbout::Group(ConversationId::from_bytes([7; 32])), false);
        let sender = decision(DecidedAbout::Sender("bob".parse().unwrap()), true);
        let blocked = Decisions { decisions: vec![sender], wanted: false };
        insta::assert_snapshot!(body_hex(&blocked), @"8214a10081a3001b0000018bcfe5680003f50463626f62");
        assert_eq!(read_body(&blocked.encode_body().unwrap()), Ok(blocked));
        let decisions = Decisions { decisions: vec![with, group], wanted: false };
        insta::assert_snapshot!(body_hex(&decisions), @"8214a10082a3001b0000018bcfe568000163626f6203f5a2001b0000018bcfe568000258200707070707070707070707070707070707070707070707070707070707070707");
        insta::assert_snapshot!(body_hex(&Decisions { decisions: Vec::new(), wanted: true }), @"8214a2008001f5");
        assert_eq!(read_body(&decisions.encode_body().unwrap()), Ok(decisions));
    }

    #[test]
    fn the_longest_fit_and_nothing_is_not_said() {
        let long = DecidedAbout::With("x".repeat(64).parse().unwrap());
        let many = |count| Decisions { decisions: vec![decision(long.clone(), true); count], wanted: true };
        assert!(encoded_len(&many(MAX_DECISIONS)).is_ok());
        assert_eq!(encoded_len(&many(MAX_DECISIONS + 1)), Err(ContentError::Size("decisions")));
        let nothing = Decisions { decisions: Vec::new(), wanted: false };
        assert_eq!(encoded_len(&nothing), Err(ContentError::Size("decisions")));
    }

    #[test]
    fn a_decision_is_about_one_chat_or_one_person() {
        for body in [b"\xa1\x00\x81\xa1\x00\x01".as_slice(), b"\xa1\x00\x81\xa2\x00\x01\x01\x61 "] {
            assert_eq!(read_body::<Decisions>(body), Err(ContentError::Malformed("decisions")));
        }
    }
}
