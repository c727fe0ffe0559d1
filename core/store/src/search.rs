//! By which words messages are found.
//!
//! What a message says, only the client can read, and it depends on what was said about it. So triggers note whose words may
//! be others ([`due`]), in the transaction in which that comes about, and the client writes them down ([`set_words`]) before
//! anybody looks. What is deleted, or gone from this device, is not found from then on, and its words are taken out in the same
//! transaction; those of long messages, which takes longer, when they are due.
//!
//! Words are the client's: without spaces, folded as it likes. Whoever looks folds what is looked for in the same way.

use privmsg_protocol::UserId;
use rusqlite::{OptionalExtension, params};

use crate::chats::ChatId;
use crate::{Snapshot, StoreError, TaskName, Tx};

/// Writes down by which words messages are found.
pub const TASK: TaskName = TaskName::new("search");

/// What is looked for: all of it must fit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// How words begin that must all be there. Without any, nothing is found.
    pub beginnings: &'a [String],
    /// In this chat.
    pub chat: Option<ChatId>,
    /// By this sender.
    pub sender: Option<&'a UserId>,
    /// Sent then or later, by the sender's clock, ms.
    pub from_ms: Option<i64>,
    /// Sent before that, by the sender's clock, ms.
    pub until_ms: Option<i64>,
    /// Rows before this one.
    pub before: Option<i64>,
}

/// Calls `visit` with the row and the chat of each message that fits, the newest row first, until it returns `false`. What is
/// due may be missing, or fit no more.
///
/// # Errors
/// [`StoreError`] of the query, or what `visit` returns.
pub fn each(
    at: &Snapshot<'_>,
    wanted: &Wanted<'_>,
    mut visit: impl FnMut(i64, ChatId) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let Some(expression) = expression(wanted.beginnings) else { return Ok(()) };
    // `CROSS`: always from the words to the messages, and so in the order of the rows.
    let mut query = at.sql().prepare_cached(
        "SELECT message.id, message.chat_id FROM message_words CROSS JOIN message ON message.id = message_words.rowid
         WHERE message_words MATCH ?1 AND message_words.rowid < ?2
             AND message.hidden = 0 AND message.deleted_at IS NULL
             AND (?3 IS NULL OR message.chat_id = ?3) AND (?4 IS NULL OR message.sender_id = ?4)
             AND (?5 IS NULL OR message.sent_at >= ?5) AND (?6 IS NULL OR message.sent_at < ?6)
         ORDER BY message_words.rowid DESC",
    )?;
    let mut rows = query.query(params![
        expression,
        wanted.before.unwrap_or(i64::MAX),
        wanted.chat.map(|chat| chat.0),
        wanted.sender.map(UserId::as_str),
        wanted.from_ms,
        wanted.until_ms,
    ])?;
    while let Some(row) = rows.next()? {
        if !visit(row.get(0)?, ChatId(row.get(1)?))? {
            break;
        }
    }
    Ok(())
}

/// For FTS5: all of the words, each quoted, so that nothing in them is an operator, and each as a beginning. What the tokenizer parts
/// is parted here, too: several words in one pair of quotes are a phrase, for which there are no positions.
fn expression(beginnings: &[String]) -> Option<String> {
    let parts = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric();
    let words = beginnings.iter().flat_map(|beginning| beginning.split(parts)).filter(|word| !word.is_empty());
    let quoted: Vec<_> = words.map(|word| format!("\"{word}\"*")).collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

/// Whether the words of any message are to be written down.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn is_any_due(at: &Snapshot<'_>) -> Result<bool, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT EXISTS (SELECT 1 FROM search_due)")?;
    Ok(query.query_row([], |row| row.get(0))?)
}

/// How many messages are due.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn count_due(at: &Snapshot<'_>) -> Result<u64, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT count(*) FROM search_due")?;
    Ok(crate::sql_types::from_sql(query.query_row([], |row| row.get(0))?))
}

/// Messages whose words are to be written down, up to `limit`, by their rows, in order.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn due(at: &Snapshot<'_>, limit: u32) -> Result<Vec<i64>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT message FROM search_due ORDER BY message LIMIT ?1")?;
    let rows = query.query_map([limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The message is found by these words, with spaces between them, or by none, and is due no more. Returns how many bytes of words were
/// taken out and put in, which is how much there was to do.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn set_words(tx: &Tx<'_>, message: i64, words: Option<&str>) -> Result<usize, StoreError> {
    let sql = tx.sql();
    let known: Option<String> = sql
        .prepare_cached("SELECT words FROM message_words WHERE rowid = ?1")?
        .query_row([message], |row| row.get(0))
        .optional()?;
    let mut changed = 0;
    if known.as_deref() != words {
        if let Some(known) = known {
            sql.prepare_cached("DELETE FROM message_words WHERE rowid = ?1")?.execute([message])?;
            changed += known.len();
        }
        if let Some(words) = words {
            sql.prepare_cached("INSERT INTO message_words (rowid, words) VALUES (?1, ?2)")?
                .execute(params![message, words])?;
            changed += words.len();
        }
    }
    sql.prepare_cached("DELETE FROM search_due WHERE message = ?1")?.execute([message])?;
    Ok(changed)
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
