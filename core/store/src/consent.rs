//! What the user has said to what others begin with them.
//!
//! Whatever somebody begins is a *request* until a person of this user answers: writes there, or lets it in, on whichever of
//! their devices. That is remembered here, and is never the server's word. Until then nothing is said there that this user's
//! devices say by themselves.

mod elsewhere;
mod unanswered;

use privmsg_protocol::{ConversationId, UserId};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, params};

use crate::chats::{self, ChatId, ChatKind};
use crate::{Change, Snapshot, StoreError, TaskName, Tx, blocks, gaps, groups, owed_receipts};

pub use elsewhere::{Undone, decided_by_others, decisions, hear, is_to_be_told, set_decided_by, undo};
pub use unanswered::{is_said_unanswered, note_unanswered, was_answered};

/// Tells the server what was decided, and asks what it knows.
pub const TASK: TaskName = TaskName::new("requests");

/// How long what was kept back may be on its way to a device after its user does not want that any more.
const LATELY_MS: i64 = 30 * 24 * 3600 * 1000;

/// How the user stands to a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consent {
    /// This device does not know of any answer, nor that one is awaited: it was not there when the chat began.
    #[default]
    Unknown,
    /// Somebody else has begun it, and nobody of this user has answered.
    Asked,
    /// A person of this user has begun it, written there or let it in.
    Open,
    /// A person of this user does not want it.
    Declined,
}

impl Consent {
    const ALL: [Self; 4] = [Self::Unknown, Self::Asked, Self::Open, Self::Declined];

    /// A name for scripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Asked => "asked",
            Self::Open => "open",
            Self::Declined => "declined",
        }
    }

    /// Whether nothing may be said there that no person says.
    #[must_use]
    pub const fn is_held(self) -> bool {
        matches!(self, Self::Asked | Self::Declined)
    }

    pub(crate) fn read(name: &str) -> Self {
        Self::ALL.into_iter().find(|known| known.as_str() == name).unwrap_or_default()
    }
}

/// What a person of this user has decided, on whichever device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// About which chat. Not one's own notes.
    pub chat: ChatKind,
    /// It is let in; else it is declined.
    pub open: bool,
    /// By the clock of the device on which it was decided, ms. Of two, the later one counts.
    pub at_ms: i64,
}

/// Where something was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decided {
    /// Here, by writing: the message says it to the server.
    ByWriting,
    /// Here, in so many words: the server is to be told.
    Here,
    /// On another device of the user's. It tells the server itself; so does this one where something else was decided before, which
    /// it may have told later than that.
    Elsewhere,
}

/// How the name of a chat in the table is read from the columns of `chat`.
const NAME: &str = "coalesce('user:' || chat.peer, 'group:' || hex(chat.conversation))";

fn name(kind: &ChatKind) -> Option<String> {
    match kind {
        ChatKind::Direct { peer } => Some(format!("user:{peer}")),
        ChatKind::Group { conversation } => {
            let hex: String = conversation.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
            Some(format!("group:{hex}"))
        }
        ChatKind::SelfNotes => None,
    }
}

fn kind(name: &str) -> Option<ChatKind> {
    if let Some(peer) = name.strip_prefix("user:") {
        return Some(ChatKind::Direct { peer: UserId::new(peer).ok()? });
    }
    let hex = name.strip_prefix("group:")?;
    let digits = (0..32).map(|byte| u8::from_str_radix(hex.get(2 * byte..2 * byte + 2)?, 16).ok());
    let bytes: Vec<u8> = digits.collect::<Option<_>>()?;
    Some(ChatKind::Group { conversation: ConversationId::from_bytes(bytes.try_into().ok()?) })
}

/// How the user stands to a chat. One's own notes are always open.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, chat: &ChatKind) -> Result<Consent, StoreError> {
    let Some(name) = name(chat) else { return Ok(Consent::Open) };
    let mut query = at.sql().prepare_cached("SELECT state FROM consent WHERE chat = ?1")?;
    let state = query.query_row([name], |row| Ok(read(row.get_ref(0)?))).optional()?;
    Ok(state.unwrap_or_default())
}

/// The same of a chat by its row.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of_chat(at: &Snapshot<'_>, chat: ChatId) -> Result<Consent, StoreError> {
    of(at, &chats::load(at, chat)?.kind)
}

pub(crate) fn read(state: ValueRef<'_>) -> Consent {
    state.as_str_or_null().ok().flatten().map(Consent::read).unwrap_or_default()
}

/// Who has asked for a chat, if somebody has.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn asker(at: &Snapshot<'_>, chat: &ChatKind) -> Result<Option<UserId>, StoreError> {
    let mut query = at.sql().prepare_cached("SELECT asker FROM consent WHERE chat = ?1")?;
    let asker: Option<String> = query.query_row([name(chat)], |row| row.get(0)).optional()?.flatten();
    asker.map(|asker| UserId::new(&asker).map_err(|_| StoreError::Invalid("user id"))).transpose()
}

