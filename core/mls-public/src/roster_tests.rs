use privmsg_protocol::UserId;
use proptest::prelude::*;

use super::*;
use crate::test_keys::{account_key, assert_all_of_it_counts, bobs_certificate, certificate, hex, sign};

fn by_al(bytes: &[u8]) -> [u8; 64] {
    sign(2, bytes)
}

fn person(name: &str, key: u8, role: Role, floor: u64) -> Participant {
    Participant::with_role(UserId::new(name).unwrap(), account_key(key), role, floor)
}

fn al() -> Participant {
    person("al", 1, Role::Owner, 5)
}

fn founding() -> Roster {
    let people = vec![person("bob", 6, Role::Member, 0), al()];
    Roster::founding(certificate(5), by_al, [7; 16], people).unwrap()
}

fn next(nonce: u8, others: Vec<Participant>) -> Roster {
    let people = [vec![al()], others].concat();
    Roster::next(&[&founding()], certificate(5), by_al, [nonce; 16], people).unwrap()
}

fn second() -> Roster {
    next(8, vec![person("bob", 6, Role::Admin, 9), person("eve", 7, Role::Member, 0)])
}

#[test]
fn bytes_are_pinned() {
    insta::assert_snapshot!(hex(&founding().encode()), @"01000000000000000000000000000000000000000000000000000000000000000000000000000000010007070707070707070707070707070707405902616c8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c03000000000000000503626f628a875fff1eb38451577acd5afee405456568dd7c89e090863a0557bc7af49f170100000000000000000102616c8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c00000000000000058139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394e415bcc15a37e1f320500f455ebf5f591d6df58680f7eeb2eca3c4103ca616a8f17ae7d9a4b3566418ce8a0cac43a9af80c2638c98653c7b7f128bf6d58a8904cb5aefab21aa3f34f0d35083acc8cefd3ff338e191a3944d5107df220aaed9f2421d2fe83addb11c0a52f4c251ce2a20be4338c79584e8a3a2dbd329f9f5fa00");
    insta::assert_snapshot!(founding().conversation_id(), @"vQvwQ_H3PfiPrc1G0m8quw8PwfFVY453BKRsKhEOJrY");
    insta::assert_snapshot!(hex(&second().encode()), @"01bd0bf043f1f73df88fadcd46d26f2abb0f0fc1f155638e7704a46c2a110e26b60000000000000002200b2a4be3aa21ce832fb6f0345fa5d7e955a9b9d97ab05b659181914c7ae5a70508080808080808080808080808080808408602616c8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c03000000000000000503626f628a875fff1eb38451577acd5afee405456568dd7c89e090863a0557bc7af49f1702000000000000000903657665ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c0100000000000000000102616c8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c00000000000000058139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394e415bcc15a37e1f320500f455ebf5f591d6df58680f7eeb2eca3c4103ca616a8f17ae7d9a4b3566418ce8a0cac43a9af80c2638c98653c7b7f128bf6d58a8904402090410b57a04f8287e6bfc428ec84c698c3462d5bf13ea00debd5b773142d92bdbb789adfc28ce57513d1b34d7cff5e15894effe64c011a7cec694b4e8601");
    let merged = Roster::next(&[&second(), &next(9, Vec::new())], certificate(5), by_al, [1; 16], vec![al()]).unwrap();
    insta::assert_snapshot!(hex(merged.hash()), @"a82fb96aaa624483f842a0ebbd89f002a272ce51460dde373bacb8558bbb9964");
    for roster in [founding(), second(), merged] {
        assert_eq!(Roster::decode(&roster.encode()), Ok(roster.clone()));
        assert_eq!(roster.conversation_id(), founding().conversation_id());
    }
}

#[test]
fn who_founds_a_group_owns_it() {
    let found = |people| Roster::founding(certificate(5), by_al, [7; 16], people);
    let no = Err(StatementError::Malformed);
    assert_eq!(found(vec![person("al", 1, Role::Admin, 5), person("bob", 6, Role::Owner, 9)]), no);
    assert_eq!(found(vec![person("al", 9, Role::Owner, 5)]), no, "another identity of that name");
    assert_eq!(found(vec![person("al", 1, Role::Owner, 6)]), no, "a generation that the author does not sign with");
    assert_eq!(found(vec![person("al", 1, Role::Owner, 4)]), no);
    assert_eq!(found(vec![al(), person("al", 2, Role::Member, 0)]), no, "twice");
    assert_eq!(found(Vec::new()), no);
}

