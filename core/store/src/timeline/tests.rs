//! The order that everybody shares, the list of chats, and what is said about messages.

use privmsg_protocol::{DeviceId, GroupId, MessageId, Seq, UserId};

use super::messages::{self, Cursor, Direction, Kind, MessageState, NewMessage};
use super::position::{Place, Position};
use super::relations::{self, NewRelation, Target};
use super::{gaps, receipts};
use crate::account::{self, Account, AccountState};
use crate::chats::{self, ChatId, ChatKind};
use crate::key::DatabaseKey;
use crate::timeline::held;
use crate::{Store, StoreError, Tx, groups};

mod ids;

const GROUP: GroupId = GroupId::from_bytes([1; 16]);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn id(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

/// Runs a story in one transaction of an empty profile of alice's, with a chat with bob that has a group.
async fn story<T: Send + 'static>(work: impl FnOnce(&Tx<'_>, ChatId) -> Result<T, StoreError> + Send + 'static) -> T {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    store
        .write(move |tx| {
            account::save(tx, &alice())?;
            let chat = chats::ensure(tx, &ChatKind::Direct { peer: user("bob") }, 1)?;
            groups::insert(tx, &GROUP, chat, &[], groups::GroupState::Active, 0)?;
            work(tx, chat)
        })
        .await
        .unwrap()
}

fn alice() -> Account {
    Account {
        server_url: "http://localhost".into(),
        user_id: user("alice"),
        access_key: None,
        device_name: "here".into(),
        device_type: String::new(),
        device_key: zeroize::Zeroizing::new([1; 32]),
        identity: None,
        identity_secret: None,
        sealed_identity: None,
        link_secret: None,
        signing: None,
        recovery_words: None,
        device_id: Some(DeviceId::new("a").unwrap()),
        certificate: None,
        token: None,
        token_expires_at: 0,
        state: AccountState::Ready,
        proxy: None,
        fingerprint: None,
        server_clock_ms: None,
    }
}

/// Stores a message with the number `seq`, or one that waits for its number.
fn say(tx: &Tx<'_>, chat: ChatId, from: &str, n: u8, seq: Option<u64>) -> Result<Option<i64>, StoreError> {
    let place = seq.map_or(Place::Queued, |seq| Place::Numbered { group: GROUP, seq: Seq(seq) });
    let direction = if seq.is_some() { Direction::Incoming } else { Direction::Outgoing };
    let new = NewMessage {
        chat,
        place,
        message_id: id(n),
        sender_id: &user(from),
        sender_device: &DeviceId::new("d").unwrap(),
        sent_at: n.into(),
        received_at: n.into(),
        expires_at: None,
        kind: Kind(0),
        content: &[n],
    };
    messages::insert(tx, &new, direction)
}

fn order(tx: &Tx<'_>, chat: ChatId) -> Result<Vec<u8>, StoreError> {
    let all = messages::newest(tx, chat, 100)?;
    Ok(all.iter().map(|message| message.message_id.as_bytes()[0]).collect())
}

#[tokio::test]
async fn the_servers_numbers_decide_the_order_and_what_waits_comes_last() {
    let orders = story(|tx, chat| {
        say(tx, chat, "bob", 1, Some(5))?;
        let own = say(tx, chat, "alice", 2, None)?.unwrap();
        say(tx, chat, "bob", 3, Some(9))?;
        say(tx, chat, "bob", 4, Some(7))?;
        let before = order(tx, chat)?;
        messages::set_sent(tx, own, Place::Numbered { group: GROUP, seq: Seq(8) })?;
        Ok((before, order(tx, chat)?))
    })
    .await;
    assert_eq!(orders, (vec![1, 4, 3, 2], vec![1, 4, 2, 3]));
}

