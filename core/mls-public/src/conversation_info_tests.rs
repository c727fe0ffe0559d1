use proptest::prelude::*;

use super::*;
use crate::roster::{Participant, Role};
use crate::test_keys::{account_key, certificate, hex, sign};

fn person(name: &str, key: u8) -> Person {
    Person { user_id: UserId::new(name).unwrap(), identity: account_key(key) }
}

fn two() -> ConversationInfo {
    ConversationInfo::direct(person("bob", 2), person("al", 1), Incarnation::FIRST).unwrap()
}

/// The encoding with other bytes in place of some.
fn with(at: usize, other: &[u8]) -> Vec<u8> {
    let mut bytes = two().encode();
    bytes.splice(at..at + other.len(), other.iter().copied());
    bytes
}

#[test]
fn bytes_are_pinned() {
    let hex = |info: ConversationInfo| hex(&info.encode());
    insta::assert_snapshot!(hex(two()), @"02016366cf2046f59d86a5a61e19e479f6f607f6a144a0dd718b1f3bc2e70c34028300000001404702616c8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c03626f628139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394");
    insta::assert_snapshot!(hex(ConversationInfo::notes(person("al", 1), Incarnation(7))), @"02020e4502964dd6275d9a9adfa70095e8e4711041862043312bc8d2bbb08f45bb65000000072302616c8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c");
}

#[test]
fn what_was_written_is_read() {
    for info in [two(), ConversationInfo::notes(person("al", 1), Incarnation(7))] {
        assert_eq!(ConversationInfo::decode(&info.encode()), Ok(info));
    }
    assert_eq!(two().people(), [person("al", 1), person("bob", 2)]);
    assert_eq!(two().person(&UserId::new("bob").unwrap()), Some(&person("bob", 2)));
    assert_eq!(two().person(&UserId::new("eve").unwrap()), None);
    assert_eq!(ConversationInfo::direct(person("al", 1), person("al", 2), Incarnation::FIRST), Err(InfoError::People));
}

#[test]
fn each_incarnation_has_a_group_of_its_own() {
    let next = ConversationInfo::direct(person("al", 1), person("bob", 3), Incarnation(2)).unwrap();
    assert_eq!(next.conversation_id(), two().conversation_id(), "whoever has another key, it is the same chat");
    assert_ne!(next.group_id(), two().group_id());
}

#[test]
fn no_conversation_passes_for_another() {
    let other = ConversationInfo::direct(person("al", 1), person("eve", 2), Incarnation::FIRST).unwrap();
    let claimed = with(2, other.conversation_id().as_bytes());
    assert_eq!(ConversationInfo::decode(&claimed), Err(InfoError::OtherConversation));
    assert_eq!(ConversationInfo::decode(&with(1, &[SELF])), Err(InfoError::People));
    assert_eq!(ConversationInfo::decode(&with(34, &[0; 4])), Err(InfoError::Malformed), "there is no incarnation 0");
}

#[test]
fn there_is_one_spelling() {
    let bytes = two().encode();
    let (head, people) = bytes.split_at(39);
    let (al, bob) = people.split_at(35);
    let swapped = [head, bob, al].concat();
    assert_eq!(ConversationInfo::decode(&swapped), Err(InfoError::Malformed));
    assert_eq!(ConversationInfo::decode(&bytes[..bytes.len() - 1]), Err(InfoError::Malformed));
}

#[test]
fn what_is_newer_needs_an_update_and_is_not_malformed() {
    let newer = |what, number| Err(InfoError::UpdateNeeded(UpdateNeeded { what, number }));
    assert_eq!(ConversationInfo::decode(&with(0, &[3])), newer("conversation info version", 3));
    assert_eq!(ConversationInfo::decode(b"\x03 and nothing else that is known"), newer("conversation info version", 3));
    assert_eq!(ConversationInfo::decode(b"\x02\x05 laid out otherwise"), newer("kind of conversation", 5));
    assert_eq!(ConversationInfo::decode(&with(1, &[0])), Err(InfoError::Malformed));
}

#[test]
fn what_a_later_build_adds_is_passed_over_and_kept() {
    let bytes = [&two().encode()[..], b"later"].concat();
    let decoded = ConversationInfo::decode(&bytes).unwrap();
    assert_eq!((decoded.kind(), decoded.people()), (ConversationKind::Direct, two().people()));
    assert_eq!(decoded.encode(), bytes, "the GroupContext keeps its bytes");
    assert_ne!(decoded, two());
    let endless = [&two().encode()[..], &[0; MAX_LATER + 1]].concat();
    assert_eq!(ConversationInfo::decode(&endless), Err(InfoError::Malformed));
}

#[test]
fn that_of_a_group_of_people_names_its_roster() {
    let people = |role| Participant::with_role(UserId::new("al").unwrap(), account_key(1), role, 5);
    let by_al = |bytes: &[u8]| sign(2, bytes);
    let founding = Roster::founding(certificate(5), by_al, [7; 16], vec![people(Role::Owner)]).unwrap();
    let next = Roster::next(&[&founding], certificate(5), by_al, [8; 16], vec![people(Role::Owner)]).unwrap();
    let elsewhere = Roster::founding(certificate(5), by_al, [9; 16], vec![people(Role::Owner)]).unwrap();

    let info = ConversationInfo::group(&founding, Incarnation(2));
    insta::assert_snapshot!(hex(&info.encode()), @"02037f4f33ccb7b8838cdde8c539233267b4c6dcb6daa4cdb319cf689cf20733e9e000000002000000000000000115559738d947bb9af6fa7f28d8420aa4f6b542b4067d4dc8c1984715f8b5dd17");
    assert_eq!(ConversationInfo::decode(&info.encode()), Ok(info.clone()));
    assert_eq!((info.kind(), info.people()), (ConversationKind::Group, &[][..]));
    assert_eq!(info.roster(), Some(RosterMark { number: 1, hash: *founding.hash() }));
    let after = info.with_roster(&next).unwrap();
    assert_eq!(after.roster(), Some(RosterMark::of(&next)));
    assert_eq!(after.group_id(), info.group_id(), "it is the same group");
    assert_eq!(info.with_roster(&elsewhere), None);
    assert_eq!(two().with_roster(&founding), None);
    let later = [&info.encode()[..], b"later"].concat();
    let later = ConversationInfo::decode(&later).unwrap().with_roster(&next).unwrap();
    assert_eq!(later.encode(), [&after.encode()[..], b"later"].concat(), "what is not known stays");

    let mut zero = info.encode();
    zero[38..46].fill(0);
    assert_eq!(ConversationInfo::decode(&zero), Err(InfoError::Malformed), "there is no roster 0");
    assert_eq!(ConversationInfo::decode(&info.encode()[..77]), Err(InfoError::Malformed));
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let _ = ConversationInfo::decode(&bytes);
        let later = [&two().encode()[..], &bytes].concat();
        prop_assert_eq!(ConversationInfo::decode(&later).unwrap().encode(), later);
        let mut flipped = two().encode();
        let at = at.index(flipped.len());
        flipped[at] ^= flip;
        prop_assert_ne!(ConversationInfo::decode(&flipped), Ok(two()));
    }
}
