//! A chat's history, as it changes.

mod window;

use std::collections::BTreeSet;

use privmsg_protocol::UserId;
use privmsg_store::chats::{self, ChatId, ChatKind, ChatSummary};
use privmsg_store::messages::{self, Cursor};
use privmsg_store::position::Position;
use privmsg_store::{Change, Changes, Snapshot, StoreError};

use super::diff::ListDiff;
use super::history::{self, Bounds, HistoryItem, Page, Stretch};
use super::message::MessageView;
use super::news::News;
use crate::client::Client;
use crate::error::ClientError;
use window::{Side, Window};

/// Messages that a view holds at most: more than anybody scrolls through at once. What is beyond is read again when it is
/// wanted.
const MOST: usize = 1000;

/// Messages that are read one by one. Where more have changed, the view is read anew, which is less.
const FEW: usize = 100;

/// A stretch of one chat's history: the messages and gaps in it, oldest first. See [`Client::watch_timeline`].
///
/// It begins with a page and grows by [`Timeline::older`] and [`Timeline::newer`] to a thousand messages; then what is at
/// the other end goes. A view that reaches the end of the history follows it.
#[derive(Debug)]
pub struct Timeline {
    client: Client,
    changes: Changes,
    news: News,
    kind: ChatKind,
    /// None until somebody says something in it.
    chat: Option<ChatId>,
    page: u32,
    window: Window,
    status: Option<ChatStatus>,
}

/// What a chat's timeline shows besides messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatStatus {
    /// The chat, what is counted, and how far the user has read.
    pub summary: ChatSummary,
    /// The first message that the user has not read: where the mark of what is new stands.
    pub first_unread: Option<Cursor>,
}

impl ChatStatus {
    fn of(at: &Snapshot<'_>, chat: ChatId, own: &UserId) -> Result<Option<Self>, StoreError> {
        let Some(summary) = chats::summary(at, chat)? else { return Ok(None) };
        let first_unread = match summary.unread {
            0 => None,
            _ => messages::first_unread(at, chat, own, summary.read_to)?,
        };
        Ok(Some(Self { summary, first_unread }))
    }
}

/// Messages by row, as they are within the window; without one, gone from there.
type ByRow = Vec<(i64, Option<HistoryItem>)>;

/// What a look at the database has found.
enum Found {
    /// Messages that have changed, and the gaps, if they may be others.
    Changed { messages: ByRow, gaps: Option<Vec<HistoryItem>> },
    /// All of it.
    Anew(Stretch),
}

impl Timeline {
    pub(crate) async fn watch(
        client: Client,
        chat: Option<ChatId>,
        kind: ChatKind,
        page: Page,
        limit: u32,
    ) -> Result<Self, ClientError> {
        // What is committed between the two is told, and changes nothing.
        let changes = client.changes();
        let window = Window::new(MOST);
        let limit = limit.clamp(1, MOST as u32);
        let mut timeline =
            Self { client, changes, news: News::default(), kind, chat, page: limit, window, status: None };
        timeline.show(page).await?;
        Ok(timeline)
    }

    /// The messages and gaps, as far as the calls that tell of changes have told.
    #[must_use]
    pub fn items(&self) -> &[HistoryItem] {
        self.window.items()
    }

    /// What is shown besides. `None` while nobody has said anything in the chat.
    #[must_use]
    pub const fn status(&self) -> Option<&ChatStatus> {
        self.status.as_ref()
    }

    /// Whether there is nothing before the first item.
    #[must_use]
    pub const fn reaches_beginning(&self) -> bool {
        self.window.bounds().from.is_none()
    }

    /// Whether there is nothing behind the last item. What is new appears here then.
    #[must_use]
    pub const fn reaches_end(&self) -> bool {
        self.window.bounds().to.is_none()
    }

    /// Waits until a commit has changed something here, and says what. Without any steps, it is only
    /// [`Timeline::status`]. `None` once the profile is closed. Cancel-safe.
    ///
    /// # Errors
    /// [`ClientError`] of the database. What had changed is told by the next call.
    pub async fn next(&mut self) -> Result<Option<Vec<ListDiff<HistoryItem>>>, ClientError> {
        loop {
            let chat = self.chat;
            let wanted = |change: &Change| match change {
                // It may be the one that is waited for.
                Change::Chat(id) => chat.is_none_or(|chat| chat == *id),
                Change::Message(id, _) => chat == Some(*id),
                _ => false,
            };
            if !self.news.wait(&mut self.changes, wanted).await {
                return Ok(None);
            }
            let status = self.status.clone();
            let diffs = self.catch_up().await?;
            self.news = News::default();
            if !diffs.is_empty() || status != self.status {
                return Ok(Some(diffs));
            }
        }
    }

