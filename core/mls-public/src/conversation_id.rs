//! What a conversation is called, derived from what it is.
//!
//! ```text
//! chat_id   direct: SHA-256("PrivMsg direct chat v1\0" ‖ user_id_a<V> ‖ user_id_b<V>)   // in the order of their bytes
//!           self:   SHA-256("PrivMsg self chat v1\0" ‖ user_id<V>)
//!           group:  SHA-256("PrivMsg group chat v1\0" ‖ founding roster)
//! group_id  first 16 bytes of SHA-256("PrivMsg conversation v1\0" ‖ chat_id ‖ uint32 incarnation)
//! ```
//!
//! `<V>` is the vector of RFC 9420, section 2.1.2. Server and clients compute both for themselves, so that no MLS group can
//! be served for another chat, for another kind, or for another incarnation. Sixteen bytes are enough, because only second
//! preimages matter: who chooses both halves of a colliding pair harms nobody else.

use privmsg_protocol::{ConversationId, GroupId, Incarnation, UserId};
use sha2::{Digest as _, Sha256};
use tls_codec::{Serialize as _, VLByteSlice};

const DIRECT: &[u8] = b"PrivMsg direct chat v1\0";
const SELF: &[u8] = b"PrivMsg self chat v1\0";
const GROUP: &[u8] = b"PrivMsg group chat v1\0";
const CONVERSATION: &[u8] = b"PrivMsg conversation v1\0";

/// The conversation between two users, in whichever order they are named.
#[must_use]
pub fn direct_chat_id(a: &UserId, b: &UserId) -> ConversationId {
    let (first, second) = if a <= b { (a, b) } else { (b, a) };
    digest(DIRECT, &[&vector(first), &vector(second)])
}

/// A user's notes to themselves.
#[must_use]
pub fn self_chat_id(user: &UserId) -> ConversationId {
    digest(SELF, &[&vector(user)])
}

/// The group of people that began with this roster.
#[must_use]
pub fn group_chat_id(founding_roster: &[u8]) -> ConversationId {
    digest(GROUP, &[founding_roster])
}

/// The MLS group of an incarnation of a conversation.
#[must_use]
pub fn group_id(conversation: &ConversationId, incarnation: Incarnation) -> GroupId {
    let hash = digest(CONVERSATION, &[conversation.as_bytes(), &incarnation.0.to_be_bytes()]);
    let (id, _) = hash.as_bytes().split_first_chunk().expect("a hash of 32 bytes has 16");
    GroupId::from_bytes(*id)
}

fn digest(label: &[u8], parts: &[&[u8]]) -> ConversationId {
    let mut hash = Sha256::new_with_prefix(label);
    for part in parts {
        hash.update(part);
    }
    ConversationId::from_bytes(hash.finalize().into())
}

fn vector(user: &UserId) -> Vec<u8> {
    VLByteSlice(user.as_str().as_bytes()).tls_serialize_detached().expect("an identifier is far shorter than a vector")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    #[test]
    fn ids_are_pinned() {
        let direct = direct_chat_id(&user("bob"), &user("al"));
        insta::assert_snapshot!(direct, @"Y2bPIEb1nYalph4Z5Hn29gf2oUSg3XGLHzvC5ww0AoM");
        insta::assert_snapshot!(self_chat_id(&user("al")), @"DkUClk3WJ12amt-nAJXo5HEQQYYgQzEryNK7sI9Fu2U");
        insta::assert_snapshot!(group_chat_id(b"a roster"), @"lfMT55PrtuX83M6efrS03UioOgH6AJWp1h_yiUIukvQ");
        insta::assert_snapshot!(group_id(&direct, Incarnation::FIRST), @"sJnd765tPwpC3sMH_W45_Q");
        insta::assert_snapshot!(group_id(&direct, Incarnation(2)), @"fwK-062CcFZKW4HKW6Dv5g");
    }

    #[test]
    fn a_conversation_of_two_has_one_name() {
        assert_eq!(direct_chat_id(&user("al"), &user("bob")), direct_chat_id(&user("bob"), &user("al")));
    }

    /// Names that run together must not be another pair's.
    #[test]
    fn no_conversation_has_anothers_name() {
        let ids = [
            direct_chat_id(&user("a"), &user("bc")),
            direct_chat_id(&user("ab"), &user("c")),
            direct_chat_id(&user("abc"), &user("abc")),
            self_chat_id(&user("abc")),
            group_chat_id(b"\x03abc"),
        ];
        for (at, id) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(id), "{at}");
        }
    }
}
