//! Until when somebody who is to come waits.

use std::time::Duration;

use privmsg_protocol::{ConversationId, MessageId};
use privmsg_store::Store;
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::holds::Reason;
use privmsg_store::key::DatabaseKey;
use privmsg_store::outbox::Readers;

use super::*;

#[tokio::test]
async fn who_is_to_come_waits_for_what_was_said_before_and_not_for_long() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let looked = store.write(|tx| {
        let chat = chats::ensure(tx, &ChatKind::Group { conversation: ConversationId::from_bytes([1; 32]) }, 1)?;
        let [before, after] = [1, 2].map(|n| MessageId::from_bytes([n; 16]));
        let says = |id: &MessageId| outbox::insert(tx, chat, id, b"content", None, Readers::Anybody);
        let add = GroupChange::Add { user_id: UserId::new("carol").unwrap(), identity: "key".to_owned() };
        says(&before)?;
        add.want(tx, chat, 1_000)?;
        says(&after)?;
        assert_eq!(waits_until(tx, chat, 1_000)?, Some(21_000));
        assert_eq!(waits_until(tx, chat, 21_001)?, None, "that is long enough");
        assert_eq!(waits_until(tx, chat, 500)?, None, "the clock was set back");
        assert!(brings_only(tx, chat)?);

        let scope = Scope::Chat(chat);
        holds::put(tx, &outbox::TASK, scope, &Reason::Network, 1_000, |_| Duration::from_secs(1))?;
        assert_eq!(waits_until(tx, chat, 1_000)?, None, "what cannot go out is not waited for");
        holds::forget_of(tx, &outbox::TASK, scope)?;
        assert_eq!(waits_until(tx, chat, 1_000)?, Some(21_000));
        outbox::remove(tx, &before)?;
        assert_eq!(waits_until(tx, chat, 1_000)?, None, "what was said since is for them");

        GroupChange::Remove { user_id: UserId::new("bob").unwrap() }.want(tx, chat, 1_000)?;
        assert!(!brings_only(tx, chat)?, "who is to go does not wait with them");
        Ok::<_, ClientError>(())
    });
    looked.await.unwrap();
}
