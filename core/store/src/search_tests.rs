//! What is noted, found, and gone for good.

use privmsg_protocol::{DeviceId, MessageId, UserId};
use rusqlite::types::ValueRef;

use super::{Wanted, due, each, is_any_due, set_words};
use crate::chats::{self, ChatId, ChatKind};
use crate::key::DatabaseKey;
use crate::messages::{self, Direction, Kind, NewMessage};
use crate::position::{Place, Position};
use crate::relations::{self, NewRelation, Target};
use crate::{Snapshot, Store, StoreError, Tx};

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// Runs a story in one transaction of an empty profile, with a chat with bob.
async fn story<T: Send + 'static>(work: impl FnOnce(&Tx<'_>, ChatId) -> Result<T, StoreError> + Send + 'static) -> T {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let with_bob = move |tx: &Tx<'_>| {
        let chat = chats::ensure(tx, &ChatKind::Direct { peer: user("bob") }, 1)?;
        work(tx, chat)
    };
    store.write(with_bob).await.unwrap()
}

/// Stores a message and writes its words down. Returns its row.
fn said(tx: &Tx<'_>, chat: ChatId, n: u8, words: &str) -> Result<i64, StoreError> {
    let row = kept(tx, chat, n, Kind(0))?;
    set_words(tx, row, Some(words))?;
    Ok(row)
}

fn kept(tx: &Tx<'_>, chat: ChatId, n: u8, kind: Kind) -> Result<i64, StoreError> {
    let new = NewMessage {
        chat,
        place: Place::At(Position(n.into())),
        message_id: MessageId::from_bytes([n; 16]),
        sender_id: &user("bob"),
        sender_device: &DeviceId::new("d").unwrap(),
        sent_at: i64::from(n) * 1000,
        received_at: 1,
        expires_at: (n == 99).then_some(1),
        kind,
        content: &[n],
    };
    Ok(messages::insert(tx, &new, Direction::Incoming)?.unwrap())
}

/// Says something about the message `n` of bob's, or of whoever is named.
fn about(tx: &Tx<'_>, chat: ChatId, author: &str, n: u8, by: &str) -> Result<(), StoreError> {
    let target = Target { author: user(author), message_id: MessageId::from_bytes([n; 16]) };
    let new = NewRelation {
        chat,
        target: &target,
        kind: 4,
        sender_id: &user(by),
        key: "",
        place: Place::At(Position(100)),
        message_id: MessageId::from_bytes([200; 16]),
        sent_at: 1,
        content: &[1],
    };
    relations::put(tx, &new).map(drop)
}

fn found_by(at: &Snapshot<'_>, wanted: &Wanted<'_>) -> Result<Vec<i64>, StoreError> {
    let mut rows = Vec::new();
    each(at, wanted, |row, _| {
        rows.push(row);
        Ok(true)
    })?;
    Ok(rows)
}

fn found(at: &Snapshot<'_>, beginnings: &[&str]) -> Result<Vec<i64>, StoreError> {
    let beginnings: Vec<String> = beginnings.iter().map(|&beginning| beginning.to_owned()).collect();
    found_by(at, &Wanted { beginnings: &beginnings, ..Wanted::default() })
}

