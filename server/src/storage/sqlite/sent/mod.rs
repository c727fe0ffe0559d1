//! What devices have sent, to recognise repeats, however long ago and through restarts.
//!
//! Ids are random, so an index over them has every message at another place: with some hundred messages in a
//! transaction, some hundred pages are changed and written, which was half of all that the server did. So `sent` is only
//! appended to, and has no index. The newest rows are in memory, with a map by id. When there are enough they become a
//! [`Run`], of which memory keeps 2.3 bytes for each row; those tell, without a look at the disk, that an id is new, and
//! if it may be not, where the one row is that decides. A server that takes a million messages in 30 days, which is how
//! long they are remembered, has 31 runs and 2.3 MB of them.
//!
//! All of it is read back from the tables, at the first message after a start.

mod run;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::Hasher as _;

use privmsg_protocol::MessageId;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use siphasher::sip::SipHasher13;

use self::run::{ROWS, Run, Sealed};
use super::fault::engine_error;
use super::tx::Tx;
use crate::storage::Result;

/// Rows that one transaction of the cleanup deletes, so that messages do not wait long behind it.
const STEP: i64 = 5_000;

/// Key of the note that there may be rows of deleted devices.
const BY_NOBODY: &str = "sent_by_nobody";

/// What the writer remembers of the table. Loaded when it is first asked for.
#[derive(Default)]
pub(super) struct Sent {
    known: Option<Known>,
    /// What is known has changed with the transaction in more than the rows at its end.
    rebuilt: bool,
}

struct Known {
    key: [u8; 16],
    /// Oldest first.
    runs: Vec<Run>,
    recent: Recent,
}

/// The rows behind the last run.
struct Recent {
    /// Id of the first one, or of the next, if there is none.
    first: i64,
    /// Id of the next one.
    next: i64,
    rows: Vec<Row>,
    by_id: HashMap<Id, usize>,
}

/// The number of a device, and an id that it has used.
type Id = (i64, [u8; 16]);

#[derive(Clone, Copy)]
struct Row {
    /// In the table.
    number: i64,
    id: Id,
    received_at: i64,
    /// Where to, and the place in the group's history.
    sent: (i64, i64),
}

impl Sent {
    fn known(&mut self, conn: &Connection) -> rusqlite::Result<&mut Known> {
        match &mut self.known {
            Some(known) => Ok(known),
            unknown => Ok(unknown.insert(Known::load(conn)?)),
        }
    }

    /// How much there is, to go back to by [`Sent::back_to`].
    pub(super) fn mark(&self) -> i64 {
        self.known.as_ref().map_or(0, |known| known.recent.next)
    }

    /// The table has gone back to what it was at the mark.
    pub(super) fn back_to(&mut self, mark: i64) {
        match &mut self.known {
            Some(known) if !self.rebuilt && mark >= known.recent.first => known.recent.truncate(mark),
            _ => self.known = None,
        }
    }

    /// The transaction is over.
    pub(super) fn committed(&mut self) {
        self.rebuilt = false;
    }
}

impl Known {
    fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let key = conn.query_row("SELECT value FROM meta WHERE key = 'sent_key'", [], |row| row.get(0))?;
        let mut runs = Vec::new();
        let mut first = 1;
        let mut query =
            conn.prepare("SELECT first, newest, length(places) / 2, prints, first + ids FROM sent_run ORDER BY first")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let run = Run::from_bytes(row.get(0)?, row.get(1)?, row.get(2)?, row.get_ref(3)?.as_blob()?);
            runs.push(run.ok_or_else(|| {
                rusqlite::Error::FromSqlConversionFailure(3, Type::Blob, "a run that is not whole".into())
            })?);
            first = row.get(4)?;
        }
        Ok(Self { key, runs, recent: Recent::load(conn, first)? })
    }

    fn hash(&self, id: &Id) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(&id.0.to_le_bytes());
        hasher.write(&id.1);
        hasher.finish()
    }

    fn find(&self, conn: &Connection, id: &Id) -> rusqlite::Result<Option<(i64, i64)>> {
        if let Some(at) = self.recent.by_id.get(id) {
            return Ok(Some(self.recent.rows[*at].sent));
        }
        let hash = self.hash(id);
        for run in self.runs.iter().rev() {
            for at in run.candidates(hash) {
                if let Some(sent) = in_run(conn, run.first, at, id)? {
                    return Ok(Some(sent));
                }
            }
        }
        Ok(None)
    }

    /// A run of the oldest rows that are in none.
    fn seal(&self) -> Sealed {
        let first = self.recent.first;
        let rows = self.recent.rows.iter().take_while(|row| row.number < first + ROWS);
        let newest = rows.clone().map(|row| row.received_at).max().unwrap_or(0);
        let place =
            |row: &Row| u16::try_from(row.number - first).expect("no further from the first than rows are many");
        Run::seal(first, newest, rows.map(|row| (self.hash(&row.id), place(row))).collect())
    }
}

