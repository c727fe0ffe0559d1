//! Runs of rows, and the shelves that their hashes are on.

use rusqlite::{Connection, TransactionBehavior, params};

use super::super::query::Query as _;
use super::super::row::blob;
use super::shelf::{self, Shelf};
use super::{Id, ROWS, Row};
use crate::storage::Result;

/// Runs that follow each other, and the shelf with their hashes.
pub(super) struct Runs {
    pub(super) number: i64,
    /// `None` if it is on the disk.
    pub(super) shelf: Option<Shelf>,
    pub(super) runs: Vec<Run>,
    /// Rows of all of them.
    pub(super) rows: usize,
}

/// Rows that follow each other, with their hashes in one row of `sent_run`.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Number of its first row.
    pub(super) first: i64,
    /// When the youngest of its rows was received.
    pub(super) newest: i64,
    /// It is too old, and deleted.
    pub(super) expired: bool,
}

impl Runs {
    pub(super) fn new(number: i64) -> Self {
        Self { number, shelf: Some(Shelf::for_rows(0)), runs: Vec::new(), rows: 0 }
    }

    pub(super) fn add(&mut self, run: Run, rows: usize) {
        self.runs.push(run);
        self.rows += rows;
    }

    /// No more runs come to these.
    pub(super) fn are_complete(&self) -> bool {
        // A run may be longer than need be, by what was one transaction.
        self.runs.len() == shelf::RUNS || self.rows + 2 * ROWS > shelf::ROWS
    }

    /// Fills a shelf for them and as many more, with these rows behind them.
    pub(super) fn refill(&mut self, conn: &Connection, recent: &[Row]) -> Result<()> {
        let rows = self.rows + recent.len();
        let mut shelf = Shelf::for_rows(if self.are_complete() { rows } else { rows + ROWS });
        let mut query = conn.prepare_cached("SELECT hashes FROM sent_run WHERE first = ?1")?;
        for (at, run) in self.runs.iter().enumerate().filter(|(_, run)| !run.expired) {
            let mut rows = query.query([run.first])?;
            if let Some(row) = rows.next()? {
                let hashes = hashes(blob(row, 0)?);
                hashes.filter(|hash| *hash != 0).for_each(|hash| shelf.put(hash, at));
            }
        }
        recent.iter().for_each(|row| shelf.put(row.hash, self.runs.len()));
        self.shelf = Some(shelf);
        Ok(())
    }

    /// Gives a complete shelf the size that its rows need. It has a larger one if much that came was undone.
    pub(super) fn shrink(&mut self, conn: &Connection) -> Result<()> {
        match &self.shelf {
            Some(shelf) if !shelf.can_be_put_away() => self.refill(conn, &[]),
            _ => Ok(()),
        }
    }

    /// Moves a complete shelf to the disk. Where runs could not be made for a long time, and then one of very many rows,
    /// it stays in memory: there is one size on the disk.
    pub(super) fn put_away(&mut self, conn: &mut Connection) -> Result<()> {
        if let Some(shelf) = self.shelf.as_ref().filter(|shelf| shelf.can_be_put_away()) {
            let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
            shelf.put_away(&transaction, self.number)?;
            transaction.commit()?;
            self.shelf = None;
        }
        Ok(())
    }
}

/// The row of a run that has this hash, if it is of this id.
pub(super) fn in_run(conn: &Connection, first: i64, hash: u64, id: &Id) -> Result<Option<(i64, i64)>> {
    let mut query = conn.prepare_cached("SELECT hashes FROM sent_run WHERE first = ?1")?;
    let mut rows = query.query([first])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    for (place, other) in (0..).zip(hashes(blob(row, 0)?)) {
        if other == hash {
            let found = conn.first(
                "SELECT destination, seq FROM sent WHERE id = ?1 AND device = ?2 AND message_id = ?3",
                params![first + place, id.0, id.1],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// The hashes of a run's rows, one after the other; 0 where there is none.
fn hashes(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.as_chunks().0.iter().map(|eight| u64::from_le_bytes(*eight))
}
