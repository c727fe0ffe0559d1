//! What strangers send is kept within bounds.

use std::time::Duration;

use privmsg_protocol::{Epoch, GroupId, MessageId, Seq};

use super::holds::{self, Reason, Scope};
use super::welcomes::{self, Welcome};
use super::{outbox, parked};
use crate::key::DatabaseKey;
use crate::{Store, StoreError, chats, groups};

fn group(n: u32) -> GroupId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    GroupId::from_bytes(bytes)
}

#[tokio::test]
async fn invitations_are_bounded_in_number_and_in_size() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let (small, large) = store
        .write(|tx| {
            let put = |n, size| {
                welcomes::put(
                    tx,
                    &Welcome {
                        group: group(n),
                        epoch: Epoch(1),
                        seq: None,
                        message_id: MessageId::from_bytes([0; 16]),
                        welcome: vec![0; size],
                    },
                )
            };
            let mut small = 0;
            for n in 0..1_100 {
                small += u32::from(put(n, 10)?);
            }
            for n in 0..1_100 {
                welcomes::remove(tx, &group(n))?;
            }
            let mut large = 0;
            for n in 0..10 {
                large += u32::from(put(n, 16 << 20)?);
            }
            Ok::<_, StoreError>((small, large))
        })
        .await
        .unwrap();
    assert_eq!((small, large), (1_000, 4));
}

/// Two devices of one user may say the same again: one of the two kept for both, the number of the other one was a hole for good.
#[tokio::test]
async fn what_two_devices_say_under_one_id_is_parked_twice() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let parked = store.write(|tx| {
        let (group, id) = (GroupId::from_bytes([1; 16]), MessageId::from_bytes([1; 16]));
        for (seq, frame) in [(16, "one"), (17, "other"), (17, "other")] {
            parked::insert(tx, &group, (&id, Some(Seq(seq))), Epoch(1), frame)?;
        }
        parked::of_group(tx, &group)
    });
    let frames: Vec<_> = parked.await.unwrap().into_iter().map(|parked| parked.frame).collect();
    assert_eq!(frames, ["one", "other"]);
}

#[tokio::test]
async fn what_comes_too_early_is_bounded_for_each_group() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let (one, again) = store
        .write(|tx| {
            let park = |n, message: u32| {
                let mut id = [0; 16];
                id[..4].copy_from_slice(&message.to_be_bytes());
                parked::insert(tx, &group(n), (&MessageId::from_bytes(id), None), Epoch(1), "frame")
            };
            let mut one = 0;
            for n in 0..33_000 {
                one += u32::from(park(1, n)?);
            }
            assert!(park(2, 0)?);
            // What is read or given up makes room.
            parked::remove(tx, parked::of_group(tx, &group(1))?[7].id)?;
            assert!(park(1, 40_000)? && !park(1, 40_001)?);
            parked::clear(tx, &group(1))?;
            let mut again = 0;
            for n in 0..33_000 {
                again += u32::from(park(1, n)?);
            }
            Ok::<_, StoreError>((one, again))
        })
        .await
        .unwrap();
    assert_eq!((one, again), (32_768, 32_768));
}

/// One talker fills what there is room for in one group, and those of another are not lost for it.
#[tokio::test]
async fn what_comes_too_early_in_one_group_leaves_room_for_the_others() {
    const MIB: usize = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let parked = store.write(|tx| {
        let frame = "x".repeat(MIB);
        let fill = |n| {
            let mut count = 0;
            while parked::insert(tx, &group(n), (&MessageId::from_bytes([count; 16]), None), Epoch(1), &frame)? {
                count += 1;
            }
            Ok::<_, StoreError>(count)
        };
        let first = [fill(1)?, fill(2)?, fill(3)?, fill(1)?];
        let late =
            parked::insert(tx, &group(4), (&MessageId::from_bytes([9; 16]), None), Epoch(1), &frame[..64 * 1024])?;
        parked::clear(tx, &group(1))?;
        Ok::<_, StoreError>((first, late, fill(5)?))
    });
    assert_eq!(parked.await.unwrap(), ([32, 16, 8, 0], true, 19));
}

/// What a thing waits for is of no interest once the thing is gone.
#[tokio::test]
async fn holds_go_with_what_they_are_about() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let counts = store.write(|tx| {
        let chat = chats::ensure(tx, &chats::ChatKind::SelfNotes, 0)?;
        let other = chats::ensure(tx, &chats::ChatKind::Direct { peer: "bob".parse().unwrap() }, 0)?;
        groups::insert(tx, &group(1), chat, &[], groups::GroupState::Active, 0)?;
        for scope in [Scope::Chat(chat), Scope::Chat(other), Scope::Group(group(1)), Scope::Group(group(2))] {
            holds::put(tx, &outbox::TASK, scope, &Reason::Network, 0, |_| Duration::from_secs(1))?;
        }
        let ids = [MessageId::from_bytes([1; 16]), MessageId::from_bytes([2; 16])];
        for id in &ids {
            outbox::insert(tx, chat, id, b"content", None, outbox::Readers::Anybody)?;
        }
        let mut counts = Vec::new();
        for id in &ids {
            outbox::remove(tx, id)?;
            counts.push(holds::all(tx)?.len());
        }
        groups::remove(tx, &group(1))?;
        counts.push(holds::all(tx)?.len());
        Ok::<_, StoreError>(counts)
    });
    assert_eq!(counts.await.unwrap(), [4, 3, 2]);
}
