//! Telling somebody that one is writing to them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use privmsg_protocol::UserId;
use privmsg_protocol::frames::{ClientFrame, SendTyping};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::{Snapshot, StoreError, contacts, groups};
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
    /// Tells somebody that one is writing to them, or not any more. May be called at every key. Only who shares a
    /// conversation with one learns of it, and only if [`Setting::Typing`] is on; if another process runs the engine, or
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

/// Whoever one has not written to must not learn that one is about to.
fn may_see(at: &Snapshot<'_>, user: &UserId) -> Result<bool, StoreError> {
    if !Setting::Typing.is_on(at)? || contacts::is_held(at, user)? {
        return Ok(false);
    }
    match chats::find(at, &ChatKind::Direct { peer: user.clone() })? {
        Some(chat) => Ok(groups::of_chat(at, chat)?.is_some()),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
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
}