    /// Adds up to `count` messages before the first.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn older(&mut self, count: u32) -> Result<Vec<ListDiff<HistoryItem>>, ClientError> {
        let (Some(from), Some(chat)) = (self.window.bounds().from, self.chat) else { return Ok(Vec::new()) };
        let count = count.clamp(1, MOST as u32);
        let found = self.client.read(move |at| history::page(at, chat, Page::Before(from), count)).await?;
        Ok(self.window.extend(found, Side::Older))
    }

    /// Adds up to `count` messages behind the last.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn newer(&mut self, count: u32) -> Result<Vec<ListDiff<HistoryItem>>, ClientError> {
        let (Some(to), Some(chat)) = (self.window.bounds().to, self.chat) else { return Ok(Vec::new()) };
        let count = count.clamp(1, MOST as u32);
        let found = self.client.read(move |at| history::page(at, chat, Page::After(to), count)).await?;
        Ok(self.window.extend(found, Side::Newer))
    }

    /// Shows what is around a place instead: a message that is searched for or answered, the first unread one.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn around(&mut self, cursor: Cursor) -> Result<Vec<ListDiff<HistoryItem>>, ClientError> {
        self.show(Page::Around(cursor)).await
    }

    /// Shows the end instead.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn newest(&mut self) -> Result<Vec<ListDiff<HistoryItem>>, ClientError> {
        self.show(Page::Newest).await
    }

    #[cfg(test)]
    pub(crate) const fn bounds(&self) -> Bounds {
        self.window.bounds()
    }

    #[cfg(test)]
    pub(crate) fn hold_at_most(&mut self, messages: usize) {
        self.window.hold_at_most(messages);
    }

    async fn show(&mut self, page: Page) -> Result<Vec<ListDiff<HistoryItem>>, ClientError> {
        let (known, kind, limit, own) = (self.chat, self.kind.clone(), self.page, self.client.user_id().clone());
        let look = move |at: &Snapshot<'_>| {
            let Some(chat) = found(at, known, &kind)? else { return Ok(None) };
            Ok(Some((chat, history::page(at, chat, page, limit)?, ChatStatus::of(at, chat, &own)?)))
        };
        match self.client.read(look).await? {
            Some((chat, stretch, status)) => {
                (self.chat, self.status) = (Some(chat), status);
                Ok(self.window.reset(stretch))
            }
            None => Ok(Vec::new()),
        }
    }

    /// Answers the news with one look at the database.
    async fn catch_up(&mut self) -> Result<Vec<ListDiff<HistoryItem>>, ClientError> {
        let Some(chat) = self.chat else { return self.show(Page::Newest).await };
        let (bounds, own) = (self.window.bounds(), self.client.user_id().clone());
        let rows: BTreeSet<i64> = self.news.messages.iter().map(|(_, row)| *row).collect();
        let (everything, gaps) = (self.news.everything, !self.news.chats.is_empty());
        let limit = u32::try_from(self.window.messages()).unwrap_or(u32::MAX).max(self.page);
        let look = move |at: &Snapshot<'_>| {
            let status = ChatStatus::of(at, chat, &own)?;
            let changed = if everything { None } else { changed(at, chat, bounds, &rows)? };
            let found = match changed {
                Some(messages) => {
                    let gaps = if gaps { Some(history::gaps(at, chat, bounds)?) } else { None };
                    Found::Changed { messages, gaps }
                }
                None if bounds.to.is_none() => Found::Anew(history::page(at, chat, Page::Newest, limit)?),
                None => Found::Anew(history::within(at, chat, bounds, MOST as u32)?),
            };
            Ok((found, status))
        };
        let (found, status) = self.client.read(look).await?;
        self.status = status;
        Ok(match found {
            Found::Changed { messages, gaps } => self.window.change(messages, gaps),
            Found::Anew(stretch) => self.window.reset(stretch),
        })
    }
}

fn found(at: &Snapshot<'_>, known: Option<ChatId>, kind: &ChatKind) -> Result<Option<ChatId>, StoreError> {
    match known {
        Some(chat) => Ok(Some(chat)),
        None => chats::find(at, kind),
    }
}

/// Messages that have changed, as they are within `bounds`. `None` if all has to be read anew: so many are others, or the
/// beginning of the window is one that waited for its number and now has it, which is further up.
fn changed(at: &Snapshot<'_>, chat: ChatId, bounds: Bounds, rows: &BTreeSet<i64>) -> Result<Option<ByRow>, StoreError> {
    if rows.len() > FEW {
        return Ok(None);
    }
    let begins_queued = bounds.from.is_some_and(|from| from.0 >= Position::QUEUED);
    let chat = chats::load(at, chat)?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let message = messages::load_shown(at, *row)?;
        if begins_queued && message.as_ref().is_some_and(|message| message.position < Position::QUEUED) {
            return Ok(None);
        }
        let shown = message.filter(|message| bounds.cover(history::key(message.cursor())));
        let item = shown.map(|message| MessageView::in_chat(at, chat.clone(), message)).transpose()?;
        found.push((*row, item.map(|view| HistoryItem::Message(Box::new(view)))));
    }
    Ok(Some(found))
}
