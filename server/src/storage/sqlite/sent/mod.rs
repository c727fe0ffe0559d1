//! What devices have sent, to recognise repeats, however long ago and through restarts.
//!
//! Ids are random, so an index over them has every message at another place: with some hundred messages in a
//! transaction, some hundred pages are changed and written, which was half of all that the server did. So `sent` is only
//! appended to, and has no index. The newest rows are in memory. When there are enough they become a *run*, whose hashes
//! are one row of `sent_run`. A [`Shelf`] in memory says of the hash of an id in which run it may be, nearly always: in
//! none, and then the id is new. Otherwise the hashes of that run are read, and the one row that they name.
//!
//! | | in memory | on the disk |
//! |---|---|---|
//! | the newest rows, fewer than [`ROWS`] | all of them | `sent` |
//! | the others, in runs | 6 bytes each, in shelves of a million | `sent`, and 8 bytes each in `sent_run` |
//! | those beyond [`SHELVES`] | nothing | besides, 6 bytes each in `sent_shelf` |
//!
//! Rows are remembered for 30 days, so a server that takes a million messages in that time has 6 MB of them in memory,
//! and one that takes a hundred millions has 50 MB. All of it is read back from the tables, at the first message after a
//! start.

mod expiry;
mod run;
mod shelf;
#[cfg(test)]
mod tests;

use std::hash::Hasher as _;

use privmsg_protocol::MessageId;
use rusqlite::{Connection, TransactionBehavior, params};
use siphasher::sip::SipHasher13;

use self::run::{Run, Runs, in_run};
use self::shelf::Shelf;
use super::batch::insert;
use super::query::Query as _;
use super::tx::Tx;
use crate::storage::Result;

/// Rows that become a run. More would be more to read for a repeat (40 µs now).
const ROWS: usize = 16 * 1024;

/// Complete shelves in memory. More would make it grow with the messages of a month; each one less costs 2 µs for each
/// message, where there are so many.
pub(super) const SHELVES: usize = 8;

/// What the writer remembers of the table. Loaded when it is first asked for.
pub(super) struct Sent {
    known: Option<Known>,
    /// How many complete shelves to have in memory.
    shelves: usize,
    /// What is known has changed with the transaction in more than the rows at its end.
    rebuilt: bool,
}

struct Known {
    key: [u8; 16],
    /// Oldest first. The newest rows are on the last one, as the run that comes next.
    shelves: Vec<Runs>,
    recent: Recent,
}

/// The rows behind the last run.
struct Recent {
    /// Number of the next one.
    next: i64,
    rows: Vec<Row>,
    /// How many of them are in the table.
    written: usize,
}

/// The number of a device, and an id that it has used.
type Id = (i64, [u8; 16]);

struct Row {
    /// In the table.
    number: i64,
    hash: u64,
    id: Id,
    received_at: i64,
    /// Where to, and the place in the group's history.
    sent: (i64, i64),
}

impl Sent {
    /// Has so many shelves in memory, besides the one that is being filled.
    pub(super) const fn with_shelves(shelves: usize) -> Self {
        Self { known: None, shelves, rebuilt: false }
    }

    fn known(&mut self, conn: &Connection) -> Result<&mut Known> {
        match &mut self.known {
            Some(known) => Ok(known),
            unknown => Ok(unknown.insert(Known::load(conn, self.shelves)?)),
        }
    }

    /// Writes what has been noted.
    pub(super) fn write(&mut self, conn: &Connection) -> Result<()> {
        let Some(Known { recent, .. }) = &mut self.known else { return Ok(()) };
        let columns = "sent (id, device, message_id, destination, seq, received_at)";
        insert(conn, columns, &recent.rows[recent.written..], |sent, row| {
            row.bind(sent.number)?;
            row.bind(sent.id.0)?;
            row.bind(sent.id.1.as_slice())?;
            row.bind(sent.sent.0)?;
            row.bind(sent.sent.1)?;
            row.bind(sent.received_at)
        })?;
        recent.written = recent.rows.len();
        Ok(())
    }