/// Whether a chat is declined, or was until lately.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn was_declined_lately(at: &Snapshot<'_>, chat: &ChatKind, now_ms: i64) -> Result<bool, StoreError> {
    let mut query = at.sql().prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM consent WHERE chat = ?1 AND (state = 'declined' OR reopened_at > ?2 - ?3))",
    )?;
    Ok(query.query_row(params![name(chat), now_ms, LATELY_MS], |row| row.get(0))?)
}

/// Somebody has begun a chat with this user, or brought them into one, and nobody has answered yet, as far as this device knows.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn ask(tx: &Tx<'_>, chat: &ChatKind, asker: &UserId) -> Result<(), StoreError> {
    begin(tx, chat, "asked", asker)
}

/// Somebody whom the user talks to has brought them into a chat, or a device of their own has: that needs no answer, and is none.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn bring_in(tx: &Tx<'_>, chat: &ChatKind, by: &UserId) -> Result<(), StoreError> {
    begin(tx, chat, "open", by)
}

/// How a chat stands that nothing was known of.
fn begin(tx: &Tx<'_>, chat: &ChatKind, state: &str, by: &UserId) -> Result<(), StoreError> {
    let Some(name) = name(chat) else { return Ok(()) };
    let changed = tx
        .sql()
        .prepare_cached(
            "INSERT INTO consent (chat, state, asker) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET state = ?2, asker = ?3 WHERE state = 'unknown'",
        )?
        .execute(params![name, state, by.as_str()])?;
    if changed > 0 { tell(tx, chat) } else { Ok(()) }
}

/// A person of this user has decided. Of what they have decided on several devices, the latest counts. Returns whether it is another
/// state than before.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn decide(tx: &Tx<'_>, decision: &Decision, on: Decided) -> Result<bool, StoreError> {
    let Some(name) = name(&decision.chat) else { return Ok(false) };
    let known = {
        let mut query = tx.sql().prepare_cached("SELECT state, decided_at FROM consent WHERE chat = ?1")?;
        query.query_row([&name], |row| Ok((read(row.get_ref(0)?), row.get::<_, i64>(1)?))).optional()?
    };
    let (before, decided_at) = known.unwrap_or_default();
    let state = if decision.open { Consent::Open } else { Consent::Declined };
    let is_other = state != before;
    let is_decided = matches!(before, Consent::Open | Consent::Declined);
    let at_ms = match on {
        // A clock that was wrong once does not make everything that is said here old.
        Decided::Here | Decided::ByWriting => decision.at_ms.max(decided_at.saturating_add(i64::from(is_other))),
        Decided::Elsewhere if decision.at_ms < decided_at => {
            if before == Consent::Open && !decision.open {
                has_ended(tx, &decision.chat, decided_at)?;
            }
            return Ok(false);
        }
        // Decided at the same moment: both devices come to the same. What is open there without a decision is so here, too.
        Decided::Elsewhere if decision.at_ms == decided_at && decision.open && (is_decided || decided_at > 0) => {
            return Ok(false);
        }
        Decided::Elsewhere => decision.at_ms,
    };
    let told = match on {
        Decided::ByWriting => true,
        Decided::Here => false,
        Decided::Elsewhere => !is_decided,
    };
    tx.sql()
        .prepare_cached(
            "INSERT INTO consent (chat, state, decided_at, told) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET state = ?2, decided_at = ?3, told = iif(?5, ?4, told),
                 decided_by = iif(?6, decided_by, NULL), before = iif(?6, before, NULL),
                 reopened_at = iif(state = 'declined' AND ?2 = 'open', ?3, reopened_at)",
        )?
        .execute(params![
            name,
            state.as_str(),
            at_ms,
            told,
            is_other || on == Decided::Here,
            on == Decided::Elsewhere
        ])?;
    if !told {
        tx.changed(Change::Task(TASK));
    }
    if !is_other {
        return Ok(false);
    }
    tell(tx, &decision.chat)?;
    if let Some(chat) = chats::find(tx, &decision.chat)? {
        match state {
            Consent::Declined => declined(tx, chat)?,
            _ if before == Consent::Declined => reopened(tx, chat, decision.at_ms)?,
            _ => {}
        }
    }
    Ok(true)
}

/// That a chat was declined is heard when it is open again: what was kept back until then was wanted.
fn has_ended(tx: &Tx<'_>, chat: &ChatKind, at_ms: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached("UPDATE consent SET reopened_at = ?2 WHERE chat = ?1")?
        .execute(params![name(chat), at_ms])?;
    chats::find(tx, chat)?.map_or(Ok(()), |chat| gaps::is_wanted_in(tx, chat))
}

/// What is owed there is owed no more, and what was kept back was wanted.
fn declined(tx: &Tx<'_>, chat: ChatId) -> Result<(), StoreError> {
    owed_receipts::forget(tx, chat)?;
    gaps::is_wanted_in(tx, chat)
}

