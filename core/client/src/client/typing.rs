//! Telling somebody that one is writing to them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use privmsg_protocol::UserId;
use privmsg_protocol::frames::{ClientFrame, SendTyping};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::{Snapshot, StoreError, account, contacts, messages};
use tokio::sync::mpsc::{self, WeakSender};
use tokio::time::Instant;

use super::{Client, Setting};
use crate::error::ClientError;

/// How often it is said again while it goes on: whoever sees it takes it for over after a while.
const AGAIN: Duration = Duration::from_secs(4);

/// What is said through the connection that there is, and is not kept.
#[derive(Default)]
pub(crate) struct Passing {
    connection: Mutex<Option<WeakSender<Vec<ClientFrame>>>>,
    /// To whom it was said that one is writing, and when.
    typing: Mutex<HashMap<UserId, Instant>>,
}

impl Passing {
    pub(crate) fn go_through(&self, connection: &mpsc::Sender<Vec<ClientFrame>>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.downgrade());
    }

    /// Whether it is worth saying: not what was said a moment ago.
    fn is_news(&self, to: &UserId, is_typing: bool, now: Instant) -> bool {
        let mut said = self.typing.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_typing {
            return said.remove(to).is_some();
        }
        if said.get(to).is_some_and(|at| now.duration_since(*at) < AGAIN) {
            return false;
        }
        said.retain(|_, at| now.duration_since(*at) < AGAIN);
        said.insert(to.clone(), now);
        true
    }

    /// Hands it to the connection. Without one, or if that is busy, it is of no interest any more.
    fn say(&self, frame: ClientFrame) {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = connection.as_ref().and_then(WeakSender::upgrade) {
            let _ = connection.try_send(vec![frame]);
        }
    }
}

impl Client {
    /// Tells somebody that one is writing to them, or not any more. May be called at every key. Only whom one has
    /// written to before learns of it, and only if [`Setting::Typing`] is on; if another process runs the engine, or
    /// there is no connection, nobody does.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn typing(&self, to: &UserId, is_typing: bool) -> Result<(), ClientError> {
        let passing = &self.context.passing;
        if !passing.is_news(to, is_typing, Instant::now()) {
            return Ok(());
        }
        let user = to.clone();
        if self.read(move |at| may_see(at, &user)).await? {
            passing.say(ClientFrame::Typing(SendTyping { recipient_id: to.clone(), is_typing }));
        }
        Ok(())
    }
}

/// Whoever one has not written to must not learn that one is about to, nor that one is there at all: a stranger can make a
/// conversation, and write in it.
fn may_see(at: &Snapshot<'_>, user: &UserId) -> Result<bool, StoreError> {
    if !Setting::Typing.is_on(at)? || contacts::is_held(at, user)? {
        return Ok(false);
    }
    let Some((own, _)) = account::sender(at)? else { return Ok(false) };
    match chats::find(at, &ChatKind::Direct { peer: user.clone() })? {
        Some(chat) => messages::has_spoken(at, chat, &own),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::{DeviceId, GroupId, MessageId, Seq};
    use privmsg_store::Store;
    use privmsg_store::groups::{self, GroupState};
    use privmsg_store::key::DatabaseKey;
    use privmsg_store::messages::{Direction, Kind, NewMessage};
    use privmsg_store::position::Place;

    use super::*;
    use crate::identity::signed_in_account;

    #[tokio::test(start_paused = true)]
    async fn it_is_said_now_and_then_and_its_end_once() {
        let passing = Passing::default();
        let bob = UserId::new("bob").unwrap();
        let news = |is_typing| passing.is_news(&bob, is_typing, Instant::now());
        assert!(!news(false), "it never began");
        assert!(news(true) && !news(true));
        tokio::time::advance(AGAIN).await;
        assert!(news(true));
        assert!(news(false) && !news(false) && news(true));
    }

    /// A stranger who makes a conversation and writes in it learns nothing before there is an answer.
    #[tokio::test]
    async fn who_has_only_written_to_one_does_not_see_that_one_writes() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let (alice, mallory) = (UserId::new("alice").unwrap(), UserId::new("mallory").unwrap());
        let group = GroupId::from_bytes([1; 16]);
        let seen = store
            .write(move |tx| {
                account::save(tx, &signed_in_account(alice.clone()))?;
                let chat = chats::ensure(tx, &ChatKind::Direct { peer: mallory.clone() }, 1)?;
                groups::insert(tx, &group, chat, &[], GroupState::Active, 0)?;
                let mut seen = Vec::new();
                let mut say = |n, sender_id: &UserId, place, direction| {
                    let new = NewMessage {
                        chat,
                        place,
                        message_id: MessageId::from_bytes([n; 16]),
                        sender_id,
                        sender_device: &DeviceId::new("d").unwrap(),
                        sent_at: 1,
                        received_at: 1,
                        expires_at: None,
                        kind: Kind(0),
                        content: b"text",
                    };
                    messages::insert(tx, &new, direction)?;
                    seen.push(may_see(tx, &mallory)?);
                    Ok::<_, StoreError>(())
                };
                let numbered = |seq| Place::Numbered { group, seq: Seq(seq) };
                say(1, &mallory, numbered(1), Direction::Incoming)?;
                say(2, &alice, Place::Queued, Direction::Outgoing)?;
                say(3, &alice, numbered(2), Direction::Incoming)?;
                Ok::<_, StoreError>(seen)
            })
            .await
            .unwrap();
        assert_eq!(seen, [false, false, true], "theirs, one that waits, and one of another device of one's own");
    }
}
