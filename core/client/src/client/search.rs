//! Looking for messages by their words.

use std::collections::HashMap;

use privmsg_store::chats::{self, Chat, ChatId};
use privmsg_store::search::{self as stored, Wanted};
use privmsg_store::{Snapshot, StoreError, blocks, consent, messages};

use super::Client;
use crate::error::ClientError;
use crate::search::words::Terms;
use crate::search::{Found, Hit, Search, SearchCursor, index};
use crate::view::message::MessageView;

/// Hits of one page at most: more than anybody looks at.
const MOST: u32 = 1_000;

impl Client {
    /// Looks for messages, the newest first: up to `limit` of them, behind those before `after`. What is found is what is
    /// shown: the text as its author wants it by now, names of files and captions; not what is deleted, hidden or over its time,
    /// nor notices, nor what stands in chats that are kept away ([`Client::is_kept_away`]).
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn search(&self, search: &Search, after: Option<SearchCursor>, limit: u32) -> Result<Found, ClientError> {
        let look =
            Look { terms: Terms::of(&search.text), search: search.clone(), after, limit: limit.min(MOST) as usize };
        if look.is_for_nothing() {
            return Ok(Found::default());
        }
        index::catch_up(&self.context.store).await?;
        self.read(move |at| look.at(at)).await
    }
}

/// One look.
struct Look {
    search: Search,
    terms: Terms,
    after: Option<SearchCursor>,
    limit: usize,
}

impl Look {
    fn is_for_nothing(&self) -> bool {
        self.limit == 0 || self.asked().is_empty()
    }

    /// What the database is asked for. What is typed and has no words in it means nothing that there could be.
    fn asked(&self) -> Vec<String> {
        let mut asked = self.terms.asked();
        if self.search.kind == crate::Sought::Files && (!asked.is_empty() || self.search.text.trim().is_empty()) {
            asked.push(index::HAS_FILES.to_owned());
        }
        asked
    }

    fn at(&self, at: &Snapshot<'_>) -> Result<Found, StoreError> {
        let asked = self.asked();
        let wanted = Wanted {
            beginnings: &asked,
            chat: self.search.chat,
            sender: self.search.sender.as_ref(),
            from_ms: self.search.from_ms,
            until_ms: self.search.until_ms,
            before: self.after.map(|SearchCursor(row)| row),
        };
        let mut found = Found::default();
        let mut known = HashMap::new();
        stored::each(at, &wanted, |row, chat| {
            let Some(hit) = self.hit(at, row, chat, &mut known)? else { return Ok(true) };
            if found.hits.len() < self.limit {
                found.hits.push(hit);
                return Ok(true);
            }
            found.next = found.hits.last().map(|last| SearchCursor(last.message.id));
            Ok(false)
        })?;
        Ok(found)
    }

    /// A message that the database has found, if it still is what is looked for.
    fn hit(
        &self,
        at: &Snapshot<'_>,
        row: i64,
        chat: ChatId,
        known: &mut HashMap<ChatId, Option<Chat>>,
    ) -> Result<Option<Hit>, StoreError> {
        let chat = match known.get(&chat) {
            Some(known) => known.clone(),
            None => {
                let looked_at = self.may_look_in(at, chat)?;
                known.insert(chat, looked_at.clone());
                looked_at
            }
        };
        let (Some(chat), Some(message)) = (chat, messages::load_shown(at, row)?) else { return Ok(None) };
        let message = MessageView::in_chat(at, chat, message)?;
        Ok(self.search.fits(&self.terms, &message).map(|excerpt| Hit { message: Box::new(message), excerpt }))
    }

    /// The chat, if what it has is to be found.
    fn may_look_in(&self, at: &Snapshot<'_>, id: ChatId) -> Result<Option<Chat>, StoreError> {
        let chat = chats::load(at, id)?;
        let is_asked_for = self.search.chat == Some(id);
        let passed_over = consent::is_kept_away(at, id)?
            || (!is_asked_for && (consent::of(at, &chat.kind)?.is_held() || blocks::in_chat(at, &chat)?.is_some()));
        Ok((!passed_over).then_some(chat))
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
