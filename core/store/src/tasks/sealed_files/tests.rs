use privmsg_protocol::{DeviceId, ErrorCode, MessageId, UserId};

use super::*;
use crate::Store;
use crate::chats::{self, ChatKind};
use crate::downloads::DownloadState;
use crate::key::DatabaseKey;
use crate::messages::{self, Direction, Kind, NewMessage};
use crate::position::Place;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// Runs a story in one transaction of a profile with three messages.
async fn story<T: Send + 'static>(work: impl FnOnce(&Tx<'_>, [i64; 3]) -> Result<T, StoreError> + Send + 'static) -> T {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let (bob, device) = (UserId::new("bob").unwrap(), DeviceId::new("b").unwrap());
    let work = store.write(move |tx| {
        let chat = chats::ensure(tx, &ChatKind::Direct { peer: bob.clone() }, 1)?;
        let mut rows = [0; 3];
        for (n, row) in (1..).zip(&mut rows) {
            let message = NewMessage {
                chat,
                place: Place::Here,
                message_id: MessageId::from_bytes([n; 16]),
                sender_id: &bob,
                sender_device: &device,
                sent_at: 1,
                received_at: 1,
                expires_at: None,
                kind: Kind(1),
                content: b"files",
            };
            *row = messages::insert(tx, &message, Direction::Incoming)?.unwrap();
        }
        work(tx, rows)
    });
    work.await.unwrap()
}

/// Asks for a file of a message, and has it.
fn has(tx: &Tx<'_>, message: i64, name: &str, len: u64, now_ms: i64) -> Result<i64, StoreError> {
    let download = downloads::want(tx, message, 0, name, len, now_ms)?;
    downloads::set_state(tx, download.id, &DownloadState::Here, now_ms)?;
    Ok(download.id)
}

#[tokio::test]
async fn a_file_that_is_being_made_is_no_leftover_for_a_day() {
    story(|tx, [message, ..]| {
        insert(tx, "made", DAY)?;
        assert!(unneeded(tx, DAY, 9)?.is_empty() && unneeded(tx, 2 * DAY, 9)?.is_empty());
        assert_eq!(unneeded(tx, 2 * DAY + 1, 9)?, ["made"]);
        assert_eq!(unneeded(tx, -DAY, 9)?, ["made"], "the clock was ahead when it was begun");
        remove(tx, "made")?;
        assert!(unneeded(tx, 9 * DAY, 9)?.is_empty());

        // Once something refers to it, it is needed for as long as that is there, and no longer.
        let id = has(tx, message, "fetched", 10, DAY)?;
        assert!(unneeded(tx, 9 * DAY, 9)?.is_empty());
        downloads::remove(tx, id)?;
        assert_eq!(unneeded(tx, DAY, 9)?, ["fetched"]);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_first() {
    story(|tx, [one, two, three]| {
        for (at, message, name) in [(1, one, "one"), (2, two, "two"), (3, three, "three")] {
            has(tx, message, name, 100, at)?;
        }
        assert_eq!(downloads::kept_bytes(tx)?, 300);
        downloads::want(tx, one, 0, "not used", 100, 4)?;
        trim(tx, 200, 1)?;
        assert!(unneeded(tx, DAY, 9)?.is_empty(), "all were used a moment ago");
        trim(tx, 200, 9)?;
        assert_eq!(unneeded(tx, DAY, 9)?, ["two"]);
        trim(tx, 0, 3)?;
        assert_eq!(unneeded(tx, DAY, 9)?, ["three", "two"]);
        assert_eq!(downloads::of_message(tx, one)?[0].state, DownloadState::Here);
        Ok(())
    })
    .await;
}

/// Who writes a message says how large its files are.
#[tokio::test]
async fn a_size_that_was_only_claimed_takes_no_room() {
    story(|tx, [one, two, three]| {
        has(tx, one, "one", 100, 1)?;
        let waits = downloads::want(tx, two, 0, "two", u64::MAX, 2)?;
        let fails = downloads::want(tx, three, 0, "three", u64::MAX, 3)?;
        let altered = DownloadState::Failed(ErrorCode::from(downloads::ALTERED));
        downloads::set_state(tx, fails.id, &altered, 3)?;
        assert_eq!(downloads::kept_bytes(tx)?, 100);
        trim(tx, 100, 9)?;
        assert!(unneeded(tx, DAY, 9)?.is_empty());
        // Somebody has given up waiting for it, with 7 bytes of it on the disk.
        downloads::stop(tx, two)?;
        downloads::set_have(tx, waits.id, 7)?;
        assert_eq!(downloads::kept_bytes(tx)?, 107);
        trim(tx, 107, 9)?;
        assert!(unneeded(tx, DAY, 9)?.is_empty());
        downloads::want(tx, two, 0, "two", u64::MAX, 4)?;
        assert_eq!(downloads::all_wanted(tx)?, [waits.id]);
        assert_eq!(downloads::of_message(tx, three)?[0].state, altered);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn files_go_with_their_message() {
    story(|tx, [one, two, three]| {
        has(tx, one, "one", 1, 1)?;
        has(tx, two, "two", 1, 1)?;
        has(tx, three, "three", 1, 1)?;
        messages::forget(tx, two)?;
        assert_eq!(unneeded(tx, DAY, 9)?, ["two"]);
        messages::delete(tx, three, 9)?;
        assert_eq!(unneeded(tx, DAY, 9)?, ["three", "two"]);
        Ok(())
    })
    .await;
}