#[tokio::test]
async fn a_message_that_fails_stays_where_the_conversation_was() {
    let (order, state) = story(|tx, chat| {
        say(tx, chat, "bob", 1, Some(1))?;
        let own = say(tx, chat, "alice", 2, None)?.unwrap();
        messages::set_failed(tx, own, "message_too_large")?;
        say(tx, chat, "bob", 3, Some(2))?;
        Ok((order(tx, chat)?, messages::load(tx, own)?.unwrap().state))
    })
    .await;
    assert_eq!(order, [1, 2, 3]);
    assert_eq!(state, MessageState::Failed("message_too_large".into()));
}

/// A server that was restored gives numbers out again; what is said then was said later.
#[tokio::test]
async fn numbers_that_begin_again_are_behind_what_was_said_before() {
    let order = story(|tx, chat| {
        for (n, seq) in [(1, 5), (2, 6)] {
            say(tx, chat, "bob", n, Some(seq))?;
            gaps::note(tx, &GROUP, Seq(seq))?;
        }
        groups::note_seen(tx, &GROUP)?;
        gaps::restart(tx, &GROUP, Seq(3))?;
        say(tx, chat, "bob", 3, Some(4))?;
        order(tx, chat)
    })
    .await;
    assert_eq!(order, [1, 2, 3]);
}

#[tokio::test]
async fn pages_meet_without_overlap() {
    let (before, after) = story(|tx, chat| {
        for n in 1..=9 {
            say(tx, chat, "bob", n, Some(n.into()))?;
        }
        let middle = messages::find(tx, &id(5))?.remove(0).cursor();
        let ids = |page: Vec<messages::Message>| page.iter().map(|m| m.message_id.as_bytes()[0]).collect::<Vec<_>>();
        let before = ids(messages::before(tx, chat, middle, 2)?);
        Ok((before, ids(messages::after(tx, chat, Cursor(middle.0, middle.1), 2)?)))
    })
    .await;
    assert_eq!((before, after), (vec![3, 4], vec![6, 7]));
}

#[tokio::test]
async fn a_message_is_one_for_each_device_that_sent_it() {
    let stored = story(|tx, chat| {
        let first = say(tx, chat, "bob", 1, Some(1))?.is_some();
        let again = say(tx, chat, "bob", 1, Some(2))?.is_some();
        // Somebody else who chooses the same id does not stand in his way.
        let other = say(tx, chat, "mallory", 1, Some(3))?.is_some();
        Ok([first, again, other])
    })
    .await;
    assert_eq!(stored, [true, false, true]);
}

