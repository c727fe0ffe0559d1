//! Device lists that are missing here: one that a device of the account has named, or of somebody of whom none is known.
//!
//! The server is asked a few times in a minute, and then no more for a day, whatever is named meanwhile: names of lists cost
//! nothing, and whoever invents some must keep nobody waiting for long.

use privmsg_protocol::UserId;
use rusqlite::{OptionalExtension, Row, params};

use crate::chats::ChatId;
use crate::sql_types::{from_sql, key_bytes, to_sql, user_id};
use crate::{Change, Snapshot, StoreError, TaskName, Tx};

/// The queue.
pub const TASK: TaskName = TaskName::new("device_lists");

/// Pauses after each time that the server was asked in vain, ms.
const PAUSES: [i64; 3] = [2_000, 8_000, 20_000];

/// After that it is not asked for any more, whether or not anybody could be, ms.
const PATIENCE: i64 = 40_000;

/// And for how long, ms.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A list: generation and counter.
pub type Number = (u64, u64);

/// A list that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Whose.
    pub user: UserId,
    /// Under which identity.
    pub identity: [u8; 32],
    /// Where it is missed.
    pub chat: ChatId,
    /// This one, or a newer one.
    pub number: Number,
    /// A device of the account itself has said that there is one.
    pub named: bool,
    /// Since when, ms.
    pub since: i64,
    /// When the server is asked next, ms.
    pub next_at: i64,
    /// How often it was asked in vain.
    pub tries: u32,
}

impl Wanted {
    /// Whether it is still worth waiting for.
    #[must_use]
    pub const fn is_awaited(&self, now_ms: i64) -> bool {
        self.tries as usize <= PAUSES.len() && now_ms >= self.since && now_ms < self.gives_up_at()
    }

    /// Until when it is, at most, ms.
    #[must_use]
    pub const fn gives_up_at(&self) -> i64 {
        self.since.saturating_add(PATIENCE)
    }
}

const COLUMNS: &str = "user_id, identity, chat_id, generation, counter, named, since, next_at, tries";

fn read(row: &Row<'_>) -> Result<Wanted, StoreError> {
    Ok(Wanted {
        user: user_id(row, 0)?,
        identity: key_bytes(row, 1)?,
        chat: ChatId(row.get(2)?),
        number: (from_sql(row.get(3)?), from_sql(row.get(4)?)),
        named: row.get(5)?,
        since: row.get(6)?,
        next_at: row.get(7)?,
        tries: row.get(8)?,
    })
}

/// Asks for a list, unless it was asked for in vain in the last day.
///
/// # Errors
/// [`StoreError`] of the statements.
pub fn want(
    tx: &Tx<'_>,
    (user, identity): (&UserId, &[u8; 32]),
    number: Number,
    chat: ChatId,
    named: bool,
    now_ms: i64,
) -> Result<(), StoreError> {
    let before = of(tx, user, identity)?;
    let (since, next_at, tries) = match &before {
        Some(before) if (before.named || !named) && now_ms >= before.since && now_ms - before.since < DAY => {
            (before.since, before.next_at, before.tries)
        }
        _ => (now_ms, now_ms, 0),
    };
    let number = before.as_ref().map_or(number, |before| before.number.max(number));
    let named = named || before.as_ref().is_some_and(|before| before.named);
    let wanted = Wanted { user: user.clone(), identity: *identity, chat, number, named, since, next_at, tries };
    if before.as_ref() == Some(&wanted) {
        return Ok(());
    }
    tx.sql()
        .prepare_cached(
            "INSERT OR REPLACE INTO wanted_list (user_id, identity, chat_id, generation, counter, named, since, next_at,
                 tries) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            user.as_str(),
            identity.as_slice(),
            chat.0,
            to_sql(number.0),
            to_sql(number.1),
            named,
            since,
            next_at,
            tries
        ])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// What is missing of an account.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, user: &UserId, identity: &[u8; 32]) -> Result<Option<Wanted>, StoreError> {
    at.sql()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM wanted_list WHERE user_id = ?1 AND identity = ?2"))?
        .query_row(params![user.as_str(), identity.as_slice()], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

/// Everything that is missing, and was not given up.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn awaited(at: &Snapshot<'_>, now_ms: i64) -> Result<Vec<Wanted>, StoreError> {
    let mut query = at.sql().prepare_cached(&format!("SELECT {COLUMNS} FROM wanted_list ORDER BY next_at"))?;
    let rows = query.query_map([], |row| Ok(read(row)))?;
    let all = rows.map(|row| row?).collect::<Result<Vec<_>, _>>()?;
    Ok(all.into_iter().filter(|wanted| wanted.is_awaited(now_ms)).collect())
}