/// Whether something stands anywhere in the tables of the index, in whatever form.
fn is_in_the_tables(at: &Snapshot<'_>, text: &str) -> Result<bool, StoreError> {
    for table in ["data", "idx", "content", "config"] {
        let mut query = at.sql().prepare(&format!("SELECT * FROM message_words_{table}"))?;
        let columns = query.column_count();
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(column)?
                    && bytes.windows(text.len()).any(|window| window == text.as_bytes())
                {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

#[tokio::test]
async fn all_beginnings_must_be_there_and_the_newest_comes_first() {
    story(|tx, chat| {
        let (first, second) = (said(tx, chat, 1, "привет мир")?, said(tx, chat, 2, "привет война")?);
        assert_eq!(found(tx, &["прив"])?, [second, first]);
        assert_eq!(found(tx, &["прив", "мир"])?, [first]);
        assert_eq!(found(tx, &["ривет"])?, <[i64; 0]>::default());
        assert_eq!(found(tx, &[])?, <[i64; 0]>::default());
        assert_eq!(found(tx, &[""])?, <[i64; 0]>::default());
        let beginnings = ["прив".to_owned()];
        let all = Wanted { beginnings: &beginnings, ..Wanted::default() };
        assert_eq!(found_by(tx, &Wanted { before: Some(second), ..all })?, [first]);
        assert_eq!(found_by(tx, &Wanted { chat: Some(ChatId(chat.0 + 1)), ..all })?, <[i64; 0]>::default());
        assert_eq!(found_by(tx, &Wanted { chat: Some(chat), sender: Some(&user("bob")), ..all })?, [second, first]);
        assert_eq!(found_by(tx, &Wanted { sender: Some(&user("carol")), ..all })?, <[i64; 0]>::default());
        assert_eq!(found_by(tx, &Wanted { from_ms: Some(2000), ..all })?, [second]);
        assert_eq!(found_by(tx, &Wanted { until_ms: Some(2000), ..all })?, [first]);
        Ok(())
    })
    .await;
}

/// Whatever somebody types is a word and nothing else.
#[tokio::test]
async fn nothing_that_is_looked_for_is_an_operator() {
    story(|tx, chat| {
        let row = said(tx, chat, 1, "and or not near words")?;
        for hostile in
            ["\"", "\"\"", "*", "\0", "a\0b", "words:and", "^and", "(", ")", "{", "+", "-", "' OR 1=1 --", "\u{0}\""]
        {
            assert_eq!(found(tx, &[hostile, "nothing"])?, <[i64; 0]>::default(), "{hostile:?}");
            found(tx, &[hostile])?;
        }
        assert_eq!(found(tx, &["and", "or", "not", "near"])?, [row]);
        assert_eq!(found(tx, &["and\" OR \"x"])?, <[i64; 0]>::default());
        assert_eq!(found(tx, &["and\" OR \"not"])?, [row], "three words, all of which are there");
        found(tx, &[&"x".repeat(100_000)])?;
        let many: Vec<String> = (0..2_000).map(|n| n.to_string()).collect();
        found_by(tx, &Wanted { beginnings: &many, ..Wanted::default() })?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_may_be_found_by_other_words_is_due() {
    story(|tx, chat| {
        let row = kept(tx, chat, 1, Kind(0))?;
        let unlisted = kept(tx, chat, 2, Kind::UNLISTED)?;
        for (n, notice) in [Kind::IDENTITY_CHANGED, Kind::GROUP_CHANGED, Kind::DEVICE_ADDED].into_iter().enumerate() {
            kept(tx, chat, 10 + u8::try_from(n).unwrap(), notice)?;
        }
        assert_eq!(due(tx, 10)?, [row, unlisted]);
        assert_eq!(due(tx, 1)?, [row]);
        set_words(tx, row, Some("one"))?;
        set_words(tx, unlisted, None)?;
        assert!(!is_any_due(tx)?);

        about(tx, chat, "bob", 1, "bob")?;
        assert_eq!(due(tx, 10)?, [row]);
        set_words(tx, row, Some("other"))?;
        assert_eq!((found(tx, &["one"])?, found(tx, &["other"])?), (vec![], vec![row]));
        about(tx, chat, "bob", 1, "bob")?;
        assert_eq!(due(tx, 10)?, [row], "said anew");
        set_words(tx, row, Some("other"))?;
        about(tx, chat, "carol", 1, "bob")?;
        assert!(!is_any_due(tx)?, "there is no such message of hers");
        messages::set_content(tx, row, &[7])?;
        assert_eq!(due(tx, 10)?, [row]);
        set_words(tx, row, None)?;
        assert_eq!(found(tx, &["other"])?, <[i64; 0]>::default());
        let target = Target { author: user("bob"), message_id: MessageId::from_bytes([1; 16]) };
        relations::clear(tx, chat, &target, 0)?;
        assert_eq!(due(tx, 10)?, [row], "it is said no more");
        Ok(())
    })
    .await;
}

/// In the transaction in which it is deleted.
#[tokio::test]
async fn what_is_deleted_is_out_of_the_index_at_once() {
    let (_dir, store, chat) = notes().await;
    let (gone, kept) = store
        .write(move |tx| {
            let gone = [said(tx, chat, 1, "xylophone")?, said(tx, chat, 2, "quartz")?, said(tx, chat, 99, "zebra")?];
            about(tx, chat, "bob", 1, "bob")?;
            Ok::<_, StoreError>((gone, said(tx, chat, 4, "words")?))
        })
        .await
        .unwrap();
    store.write(move |tx| messages::delete(tx, gone[0], 5)).await.unwrap();
    store.write(move |tx| messages::forget(tx, gone[1])).await.unwrap();
    store.write(move |tx| messages::expire(tx, 5)).await.unwrap();
    let look = move |at: &Snapshot<'_>| {
        for word in ["xylophone", "quartz", "zebra"] {
            assert_eq!(found(at, &[word])?, <[i64; 0]>::default());
            assert!(!is_in_the_tables(at, &word[1..])?, "{word}");
        }
        assert_eq!(found(at, &["words"])?, [kept]);
        assert!(is_in_the_tables(at, "words")?);
        assert!(!is_any_due(at)?);
        Ok::<_, StoreError>(())
    };
    store.read(look).await.unwrap();
    store.write(move |tx| about(tx, chat, "bob", 1, "bob")).await.unwrap();
    assert!(!store.read(is_any_due).await.unwrap(), "nothing can be found of it again");
}

/// Who deletes many long messages holds up nobody: what is left of the work is due.
#[tokio::test]
async fn a_long_message_is_not_found_at_once_and_taken_out_when_it_is_due() {
    let (_dir, store, chat) = notes().await;
    let long: Vec<_> = (0..1_000).map(|n| format!("{n}zanzibar")).collect();
    let row = store.write(move |tx| said(tx, chat, 1, &long.join(" "))).await.unwrap();
    store.write(move |tx| messages::delete(tx, row, 5)).await.unwrap();
    let deleted = move |at: &Snapshot<'_>| {
        assert_eq!(found(at, &["1zanzibar"])?, <[i64; 0]>::default());
        assert_eq!(due(at, 10)?, [row]);
        Ok::<_, StoreError>(())
    };
    store.read(deleted).await.unwrap();
    assert!(store.write(move |tx| set_words(tx, row, None)).await.unwrap() > 2_000);
    let taken_out = |at: &Snapshot<'_>| {
        assert!(!is_in_the_tables(at, "zanzibar")?);
        assert!(!is_any_due(at)?);
        Ok::<_, StoreError>(())
    };
    store.read(taken_out).await.unwrap();
}

/// An empty profile, with a chat.
async fn notes() -> (tempfile::TempDir, Store, ChatId) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let chat = store.write(|tx| chats::ensure(tx, &ChatKind::SelfNotes, 1)).await.unwrap();
    (dir, store, chat)
}

/// Also from pages that were written long before, and that hold much else.
#[tokio::test]
async fn no_page_of_the_index_keeps_a_word_that_is_gone() {
    let (_dir, store, chat) = notes().await;
    let mut secret = Vec::new();
    for batch in 0..30u32 {
        let rows = store.write(move |tx| {
            let mut secret = Vec::new();
            for n in 0..100u32 {
                let row = insert(tx, chat, batch * 100 + n)?;
                let is_secret = n % 10 == 3;
                let filler: Vec<_> = (0..8).map(|k| format!("w{:x}", (batch * 100 + n) * 7919 % 65_521 + k)).collect();
                let own = if is_secret { format!("{}secret", batch * 100 + n) } else { "open".to_owned() };
                set_words(tx, row, Some(&format!("{own} {}", filler.join(" "))))?;
                secret.extend(is_secret.then_some(row));
            }
            Ok::<_, StoreError>(secret)
        });
        secret.extend(rows.await.unwrap());
    }
    assert!(store.read(|at| is_in_the_tables(at, "secret")).await.unwrap());
    for row in secret {
        store.write(move |tx| messages::forget(tx, row)).await.unwrap();
    }
    store
        .read(|at| {
            assert!(!is_in_the_tables(at, "secret")?);
            assert_eq!(found(at, &["open"])?.len(), 2_700);
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    let check = |tx: &Tx<'_>| {
        tx.sql().execute("INSERT INTO message_words (message_words) VALUES ('integrity-check')", [])?;
        Ok::<_, StoreError>(())
    };
    store.write(check).await.unwrap();
}

fn insert(tx: &Tx<'_>, chat: ChatId, n: u32) -> Result<i64, StoreError> {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    let new = NewMessage {
        chat,
        place: Place::At(Position(n.into())),
        message_id: MessageId::from_bytes(id),
        sender_id: &user("bob"),
        sender_device: &DeviceId::new("d").unwrap(),
        sent_at: 1,
        received_at: 1,
        expires_at: None,
        kind: Kind(0),
        content: &[1],
    };
    Ok(messages::insert(tx, &new, Direction::Incoming)?.unwrap())
}