#[tokio::test]
async fn the_list_of_chats_is_in_step() {
    story(|tx, chat| {
        let entry = |tx: &Tx<'_>| chats::summary(tx, chat).unwrap().unwrap();
        say(tx, chat, "bob", 1, Some(1))?;
        let second = say(tx, chat, "bob", 2, Some(2))?;
        let own = say(tx, chat, "alice", 3, None)?;
        assert_eq!((entry(tx).messages, entry(tx).unread, entry(tx).last_message), (3, 2, own));
        // From another device of one's own.
        say(tx, chat, "alice", 4, Some(3))?;
        assert_eq!(entry(tx).unread, 2);

        assert!(chats::set_read_to(tx, chat, Position::numbered(1, Seq(1)))?);
        assert_eq!(entry(tx).unread, 1);
        assert!(!chats::set_read_to(tx, chat, Position::START)?, "reading does not go back");

        messages::forget(tx, own.unwrap())?;
        messages::forget(tx, second.unwrap())?;
        assert_eq!((entry(tx).messages, entry(tx).unread), (2, 0));
        assert_eq!(order(tx, chat)?, [1, 4]);
        assert!(say(tx, chat, "bob", 2, Some(2))?.is_none(), "a repetition does not bring it back");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_expires_goes() {
    let (left, next) = story(|tx, chat| {
        for (n, expires_at) in [(1, Some(10)), (2, None), (3, Some(30))] {
            let new = NewMessage {
                chat,
                place: Place::Here,
                message_id: id(n),
                sender_id: &user("bob"),
                sender_device: &DeviceId::new("d").unwrap(),
                sent_at: 0,
                received_at: 0,
                expires_at,
                kind: Kind(0),
                content: &[n],
            };
            messages::insert(tx, &new, Direction::Incoming)?;
        }
        messages::expire(tx, 10)?;
        Ok((order(tx, chat)?, messages::first_expiry(tx)?))
    })
    .await;
    assert_eq!((left, next), (vec![2, 3], Some(30)));
}

/// Somebody who sends very many must not keep everybody from writing when their time is over.
#[tokio::test]
async fn very_many_expire_in_several_goes() {
    let counts = story(|tx, chat| {
        for n in 0..600_u32 {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&n.to_be_bytes());
            let new = NewMessage {
                chat,
                place: Place::Numbered { group: GROUP, seq: Seq(n.into()) },
                message_id: MessageId::from_bytes(bytes),
                sender_id: &user("bob"),
                sender_device: &DeviceId::new("d").unwrap(),
                sent_at: 0,
                received_at: 0,
                expires_at: Some(10),
                kind: Kind(0),
                content: &[1],
            };
            messages::insert(tx, &new, Direction::Incoming)?;
        }
        let mut counts = Vec::new();
        while messages::first_expiry(tx)?.is_some() {
            messages::expire(tx, 10)?;
            let entry = chats::summary(tx, chat)?.unwrap();
            counts.push((entry.messages, entry.unread));
        }
        Ok(counts)
    })
    .await;
    assert_eq!(counts, [(344, 344), (88, 88), (0, 0)]);
}

fn react(tx: &Tx<'_>, chat: ChatId, from: &str, key: &str, seq: u64, content: u8) -> Result<bool, StoreError> {
    let new = NewRelation {
        chat,
        target: &Target { author: user("bob"), message_id: id(1) },
        kind: 3,
        sender_id: &user(from),
        key,
        place: Place::Numbered { group: GROUP, seq: Seq(seq) },
        message_id: id(content),
        sent_at: 0,
        content: &[content],
    };
    relations::put(tx, &new)
}

/// Whatever order they are heard in: the newest by the server's number counts.
#[tokio::test]
async fn of_two_of_a_kind_the_newest_counts() {
    let orders = [[3, 5, 4], [5, 4, 3], [4, 3, 5]];
    for seqs in orders {
        let left = story(move |tx, chat| {
            for seq in seqs {
                react(tx, chat, "alice", "👍", seq, seq.try_into().unwrap())?;
            }
            react(tx, chat, "carol", "👍", 1, 99)?;
            let all = relations::of(tx, chat, &user("bob"), &id(1))?;
            Ok(all.into_iter().map(|relation| relation.content[0]).collect::<Vec<_>>())
        })
        .await;
        assert_eq!(left, [99, 5], "heard in the order {seqs:?}");
    }
}

#[tokio::test]
async fn nobody_fills_the_disk_with_reactions() {
    let kept = story(|tx, chat| {
        for n in 0..100_u8 {
            react(tx, chat, "mallory", &format!("{n}"), n.into(), n)?;
        }
        assert!(react(tx, chat, "mallory", "7", 200, 7)?, "what is there can still be changed");
        Ok(relations::of(tx, chat, &user("bob"), &id(1))?.len())
    })
    .await;
    assert_eq!(kept, 20);
}

/// What is about messages that have never been here is seen by nobody, and bounded by number and by size; what is about
/// one that comes after all is there, and takes no room from the rest.
#[tokio::test]
async fn nobody_fills_the_disk_with_what_is_about_nothing() {
    let (many, large, late) = story(|tx, chat| {
        let about = |n: u32| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_be_bytes());
            Target { author: user("bob"), message_id: MessageId::from_bytes(id) }
        };
        let put = |from: &str, n: u32, content: &[u8]| {
            let place = Place::Numbered { group: GROUP, seq: Seq(u64::from(n) + 1) };
            let (target, sender_id, message_id) = (&about(n), &user(from), about(n).message_id);
            let new = NewRelation { chat, target, kind: 3, sender_id, key: "", place, message_id, sent_at: 0, content };
            relations::put(tx, &new)
        };
        let kept = |n: u32| Ok::<_, StoreError>(relations::of(tx, chat, &user("bob"), &about(n).message_id)?.len());
        put("carol", 0, b"of somebody else")?;
        for n in 0..3_000 {
            put("mallory", n, b"x")?;
        }
        let many = (0..3_000).map(kept).sum::<Result<usize, _>>()?;
        let late = (kept(0)?, kept(1_999)?, kept(2_000)?, kept(2_999)?);
        for n in 3_000..3_040 {
            put("mallory", n, &vec![1; 100_000])?;
        }
        let large = (0..3_040).map(kept).sum::<Result<usize, _>>()?;
        Ok((many, large, late))
    })
    .await;
    assert_eq!((many, large), (1_001, 11));
    assert_eq!(late, (1, 0, 1, 1), "carol's, and the newest of mallory's");

    let kept = story(|tx, chat| {
        react(tx, chat, "mallory", "early", 1, 7)?;
        say(tx, chat, "bob", 1, Some(2))?;
        for n in 0..1_100_u32 {
            let mut other = [1; 16];
            other[..4].copy_from_slice(&n.to_be_bytes());
            let target = Target { author: user("bob"), message_id: MessageId::from_bytes(other) };
            let (sender_id, message_id) = (&user("mallory"), target.message_id);
            let place = Place::Numbered { group: GROUP, seq: Seq(u64::from(n) + 3) };
            let new = NewRelation {
                chat,
                target: &target,
                kind: 3,
                sender_id,
                key: "",
                place,
                message_id,
                sent_at: 0,
                content: b"x",
            };
            relations::put(tx, &new)?;
        }
        Ok(relations::of(tx, chat, &user("bob"), &id(1))?.len())
    })
    .await;
    assert_eq!(kept, 1, "its message has come");
}

