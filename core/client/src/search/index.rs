//! Which words are in which message, as the database is told.

use std::collections::HashMap;

use privmsg_store::chats::{self, Chat, ChatId};
use privmsg_store::{Snapshot, Store, StoreError, Tx, messages, search as stored};

use super::words::Words;
use crate::view::message::MessageView;

/// Messages of one transaction, and bytes of words from which on no further one is begun: others want to write, too.
const AT_ONCE: u32 = 256;
const BYTES_AT_ONCE: usize = 256 << 10;

/// What stands among the words of a message with files. No text has such a word: it begins with a character that is no letter.
pub(crate) const HAS_FILES: &str = "\u{e000}files";

/// The words of a message as it is shown now. Of a notice and of what is deleted there are none.
pub(super) fn words_of(message: &MessageView) -> Words {
    let mut words = Words::default();
    if !message.kind.is_notice() && !message.deleted {
        message.attachments.iter().for_each(|file| words.add(&file.name));
        words.add(&message.text);
    }
    words
}

/// Writes down the words of messages of which something has changed, the first of them. Returns of how many; who
/// calls asks again ([`stored::is_any_due`]).
pub(crate) fn step(tx: &Tx<'_>) -> Result<u64, StoreError> {
    let (mut known, mut done, mut bytes) = (HashMap::new(), 0, 0);
    for row in stored::due(tx, AT_ONCE)? {
        if bytes >= BYTES_AT_ONCE {
            break;
        }
        let words = words(tx, row, &mut known)?;
        bytes += stored::set_words(tx, row, words.as_deref())?;
        done += 1;
    }
    Ok(done)
}

fn words(at: &Snapshot<'_>, row: i64, known: &mut HashMap<ChatId, Chat>) -> Result<Option<String>, StoreError> {
    let Some(message) = messages::load_shown(at, row)? else { return Ok(None) };
    let chat = match known.get(&message.chat) {
        Some(chat) => chat.clone(),
        None => {
            let chat = chats::load(at, message.chat)?;
            known.insert(message.chat, chat.clone());
            chat
        }
    };
    let message = MessageView::in_chat(at, chat, message)?;
    let mut words = words_of(&message);
    if !message.attachments.is_empty() {
        words.mark(HAS_FILES);
    }
    Ok(words.joined())
}

/// Writes down the words of all messages of which something has changed by now. What comes meanwhile is left for the next one who
/// looks: it may never end.
pub(crate) async fn catch_up(store: &Store) -> Result<(), StoreError> {
    let mut due = store.read(stored::count_due).await?;
    while due > 0 {
        match store.write(step).await? {
            0 => break,
            done => due = due.saturating_sub(done),
        }
    }
    Ok(())
}
