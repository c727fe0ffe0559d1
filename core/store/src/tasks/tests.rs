//! What strangers send is kept within bounds.

use privmsg_protocol::{Epoch, GroupId, MessageId};

use super::parked;
use super::welcomes::{self, Welcome};
use crate::key::DatabaseKey;
use crate::{Store, StoreError};

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

#[tokio::test]
async fn what_comes_too_early_is_bounded_for_each_group() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let (one, again) = store
        .write(|tx| {
            let park = |n, message: u32| {
                let mut id = [0; 16];
                id[..4].copy_from_slice(&message.to_be_bytes());
                parked::insert(tx, &group(n), &MessageId::from_bytes(id), "frame")
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
