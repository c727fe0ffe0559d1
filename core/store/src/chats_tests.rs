use privmsg_protocol::{DeviceId, MessageId};

use super::*;
use crate::Store;
use crate::key::DatabaseKey;
use crate::messages::{self, Direction, Kind, NewMessage};
use crate::position::Place;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// Something is said in a chat.
fn say(tx: &Tx<'_>, chat: ChatId, n: u8, direction: Direction) -> Result<(), StoreError> {
    let new = NewMessage {
        chat,
        place: Place::At(Position(n.into())),
        message_id: MessageId::from_bytes([n; 16]),
        sender_id: &user("bob"),
        sender_device: &DeviceId::new("d").unwrap(),
        sent_at: 1,
        received_at: i64::from(n),
        expires_at: None,
        kind: Kind(0),
        content: &[n],
    };
    messages::insert(tx, &new, direction).map(drop)
}

fn archived(tx: &Tx<'_>, chat: ChatId) -> Result<bool, StoreError> {
    Ok(summary(tx, chat)?.unwrap().marks.archived)
}

#[tokio::test]
async fn what_is_archived_comes_back_with_the_next_message_unless_it_is_muted() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let checked = store.write(|tx| {
        let chat = ensure(tx, &ChatKind::Direct { peer: user("bob") }, 0)?;
        set_mark(tx, chat, Mark::Archived, true)?;
        assert!(archived(tx, chat)?);
        say(tx, chat, 1, Direction::Incoming)?;
        assert!(!archived(tx, chat)?, "something was said");
        set_mark(tx, chat, Mark::Muted, true)?;
        set_mark(tx, chat, Mark::Archived, true)?;
        say(tx, chat, 2, Direction::Incoming)?;
        assert!(archived(tx, chat)?, "nobody wants to hear of it");
        say(tx, chat, 3, Direction::Outgoing)?;
        assert!(!archived(tx, chat)?, "the user is there again");
        Ok::<_, StoreError>(())
    });
    checked.await.unwrap();
}

#[tokio::test]
async fn what_is_pinned_stands_above_what_is_newer() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let checked = store.write(|tx| {
        let chats = ["bob", "carol", "dave"].map(|peer| ChatKind::Direct { peer: user(peer) });
        let [bob, carol, dave] = chats.map(|kind| ensure(tx, &kind, 0));
        let (bob, carol, dave) = (bob?, carol?, dave?);
        for (n, chat) in (1..).zip([bob, carol, dave]) {
            say(tx, chat, n, Direction::Incoming)?;
        }
        let order = |tx: &Tx<'_>| Ok::<_, StoreError>(list(tx)?.into_iter().map(|it| it.chat.id).collect::<Vec<_>>());
        set_mark(tx, bob, Mark::Pinned, true)?;
        assert_eq!(order(tx)?, [bob, dave, carol]);
        set_mark(tx, carol, Mark::Pinned, true)?;
        assert_eq!(order(tx)?, [carol, bob, dave]);
        set_mark(tx, carol, Mark::Archived, true)?;
        assert_eq!(order(tx)?, [bob, dave, carol], "what is out of sight is not above");
        set_mark(tx, carol, Mark::Pinned, true)?;
        let marks = summary(tx, carol)?.unwrap().marks;
        assert_eq!(marks, Marks { pinned: true, muted: false, archived: false }, "nor the other way round");
        Ok::<_, StoreError>(())
    });
    checked.await.unwrap();
}