/// A thief who signs with a stolen key could otherwise set a generation that its owner never reaches.
#[test]
fn nobody_is_bound_to_another_generation_than_the_one_that_signed() {
    for floor in [4, 6, 1 << 50] {
        let people = vec![person("al", 1, Role::Owner, floor)];
        let bound = Roster::next(&[&founding()], certificate(5), by_al, [8; 16], people);
        assert_eq!(bound, Err(StatementError::Malformed), "{floor}");
    }
    let bob = |role, floor| vec![person("bob", 6, Role::Owner, 9), person("al", 1, role, floor)];
    let by_al = |people| Roster::next(&[&founding()], certificate(5), by_al, [8; 16], people);
    assert!(by_al(bob(Role::Member, 0)).is_ok(), "who signs nothing more is bound to nothing");
    assert!(by_al(bob(Role::Admin, 5)).is_ok());
    assert_eq!(by_al(bob(Role::Admin, 6)), Err(StatementError::Malformed));
}

/// Whether somebody may leave it so, is a question of what was before.
#[test]
fn a_roster_without_an_owner_is_written_by_nobody_who_owned_it_and_stays() {
    let next = |people| Roster::next(&[&founding()], certificate(5), by_al, [7; 16], people);
    let stays = next(vec![person("al", 1, Role::Admin, 5), person("bob", 6, Role::Member, 0)]).unwrap();
    assert_eq!(stays.follows(&founding()), Err(StepError::NotAllowed));
    let leaves = next(vec![person("bob", 6, Role::Member, 0)]).unwrap();
    assert_eq!((leaves.follows(&founding()), Roster::decode(&leaves.encode())), (Ok(()), Ok(leaves.clone())));
    assert_eq!(next(Vec::new()), Err(StatementError::Malformed), "nor is there one without anybody");
}

#[test]
fn one_roster_follows_one_or_two_of_the_same_group() {
    let next = |previous: &[&Roster]| Roster::next(previous, certificate(5), by_al, [7; 16], vec![al()]);
    let other = Roster::founding(certificate(5), by_al, [8; 16], vec![al()]).unwrap();
    let (a, b, c) = (next(&[&founding()]).unwrap(), second(), founding());
    assert!(next(&[&a, &b]).is_ok());
    for previous in [&[][..], &[&a, &a], &[&a, &b, &c], &[&founding(), &other]] {
        assert_eq!(next(previous), Err(StatementError::Other));
    }
    assert_eq!(next(&[&a, &c]).unwrap().number(), 3, "the higher one counts");
}

#[test]
fn another_signature_is_a_forgery() {
    let forged = Roster::next(&[&founding()], certificate(5), |bytes| sign(1, bytes), [7; 16], vec![al()]);
    assert_eq!(forged, Err(StatementError::Forged));
    let forged = Roster::next(&[&founding()], bobs_certificate(5), by_al, [7; 16], vec![al()]);
    assert_eq!(forged, Err(StatementError::Forged));
}

#[test]
fn what_is_newer_needs_an_update_and_is_not_malformed() {
    let newer = |what, number| Err(StatementError::UpdateNeeded(UpdateNeeded { what, number }));
    assert_eq!(Roster::decode(b"\x02 laid out otherwise"), newer("roster version", 2));
    let with = |at: usize, byte: u8| {
        let mut bytes = second().encode();
        bytes[at] = byte;
        Roster::decode(&bytes)
    };
    // Version, chat, number, previous, nonce, length; al's name, key and role.
    let role = 1 + 32 + 8 + 33 + 16 + 2 + 3 + 32;
    assert_eq!(with(role, 4), newer("role", 4));
    assert_eq!(with(role, 0), Err(StatementError::Malformed));
    let author = second().encode().len() - 64 - certificate(5).encode().len();
    assert_eq!(with(author, 2), newer("signing key certificate version", 2));
}

#[test]
fn as_many_people_as_a_group_has_and_no_more() {
    let people = |count: usize| {
        let others = (1..count).map(|n| person(&format!("{n:0>64}"), 6, Role::Admin, u64::MAX >> 11));
        [al()].into_iter().chain(others).collect::<Vec<_>>()
    };
    let most =
        Roster::next(&[&founding(), &second()], certificate(5), by_al, [7; 16], people(MAX_PARTICIPANTS)).unwrap();
    assert_eq!(Roster::decode(&most.encode()), Ok(most.clone()));
    assert!(most.encode().len() <= MAX_LEN);
    let more = Roster::next(&[&founding()], certificate(5), by_al, [7; 16], people(MAX_PARTICIPANTS + 1));
    assert_eq!(more, Err(StatementError::Malformed));
}

proptest! {
    #[test]
    fn foreign_bytes_never_pass(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        prop_assert!(Roster::decode(&[&[VERSION][..], &bytes].concat()).is_err());
        for roster in [founding(), second()] {
            let bytes = roster.encode();
            assert_all_of_it_counts(&bytes, at, flip, |bytes| Roster::decode(bytes).is_ok());
        }
    }
}
