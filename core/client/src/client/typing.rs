//! Telling somebody that one is writing to them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use privmsg_protocol::UserId;
use privmsg_protocol::frames::{ClientFrame, SendTyping};
use privmsg_store::chats::ChatKind;
use privmsg_store::consent::{self, Consent};
use privmsg_store::{Snapshot, StoreError, contacts};
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

/// Whoever one has not answered must not learn that one is about to, nor that one is there at all: a stranger can make a
/// conversation, and write in it.
fn may_see(at: &Snapshot<'_>, user: &UserId) -> Result<bool, StoreError> {
    if !Setting::Typing.is_on(at)? || contacts::is_held(at, user)? {
        return Ok(false);
    }
    Ok(consent::of(at, &ChatKind::Direct { peer: user.clone() })? == Consent::Open)
}

#[cfg(test)]
mod tests {
    use privmsg_store::Store;
    use privmsg_store::consent::{Decided, Decision};
    use privmsg_store::key::DatabaseKey;

    use super::*;

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

    /// A stranger who makes a conversation and writes in it learns nothing before there is an answer, nor somebody who is declined.
    #[tokio::test]
    async fn who_has_not_been_answered_does_not_see_that_one_writes() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
        let mallory = UserId::new("mallory").unwrap();
        let chat = ChatKind::Direct { peer: mallory.clone() };
        let seen = store
            .write(move |tx| {
                let mut seen = vec![may_see(tx, &mallory)?];
                consent::ask(tx, &chat, &mallory)?;
                seen.push(may_see(tx, &mallory)?);
                for open in [true, false] {
                    consent::decide(tx, &Decision { chat: chat.clone(), open, at_ms: 1 }, Decided::Here)?;
                    seen.push(may_see(tx, &mallory)?);
                }
                Ok::<_, StoreError>(seen)
            })
            .await
            .unwrap();
        assert_eq!(
            seen,
            [false, false, true, false],
            "nobody, a stranger, somebody who was answered, and who is declined"
        );
    }
}
