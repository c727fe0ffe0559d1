//! Looking at chats and messages.

use privmsg_protocol::MessageId;
use privmsg_store::chats::{self, ChatId, Mark};
use privmsg_store::holds::{self, Hold, Reason, Scope};
use privmsg_store::messages::{self, Cursor};
use privmsg_store::position::Position;
use privmsg_store::{Change, Snapshot, StoreError, groups, owed_receipts, uploads};

use super::{Client, Setting};
use crate::error::ClientError;
use crate::group::policy::Policy;
use crate::sending::{self, Recipient};
use crate::view::chat_list::ChatList;
use crate::view::history::{self, ChatEntry, HistoryItem, Page};
use crate::view::message::MessageView;
use crate::view::timeline::Timeline;

impl Client {
    /// One message by its row.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn message(&self, id: i64) -> Result<Option<MessageView>, ClientError> {
        self.read(move |at| messages::load(at, id)?.map(|message| MessageView::of(at, message)).transpose()).await
    }

    /// Messages with this id: one, unless people chose the same.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn find(&self, id: MessageId) -> Result<Vec<MessageView>, ClientError> {
        self.read(move |at| messages::find(at, &id)?.into_iter().map(|message| MessageView::of(at, message)).collect())
            .await
    }

    /// The chat with a recipient, if there is one.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn chat_with(&self, recipient: &Recipient) -> Result<Option<ChatId>, ClientError> {
        let kind = sending::chat_kind(self.user_id(), recipient);
        self.read(move |at| chats::find(at, &kind)).await
    }

    /// The newest `limit` messages with `recipient`, and the gaps between them, oldest first.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn history(&self, recipient: &Recipient, limit: u32) -> Result<Vec<HistoryItem>, ClientError> {
        match self.chat_with(recipient).await? {
            Some(chat) => self.page(chat, Page::Newest, limit).await,
            None => Ok(Vec::new()),
        }
    }

    /// Up to `limit` messages of a chat, and the gaps between them, oldest first.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn page(&self, chat: ChatId, page: Page, limit: u32) -> Result<Vec<HistoryItem>, ClientError> {
        self.read(move |at| Ok(history::page(at, chat, page, limit)?.items)).await
    }

    /// All chats, pinned ones first, and among them the one with the newest message.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn chats(&self) -> Result<Vec<ChatEntry>, ClientError> {
        self.read(|at| chats::list(at)?.into_iter().map(|summary| ChatEntry::of(at, summary)).collect()).await
    }

    /// Sets one of a chat's marks on this device, or takes it away. Nobody else hears of it.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn mark_chat(&self, chat: ChatId, mark: Mark, is_set: bool) -> Result<(), ClientError> {
        Ok(self.context.store.write(move |tx| chats::set_mark(tx, chat, mark, is_set)).await?)
    }

    /// One chat as the list of chats shows it.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn chat(&self, id: ChatId) -> Result<Option<ChatEntry>, ClientError> {
        self.read(move |at| chats::summary(at, id)?.map(|summary| ChatEntry::of(at, summary)).transpose()).await
    }

    /// The user has read a chat up to `to`, or everything in it. Their authors are told, unless the user does not want
    /// that. Returns how many messages were unread before.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn mark_read(&self, chat: ChatId, to: Option<Cursor>) -> Result<u64, ClientError> {
        let (own, now) = (self.user_id().clone(), self.context.clock.now_ms());
        self.context
            .store
            .write(move |tx| {
                let Some(before) = chats::summary(tx, chat)? else { return Ok(0) };
                let to = match to {
                    Some(Cursor(position, _)) if position < Position::QUEUED => position,
                    // What waits has no place yet.
                    Some(_) | None => privmsg_store::position::of(tx, chat, privmsg_store::position::Place::Here)?,
                };
                let tell = Policy::of(&before.chat.kind).receipts && Setting::ReadReceipts.is_on(tx)?;
                if tell {
                    for id in messages::unread(tx, chat, &own, before.read_to, to)? {
                        owed_receipts::owe(tx, chat, &id, true, now)?;
                    }
                }
                chats::set_read_to(tx, chat, to)?;
                let after = chats::summary(tx, chat)?.map_or(0, |after| after.unread);
                Ok(before.unread.saturating_sub(after))
            })
            .await
    }

    /// What was received and has not been marked as seen yet, up to `limit`, oldest first.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn unseen(&self, limit: u32) -> Result<Vec<MessageView>, ClientError> {
        self.read(move |at| history::unseen(at, limit)).await
    }

    /// Marks everything received up to row `id` as seen.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn mark_seen(&self, id: i64) -> Result<(), ClientError> {
        Ok(self.context.store.write(move |tx| history::mark_seen(tx, id)).await?)
    }

    /// What keeps a chat waiting at the moment, if anything: of itself, of its group, of the files that are to be sent in
    /// it, or of the whole device.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn holds_of(&self, chat: ChatId) -> Result<Vec<Hold>, ClientError> {
        let now = self.context.clock.now_ms();
        self.read(move |at| {
            let group = groups::of_chat(at, chat)?.map(|group| Scope::Group(group.group_id));
            let files = uploads::of_chat(at, chat)?;
            let mut all = holds::all(at)?;
            all.retain(|hold| {
                let concerns = match hold.scope {
                    Scope::Chat(of) => of == chat,
                    Scope::Group(_) => Some(hold.scope) == group,
                    Scope::File(file) => hold.task == uploads::TASK && files.contains(&file),
                    Scope::Device => true,
                    // Nothing of a device that waits to be let in goes out.
                    Scope::Profile => hold.reason == Reason::NotListed,
                };
                concerns && hold.holds_at(now)
            });
            Ok(all)
        })
        .await
    }

    /// Everything that waits at the moment, with its reason.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn holds(&self) -> Result<Vec<Hold>, ClientError> {
        let now = self.context.clock.now_ms();
        self.read(move |at| {
            let mut all = holds::all(at)?;
            all.retain(|hold| hold.holds_at(now));
            Ok(all)
        })
        .await
    }

    /// Waits until something may have been received or written, by this process or another. Returns `false` once the
    /// profile is closed.
    pub async fn wait_message(changes: &mut privmsg_store::Changes) -> bool {
        changes.wait_for(|change| matches!(change, Change::Message(..))).await
    }

    /// The chats, as they are and as they change, by this process or another one.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn watch_chats(&self) -> Result<ChatList, ClientError> {
        ChatList::watch(self.clone()).await
    }

    /// A chat's history, as it is and as it changes: a page of up to `limit` messages to begin with.
    ///
    /// # Errors
    /// [`ClientError`] of the database; there may be no such chat.
    pub async fn watch_timeline(&self, chat: ChatId, page: Page, limit: u32) -> Result<Timeline, ClientError> {
        let kind = self.read(move |at| Ok(chats::load(at, chat)?.kind)).await?;
        Timeline::watch(self.clone(), Some(chat), kind, page, limit).await
    }

    /// As [`Client::watch_timeline`], from the end of the chat with a recipient, which need not be there yet: it appears
    /// when somebody says something.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn watch_conversation(&self, with: &Recipient, limit: u32) -> Result<Timeline, ClientError> {
        let kind = sending::chat_kind(self.user_id(), with);
        Timeline::watch(self.clone(), None, kind, Page::Newest, limit).await
    }

    /// Looks at the database. What is past its time is deleted first: it must not be shown, nor counted, whether an engine
    /// has been running or not.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let (store, now) = (&self.context.store, self.context.clock.now_ms());
        let mut look = look;
        loop {
            let result = store.read(move |at| {
                let expired = messages::first_expiry(at)?.is_some_and(|first| first <= now);
                Ok::<_, StoreError>(if expired { Err(look) } else { Ok(look(at)?) })
            });
            match result.await? {
                Ok(value) => return Ok(value),
                Err(not_yet) => look = not_yet,
            }
            store.write(move |tx| messages::expire(tx, now)).await?;
        }
    }
}