/// The server has none that is as new. Where nobody has said that there is one, that is the end of it.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn in_vain(tx: &Tx<'_>, wanted: &Wanted, now_ms: i64) -> Result<(), StoreError> {
    let tries = if wanted.named { wanted.tries as usize } else { PAUSES.len() };
    let pause = PAUSES.get(tries).copied().unwrap_or(DAY);
    tx.sql()
        .prepare_cached(
            "UPDATE wanted_list SET tries = ?5, next_at = ?3
             WHERE user_id = ?1 AND identity = ?2 AND tries = ?4 AND named = ?6",
        )?
        .execute(params![
            wanted.user.as_str(),
            wanted.identity.as_slice(),
            now_ms + pause,
            wanted.tries,
            to_sql(tries as u64 + 1),
            wanted.named
        ])?;
    tx.changed(Change::Task(TASK));
    Ok(())
}

/// A list is known now. Returns whether one was missing that it is as new as.
///
/// # Errors
/// [`StoreError`] of the statement.
pub fn found(tx: &Tx<'_>, user: &UserId, identity: &[u8; 32], number: Number) -> Result<bool, StoreError> {
    let Some(wanted) = of(tx, user, identity)? else { return Ok(false) };
    if wanted.number > number {
        return Ok(false);
    }
    tx.sql()
        .prepare_cached("DELETE FROM wanted_list WHERE user_id = ?1 AND identity = ?2")?
        .execute(params![user.as_str(), identity.as_slice()])?;
    tx.changed(Change::Task(TASK));
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::chats::{self, ChatKind};
    use crate::key::DatabaseKey;

    /// However many numbers somebody invents, they are waited for once a day.
    #[tokio::test]
    async fn nobody_waits_for_long_for_lists_that_do_not_exist() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let (waits, again) = store
            .write(|tx| {
                let chat = chats::ensure(tx, &ChatKind::SelfNotes, 0)?;
                let (bob, key) = (UserId::new("bob").unwrap(), [7; 32]);
                let mut waits = Vec::new();
                for minute in 0..10 {
                    let now = 1_000 + minute * 60_000;
                    want(tx, (&bob, &key), (2, 100 + u64::try_from(minute).unwrap()), chat, true, now)?;
                    let wanted = of(tx, &bob, &key)?.unwrap();
                    waits.push(wanted.is_awaited(now));
                    if wanted.is_awaited(now) {
                        for _ in 0..=PAUSES.len() {
                            in_vain(tx, &of(tx, &bob, &key)?.unwrap(), now)?;
                        }
                    }
                }
                want(tx, (&bob, &key), (2, 200), chat, true, 1_000 + DAY)?;
                let again = awaited(tx, 1_000 + DAY)?.len();
                assert!(!found(tx, &bob, &key, (2, 199))? && found(tx, &bob, &key, (3, 1))?);
                Ok::<_, StoreError>((waits, again))
            })
            .await
            .unwrap();
        assert_eq!((waits.iter().filter(|waits| **waits).count(), waits[0], again), (1, true, 1));
    }
}
