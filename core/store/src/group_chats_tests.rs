use privmsg_protocol::ConversationId;

use super::*;
use crate::Store;
use crate::chats::{self, ChatKind};
use crate::group_changes::{self, Fate};
use crate::key::DatabaseKey;

fn kind(byte: u8) -> ChatKind {
    ChatKind::Group { conversation: ConversationId::from_bytes([byte; 32]) }
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    (dir, store)
}

#[tokio::test]
async fn each_group_is_one_chat_and_comes_back_as_it_was() {
    let (_dir, store) = store();
    let checked = store.write(|tx| {
        let chat = chats::ensure(tx, &kind(1), 5)?;
        assert_eq!(chats::ensure(tx, &kind(1), 6)?, chat);
        assert_ne!(chats::ensure(tx, &kind(2), 6)?, chat);
        assert_eq!(chats::find(tx, &kind(1))?, Some(chat));
        assert_eq!(chats::load(tx, chat)?.kind, kind(1));
        assert_eq!(load(tx, chat)?, None);

        enter(tx, chat, b"founding", b"view")?;
        set_title(tx, chat, "Choir", Position(3))?;
        assert!(set_gone(tx, chat, Some(Gone::Removed))?);
        assert!(!set_gone(tx, chat, Some(Gone::Unknown))?, "why is known already");
        let known = load(tx, chat)?.unwrap();
        assert_eq!((known.gone, &*known.title), (Some(Gone::Removed), "Choir"));

        enter(tx, chat, b"other founding", b"later view")?;
        let known = load(tx, chat)?.unwrap();
        assert_eq!((known.gone, &*known.founding, &*known.view), (None, &b"founding"[..], &b"later view"[..]));
        assert_eq!(heading(tx, chat)?, Some(Heading { title: "Choir".into(), gone: None }));
        Ok::<_, StoreError>(())
    });
    checked.await.unwrap();
}

#[tokio::test]
async fn the_newest_title_counts_and_one_that_is_told_again_only_where_none_is() {
    let (_dir, store) = store();
    let checked = store.write(|tx| {
        let chat = chats::ensure(tx, &kind(1), 5)?;
        enter(tx, chat, b"f", b"v")?;
        let title = |tx: &Tx<'_>| Ok::<_, StoreError>(load(tx, chat)?.unwrap().title);
        tell_title(tx, chat, "told")?;
        tell_title(tx, chat, "told by another")?;
        assert_eq!(title(tx)?, "told");
        set_title(tx, chat, "second", Position(9))?;
        set_title(tx, chat, "first", Position(4))?;
        tell_title(tx, chat, "told")?;
        assert_eq!(title(tx)?, "second");
        set_title(tx, chat, "", Position(10))?;
        tell_title(tx, chat, "told")?;
        assert_eq!(title(tx)?, "", "taken away is not unknown");
        Ok::<_, StoreError>(())
    });
    checked.await.unwrap();
}

/// A member's devices that came in again and again had whoever gives titles say so each time, and nothing else any more.
#[tokio::test]
async fn whoever_comes_again_and_again_is_told_the_title_a_few_times() {
    let (_dir, store) = store();
    let told = store.write(|tx| {
        let chat = chats::ensure(tx, &kind(1), 5)?;
        let user = |name: &str| UserId::new(name).unwrap();
        let mut told = 0;
        for second in 0..200 {
            told += u32::from(note_title_told(tx, chat, &user("mal"), 1000 * second)?);
        }
        let other = note_title_told(tx, chat, &user("bob"), 200_000)?;
        let later = note_title_told(tx, chat, &user("mal"), TOLD_WITHIN + 200_000)?;
        let clock_set_back = note_title_told(tx, chat, &user("mal"), 5)?;
        Ok::<_, StoreError>((told, other, later, clock_set_back))
    });
    assert_eq!(told.await.unwrap(), (TOLD_TIMES, true, true, true));
}

#[tokio::test]
async fn the_newest_rosters_are_kept() {
    let (_dir, store) = store();
    let checked = store.write(|tx| {
        let chat = chats::ensure(tx, &kind(1), 5)?;
        for number in 1..=20_u8 {
            note_roster(tx, chat, number.into(), &[number; 32], &[number])?;
        }
        let kept: Vec<_> = past_rosters(tx, chat)?.into_iter().flatten().collect();
        assert_eq!(kept, (5..=20).rev().collect::<Vec<_>>());
        assert!(has_counted(tx, chat, &[5; 32])? && !has_counted(tx, chat, &[4; 32])?);
        Ok::<_, StoreError>(())
    });
    checked.await.unwrap();
}

#[tokio::test]
async fn what_is_wanted_waits_until_it_is_done_or_has_failed() {
    let (_dir, store) = store();
    let checked = store.write(|tx| {
        let chat = chats::ensure(tx, &kind(1), 5)?;
        let (first, second) = (group_changes::want(tx, chat, b"1", 0)?, group_changes::want(tx, chat, b"2", 0)?);
        assert_eq!(group_changes::of_chat(tx, chat)?.len(), 2);
        assert_eq!(group_changes::fate(tx, first)?, Fate::Waiting);
        group_changes::done(tx, first)?;
        group_changes::fail(tx, second, "not_allowed")?;
        assert!(!group_changes::any(tx, chat)?);
        assert_eq!(group_changes::fate(tx, first)?, Fate::Done);
        assert_eq!(group_changes::fate(tx, second)?, Fate::Failed("not_allowed".into()));
        Ok::<_, StoreError>(())
    });
    checked.await.unwrap();
}