/// Keys skip what was kept back, and a profile that was set back may have said something itself among it: before anything is said there,
/// this device brings about another epoch, in which everybody's keys begin anew.
fn reopened(tx: &Tx<'_>, chat: ChatId, now_ms: i64) -> Result<(), StoreError> {
    match groups::of_chat(tx, chat)? {
        Some(group) if gaps::any_kept_back(tx, &group.group_id)? => {
            groups::set_rotate_at(tx, &group.group_id, now_ms)?;
            groups::set_reconcile(tx, &group.group_id)
        }
        _ => Ok(()),
    }
}

/// The user takes no part in a chat any more: whoever brings them in again asks again.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn forget(tx: &Tx<'_>, chat: &ChatKind, now_ms: i64) -> Result<(), StoreError> {
    tx.sql()
        .prepare_cached(
            "UPDATE consent SET state = 'unknown', asker = NULL, decided_at = max(?2, decided_at), told = 1 WHERE chat = ?1",
        )?
        .execute(params![name(chat), now_ms])?;
    tell(tx, chat)
}

fn tell(tx: &Tx<'_>, chat: &ChatKind) -> Result<(), StoreError> {
    if let Some(chat) = chats::find(tx, chat)? {
        tx.changed(Change::Chat(chat));
    }
    tx.changed(Change::Task(groups::TASK));
    tx.changed(Change::Task(owed_receipts::TASK));
    Ok(())
}

/// Chats whose decision the server has not been told, and whether they are let in. As long as no group carries one, or is to, there is nothing to tell.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn untold(at: &Snapshot<'_>) -> Result<Vec<(ChatId, bool)>, StoreError> {
    let mut query = at.sql().prepare_cached(&format!(
        "SELECT chat.id, consent.state = 'open' FROM consent JOIN chat ON consent.chat = {NAME}
         WHERE consent.told = 0 AND (EXISTS (SELECT 1 FROM mls_group WHERE chat_id = chat.id)
             OR EXISTS (SELECT 1 FROM lag WHERE chat_id = chat.id))"
    ))?;
    let rows = query.query_map([], |row| Ok((ChatId(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The server knows what was decided, unless that has become something else meanwhile.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn set_told(tx: &Tx<'_>, chat: ChatId, open: bool) -> Result<(), StoreError> {
    let state = if open { Consent::Open } else { Consent::Declined };
    let name = name(&chats::load(tx, chat)?.kind);
    tx.sql()
        .prepare_cached("UPDATE consent SET told = 1 WHERE chat = ?1 AND state = ?2")?
        .execute(params![name, state.as_str()])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// The server was restored from a backup, and perhaps without the record of what was decided since: it is told again what nobody of
/// this user wants, and what they have let in lately.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn tell_again(tx: &Tx<'_>, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE consent SET told = 0 WHERE state = 'declined' OR (state = 'open' AND decided_at > ?1 - ?2)";
    tx.sql().prepare_cached(sql)?.execute([now_ms, LATELY_MS])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// Chats that await an answer, the newest first: not those with somebody who is blocked, nor groups that the user is out of.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn requests(at: &Snapshot<'_>) -> Result<Vec<ChatId>, StoreError> {
    let mut query = at.sql().prepare_cached(&format!(
        "SELECT chat.id FROM chat JOIN consent ON consent.chat = {NAME} AND consent.state = 'asked'
         WHERE NOT EXISTS (SELECT 1 FROM group_chat WHERE chat_id = chat.id AND gone IS NOT NULL)
             AND NOT EXISTS (SELECT 1 FROM blocked_user WHERE user_id = consent.asker AND listed)
         ORDER BY chat.last_at DESC, chat.id DESC"
    ))?;
    let rows = query.query_map([], |row| Ok(ChatId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The chats that somebody has begun, or brought the user into, and that nobody has answered.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn asked_by(at: &Snapshot<'_>, user: &UserId) -> Result<Vec<ChatId>, StoreError> {
    let mut query = at.sql().prepare_cached(&format!(
        "SELECT chat.id FROM chat JOIN consent ON consent.chat = {NAME} AND consent.state = 'asked' AND consent.asker = ?1"
    ))?;
    let rows = query.query_map([user.as_str()], |row| Ok(ChatId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether nothing of a chat is to be told to the user as it comes: they have declined it, or were brought into it by somebody whom
/// they have blocked, and have not let it in.
///
/// # Errors
/// [`StoreError`] of the queries.
pub fn is_kept_away(at: &Snapshot<'_>, chat: ChatId) -> Result<bool, StoreError> {
    let chat = chats::load(at, chat)?.kind;
    match of(at, &chat)? {
        Consent::Declined => Ok(true),
        Consent::Asked => match asker(at, &chat)? {
            Some(asker) => blocks::is_blocked(at, &asker),
            None => Ok(false),
        },
        Consent::Open | Consent::Unknown => Ok(false),
    }
}

#[cfg(test)]
#[path = "consent_tests.rs"]
mod tests;
