//! What is refused has failed, unless it had arrived before.

use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::Store;
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::key::DatabaseKey;
use privmsg_store::messages::{Direction, Kind, MessageState, NewMessage};
use privmsg_store::position::Place;

use super::*;

#[tokio::test]
async fn what_is_said_again_and_refused_has_not_failed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let (alice, laptop) = (UserId::new("alice").unwrap(), DeviceId::new("laptop").unwrap());
    let story = move |tx: &Tx<'_>| {
        let chat = chats::ensure(tx, &ChatKind::SelfNotes, 0)?;
        let mut ends = Vec::new();
        for (n, is_again) in [(1, false), (2, true)] {
            let id = MessageId::from_bytes([n; 16]);
            let message = NewMessage {
                chat,
                place: Place::Queued,
                message_id: id,
                sender_id: &alice,
                sender_device: &laptop,
                sent_at: 0,
                received_at: 0,
                expires_at: None,
                kind: Kind(1),
                content: b"hello",
            };
            let row = messages::insert(tx, &message, Direction::Outgoing)?.unwrap();
            if is_again {
                messages::set_sent(tx, row, Place::Here)?;
            }
            outbox::insert(tx, chat, &id, b"hello", Some(row), outbox::Readers::Anybody)?;
            let has_failed = fail(tx, &id, "unknown_group")?.is_some();
            let state = messages::load(tx, row)?.unwrap().state;
            ends.push((has_failed, state, outbox::refusal(tx, &id)?.is_some()));
        }
        Ok::<_, StoreError>(ends)
    };
    let ends = store.write(story).await.unwrap();
    let failed = MessageState::Failed("unknown_group".into());
    assert_eq!(ends, [(true, failed, true), (false, MessageState::Sent, false)]);
}