/// The row of a run whose place is there, if it is of this id.
fn in_run(conn: &Connection, first: i64, at: usize, id: &Id) -> rusqlite::Result<Option<(i64, i64)>> {
    let place: [u8; 2] = conn
        .prepare_cached("SELECT substr(places, ?2, 2) FROM sent_run WHERE first = ?1")?
        .query_row(params![first, 2 * at + 1], |row| row.get(0))?;
    conn.prepare_cached("SELECT destination, seq FROM sent WHERE id = ?1 AND device = ?2 AND message_id = ?3")?
        .query_row(params![first + i64::from(u16::from_le_bytes(place)), id.0, id.1], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
}

impl Recent {
    fn load(conn: &Connection, first: i64) -> rusqlite::Result<Self> {
        let mut recent = Self { first, next: first, rows: Vec::new(), by_id: HashMap::new() };
        let mut query = conn.prepare(
            "SELECT id, device, message_id, received_at, destination, seq FROM sent WHERE id >= ?1 ORDER BY id",
        )?;
        let mut rows = query.query([first])?;
        while let Some(row) = rows.next()? {
            if recent.rows.is_empty() {
                recent.first = row.get(0)?;
            }
            recent.push(Row {
                number: row.get(0)?,
                id: (row.get(1)?, row.get(2)?),
                received_at: row.get(3)?,
                sent: (row.get(4)?, row.get(5)?),
            });
        }
        Ok(recent)
    }

    fn push(&mut self, row: Row) {
        self.next = row.number + 1;
        self.by_id.insert(row.id, self.rows.len());
        self.rows.push(row);
    }

    /// Forgets what came from this number on.
    fn truncate(&mut self, next: i64) {
        while let Some(row) = self.rows.pop_if(|row| row.number >= next) {
            self.by_id.remove(&row.id);
        }
        self.next = next;
    }

    /// Forgets what came before this number.
    fn skip_to(&mut self, first: i64) {
        self.first = first;
        self.rows.retain(|row| row.number >= first);
        self.by_id = self.rows.iter().enumerate().map(|(at, row)| (row.id, at)).collect();
    }
}

impl Tx<'_> {
    /// Where this device has sent the message before, and the number that it got.
    pub(super) fn seen(&mut self, device: i64, message_id: MessageId) -> rusqlite::Result<Option<(i64, i64)>> {
        self.state.sent.known(self.conn)?.find(self.conn, &(device, *message_id.as_bytes()))
    }

    pub(super) fn note_seen(
        &mut self,
        device: i64,
        message_id: MessageId,
        destination: i64,
        seq: i64,
    ) -> rusqlite::Result<()> {
        let received_at = self.now();
        let recent = &mut self.state.sent.known(self.conn)?.recent;
        self.conn
            .prepare_cached(
                "INSERT INTO sent (id, device, message_id, destination, seq, received_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![recent.next, device, message_id.as_bytes(), destination, seq, received_at])?;
        let id = (device, *message_id.as_bytes());
        recent.push(Row { number: recent.next, id, received_at, sent: (destination, seq) });
        Ok(())
    }

    /// Forgets some of what was sent before `cutoff`. Returns whether there may be more.
    pub(super) fn expire_sent(&mut self, cutoff: i64) -> Result<bool> {
        self.expire_some_sent(cutoff).map_err(engine_error)
    }

    fn expire_some_sent(&mut self, cutoff: i64) -> rusqlite::Result<bool> {
        let known = self.state.sent.known(self.conn)?;
        let delete = |first: i64, end: i64| {
            self.conn
                .prepare_cached(
                    "DELETE FROM sent WHERE id IN
                         (SELECT id FROM sent WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3)",
                )?
                .execute([first, end, STEP])
                .map(|deleted| i64::try_from(deleted).unwrap_or(i64::MAX))
        };
        if let Some(at) = known.runs.iter().position(|run| run.newest < cutoff) {
            let first = known.runs[at].first;
            let ids: i64 = self
                .conn
                .prepare_cached("SELECT ids FROM sent_run WHERE first = ?1")?
                .query_row([first], |row| row.get(0))?;
            if delete(first, first + ids)? < STEP {
                self.conn.prepare_cached("DELETE FROM sent_run WHERE first = ?1")?.execute([first])?;
                known.runs.remove(at);
                self.state.sent.rebuilt = true;
            }
            return Ok(true);
        }
        // In the order in which they were received. Where that is not the order of their times, because the clock was
        // wrong for a while, what is younger ends it.
        let Some(end) = known.recent.rows.iter().take_while(|row| row.received_at < cutoff).last() else {
            return Ok(false);
        };
        let end = (end.number + 1).min(known.recent.first + STEP);
        delete(known.recent.first, end)?;
        known.recent.skip_to(end);
        self.state.sent.rebuilt = true;
        Ok(true)
    }

    /// Devices have been deleted; what they have sent goes with the next cleanup.
    pub(super) fn note_sent_by_nobody(&self) -> rusqlite::Result<()> {
        self.conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, x'')", [BY_NOBODY]).map(drop)
    }

    /// Forgets some of what devices have sent that are no more, if there are any, going on from the row with this number.
    /// Returns where to go on.
    pub(super) fn forget_sent_by_nobody(&self, from: i64) -> Result<Option<i64>> {
        self.forget_some_by_nobody(from).map_err(engine_error)
    }

    fn forget_some_by_nobody(&self, from: i64) -> rusqlite::Result<Option<i64>> {
        let known: bool = self
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM meta WHERE key = ?1)")?
            .query_row([BY_NOBODY], |row| row.get(0))?;
        if !known {
            return Ok(None);
        }
        let end: Option<i64> = self
            .conn
            .prepare_cached("SELECT id FROM sent WHERE id >= ?1 ORDER BY id LIMIT 1 OFFSET ?2")?
            .query_row([from, STEP], |row| row.get(0))
            .optional()?;
        self.conn
            .prepare_cached(
                "DELETE FROM sent WHERE id >= ?1 AND id < ?2
                 AND NOT EXISTS (SELECT 1 FROM device WHERE device.id = sent.device)",
            )?
            .execute([from, end.unwrap_or(i64::MAX)])?;
        if end.is_none() {
            self.conn.execute("DELETE FROM meta WHERE key = ?1", [BY_NOBODY])?;
        }
        Ok(end)
    }
}

/// Makes a run of the newest rows, if there are enough. In a transaction of its own: where there is no room for it,
/// messages may still find some.
pub(super) fn seal(conn: &mut Connection, sent: &mut Sent) -> rusqlite::Result<()> {
    let Some(known) = sent.known.as_mut().filter(|known| known.recent.next - known.recent.first >= ROWS) else {
        return Ok(());
    };
    let Sealed { run, places } = known.seal();
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .prepare_cached("INSERT INTO sent_run (first, ids, newest, prints, places) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![run.first, ROWS, run.newest, run.to_bytes(), places])?;
    transaction.commit()?;
    known.recent.skip_to(run.first + ROWS);
    known.runs.push(run);
    Ok(())
}