    /// How much there is, to go back to by [`Sent::back_to`].
    pub(super) fn mark(&self) -> i64 {
        self.known.as_ref().map_or(0, |known| known.recent.next)
    }

    /// The table has gone back to what it was at the mark.
    pub(super) fn back_to(&mut self, mark: i64) {
        match &mut self.known {
            Some(known) if !self.rebuilt && mark > 0 => known.back_to(mark),
            _ => self.known = None,
        }
    }

    /// The transaction is over.
    pub(super) fn committed(&mut self) {
        self.rebuilt = false;
    }
}

impl Known {
    fn load(conn: &Connection, most: usize) -> Result<Self> {
        let key = conn.query_row("SELECT value FROM meta WHERE key = 'sent_key'", [], |row| row.get(0))?;
        let mut shelves: Vec<Runs> = Vec::new();
        let mut next = 1;
        let mut query =
            conn.prepare("SELECT shelf, first, newest, ids, length(hashes) = 0 FROM sent_run ORDER BY first")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let (number, ids): (i64, usize) = (row.get(0)?, row.get(3)?);
            if shelves.last().is_none_or(|runs| runs.number != number) {
                shelves.push(Runs::new(number));
            }
            let run = Run { first: row.get(1)?, newest: row.get(2)?, expired: row.get(4)? };
            next = run.first + i64::try_from(ids).unwrap_or(0);
            if let Some(runs) = shelves.last_mut() {
                runs.add(run, ids);
            }
        }
        if shelves.last().is_none_or(Runs::are_complete) {
            shelves.push(Runs::new(shelves.last().map_or(1, |runs| runs.number + 1)));
        }
        let complete = shelves.len() - 1;
        for (at, runs) in shelves.iter_mut().enumerate() {
            if at + most < complete && shelf::is_on_disk(conn, runs.number)? {
                runs.shelf = None;
            } else {
                runs.refill(conn, &[])?;
            }
        }
        let mut known = Self { key, shelves, recent: Recent { next, rows: Vec::new(), written: 0 } };
        known.load_recent(conn)?;
        Ok(known)
    }

    fn load_recent(&mut self, conn: &Connection) -> Result<()> {
        let mut query = conn.prepare(
            "SELECT id, device, message_id, received_at, destination, seq FROM sent WHERE id >= ?1 ORDER BY id",
        )?;
        let mut rows = query.query([self.recent.next])?;
        while let Some(row) = rows.next()? {
            self.recent.next = row.get(0)?;
            let id = (row.get(1)?, row.get(2)?);
            self.add(conn, id, row.get(3)?, (row.get(4)?, row.get(5)?))?;
        }
        self.recent.written = self.recent.rows.len();
        Ok(())
    }

    fn hash(&self, id: &Id) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(&id.0.to_le_bytes());
        hasher.write(&id.1);
        // 0 stands for a row that is not there.
        hasher.finish().max(1)
    }

    fn add(&mut self, conn: &Connection, id: Id, received_at: i64, sent: (i64, i64)) -> Result<()> {
        let hash = self.hash(&id);
        let runs = self.shelves.last_mut().expect("there is one for the newest rows");
        if runs.shelf.as_ref().is_none_or(Shelf::is_full) {
            runs.refill(conn, &self.recent.rows)?;
        }
        if let Some(shelf) = &mut runs.shelf {
            shelf.put(hash, runs.runs.len());
        }
        self.recent.rows.push(Row { number: self.recent.next, hash, id, received_at, sent });
        self.recent.next += 1;
        Ok(())
    }

    fn find(&self, conn: &Connection, id: &Id) -> Result<Option<(i64, i64)>> {
        let hash = self.hash(id);
        for runs in self.shelves.iter().rev() {
            let found = match &runs.shelf {
                Some(shelf) => self.find_in(&runs.runs, shelf.candidates(hash), conn, hash, id)?,
                None => {
                    let candidates = shelf::candidates_on_disk(conn, runs.number, hash)?;
                    self.find_in(&runs.runs, candidates, conn, hash, id)?
                }
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Looks at the rows of those of these runs that may have it.
    fn find_in(
        &self,
        runs: &[Run],
        candidates: impl IntoIterator<Item = usize>,
        conn: &Connection,
        hash: u64,
        id: &Id,
    ) -> Result<Option<(i64, i64)>> {
        for at in candidates {
            let found = match runs.get(at) {
                None => self.recent.find(hash, id),
                Some(run) if run.expired => None,
                Some(run) => in_run(conn, run.first, hash, id)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Forgets shelves with nothing on them any more, but the last one.
    fn throw_away(&mut self, conn: &Connection) -> Result<()> {
        let empty = |runs: &Runs| runs.runs.iter().all(|run| run.expired);
        while let Some(at) = self.shelves[..self.shelves.len() - 1].iter().position(empty) {
            let Runs { number, .. } = self.shelves.remove(at);
            conn.run("DELETE FROM sent_run WHERE shelf = ?1", [number])?;
            shelf::throw_away(conn, number)?;
        }
        Ok(())
    }

    /// Forgets what came from this number on.
    fn back_to(&mut self, next: i64) {
        let runs = self.shelves.last_mut().expect("there is one for the newest rows");
        while let Some(row) = self.recent.rows.pop_if(|row| row.number >= next) {
            if let Some(shelf) = &mut runs.shelf {
                shelf.take_last(row.hash, runs.runs.len());
            }
        }
        self.recent.written = self.recent.written.min(self.recent.rows.len());
        self.recent.next = next;
    }
}

impl Recent {
    fn find(&self, hash: u64, id: &Id) -> Option<(i64, i64)> {
        // From the end: whoever repeats does so soon.
        self.rows.iter().rev().find(|row| row.hash == hash && row.id == *id).map(|row| row.sent)
    }
}

impl Tx<'_> {
    /// Where this device has sent the message before, and the number that it got.
    pub(super) fn seen(&mut self, device: i64, message_id: MessageId) -> Result<Option<(i64, i64)>> {
        self.state.sent.known(self.conn)?.find(self.conn, &(device, *message_id.as_bytes()))
    }

    pub(super) fn note_seen(&mut self, device: i64, message_id: MessageId, destination: i64, seq: i64) -> Result<()> {
        let received_at = self.now();
        let id = (device, *message_id.as_bytes());
        self.state.sent.known(self.conn)?.add(self.conn, id, received_at, (destination, seq))
    }
}

/// Makes a run of the newest rows, if there are enough, and puts a shelf away, if there are too many. In transactions of
/// its own: where there is no room for it, messages may still find some.
pub(super) fn seal(conn: &mut Connection, sent: &mut Sent) -> Result<()> {
    let most = sent.shelves;
    let Some(known) = sent.known.as_mut().filter(|known| known.recent.rows.len() >= ROWS) else {
        return Ok(());
    };
    let runs = known.shelves.last_mut().expect("there is one for the newest rows");
    let Recent { next, rows, written } = &mut known.recent;
    let first = rows[0].number;
    let ids = usize::try_from(*next - first).unwrap_or(0);
    let newest = rows.iter().map(|row| row.received_at).max().unwrap_or(0);
    let mut places = vec![[0; 8]; ids];
    for row in rows.iter() {
        places[usize::try_from(row.number - first).unwrap_or(0)] = row.hash.to_le_bytes();
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.run(
        "INSERT INTO sent_run (first, shelf, ids, newest, hashes) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![first, runs.number, ids, newest, places.as_flattened()],
    )?;
    transaction.commit()?;
    rows.clear();
    *written = 0;
    runs.add(Run { first, newest, expired: false }, ids);
    if runs.are_complete() {
        let number = runs.number + 1;
        known.shelves.push(Runs::new(number));
        known.shelves.iter_mut().rev().skip(1).take(1).try_for_each(|runs| runs.shrink(conn))?;
    }
    let complete = known.shelves.len() - 1;
    known.shelves[..complete.saturating_sub(most)].iter_mut().try_for_each(|runs| runs.put_away(conn))
}