#[tokio::test]
async fn the_first_receipt_of_each_person_counts() {
    let all = story(|tx, chat| {
        let own = say(tx, chat, "alice", 1, None)?.unwrap();
        let note = |who: &str, read, at| receipts::note(tx, chat, &user("alice"), &[id(1)], &user(who), read, at);
        assert!(note("bob", false, 10)?);
        assert!(!note("bob", false, 20)?);
        assert!(note("bob", true, 30)?);
        assert!(note("carol", true, 40)?);
        // Nobody can say something about what somebody else wrote.
        assert!(!receipts::note(tx, chat, &user("bob"), &[id(1)], &user("carol"), true, 50)?);
        receipts::of(tx, own)
    })
    .await;
    let seen: Vec<_> = all.iter().map(|r| (r.user_id.as_str(), r.delivered_at, r.read_at)).collect();
    assert_eq!(seen, [("bob", 10, Some(30)), ("carol", 40, Some(40))]);
}

/// A contact's device, or many of them, or many contacts, fill no more than their share; the user's own devices have one apart.
#[tokio::test]
async fn whoever_is_not_listed_takes_no_room_of_others() {
    let story = story(|tx, chat| {
        let mut number = 0_u64;
        let mut fill = |name: &str, device: &str, count: usize| {
            let (name, device) = (user(name), DeviceId::new(device).unwrap());
            let speaker = held::Speaker { user: &name, identity: &[1; 32], device: &device, device_key: &[2; 32] };
            let mut kept = 0;
            for _ in 0..count {
                number += 1;
                let mut bytes = [0; 16];
                bytes[..8].copy_from_slice(&number.to_be_bytes());
                let id = MessageId::from_bytes(bytes);
                kept += usize::from(held::hold(tx, chat, &speaker, Place::Here, id, b"said").unwrap());
            }
            kept
        };
        let of_bob = (fill("bob", "b1", 100), fill("bob", "b2", 100));
        let of_others: usize = (0..20).map(|n| fill(&format!("user{n}"), "d", 100)).sum();
        let of_own: usize = (0..20).map(|n| fill("alice", &format!("d{n}"), 100)).sum();
        Ok((of_bob, of_others, of_own))
    });
    assert_eq!(story.await, ((64, 0), 512 - 64, 512));
}
