//! What a transaction is going to write for its messages, gathered.
//!
//! A message costs three rows when it comes (what was sent, the body, the mailbox) and the removal of two when it is
//! acknowledged. Written one by one, most of that is the beginning and the end of statements. Gathered, sixteen rows are
//! one statement, and what has been acknowledged in a row, by whomever, is one removal.
//!
//! Whatever reads these tables in the same transaction has to write first ([`State::flush`](super::tx::State::flush)).

use bytes::Bytes;
use rusqlite::types::ToSql;
use rusqlite::{CachedStatement, Connection};

use super::arrivals::Arrivals;
use super::tx::Source;
use crate::storage::Result;

/// Rows in one statement. More of them hardly make a row cheaper.
const ROWS: usize = 16;

/// See the module.
#[derive(Default)]
pub(super) struct Batch {
    bodies: Vec<Body>,
    arrivals: Vec<Arrival>,
    /// Messages that wait for nobody any more.
    gone: Vec<i64>,
    /// Messages that wait for others still, and devices they do not wait for any more.
    taken: Vec<(i64, i64)>,
}

/// A body to be stored.
pub(super) struct Body {
    pub(super) position: i64,
    pub(super) received_at: i64,
    pub(super) sender: i64,
    pub(super) frame: Bytes,
}

/// A row of a mailbox.
pub(super) struct Arrival {
    pub(super) position: i64,
    pub(super) device: i64,
    pub(super) flags: i64,
    pub(super) source: Source,
    pub(super) len: i64,
    pub(super) message_id: [u8; 16],
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.bodies.is_empty() && self.arrivals.is_empty() && self.gone.is_empty() && self.taken.is_empty()
    }

    /// Nothing of it is to be written: what it belongs to is undone.
    pub(super) fn clear(&mut self) {
        self.bodies.clear();
        self.arrivals.clear();
        self.gone.clear();
        self.taken.clear();
    }

    pub(super) fn store(&mut self, body: Body) {
        self.bodies.push(body);
    }

    pub(super) fn arrive(&mut self, arrival: Arrival) {
        self.arrivals.push(arrival);
    }

    /// A message has been taken out of a mailbox; out of the last one, if so said.
    pub(super) fn take(&mut self, position: i64, device: i64, last: bool) {
        if last {
            self.gone.push(position);
        } else {
            self.taken.push((position, device));
        }
    }

    /// Writes it. Returns how many bodies are gone.
    pub(super) fn write(&mut self, conn: &Connection, arrivals: &Arrivals) -> Result<usize> {
        insert(conn, "body (id, received_at, sender, len, frame)", &self.bodies, |body, row| {
            row.bind(body.position)?;
            row.bind(body.received_at)?;
            row.bind(body.sender)?;
            row.bind(i64::try_from(body.frame.len()).unwrap_or(i64::MAX))?;
            row.bind(body.frame.as_ref())
        })?;
        insert(conn, "arrival (pos, device, flags, chat, len, message_id)", &self.arrivals, |arrival, row| {
            row.bind(arrival.position)?;
            row.bind(arrival.device)?;
            row.bind(arrival.flags)?;
            row.bind(arrival.source)?;
            row.bind(arrival.len)?;
            row.bind(arrival.message_id.as_slice())
        })?;
        let mut bodies = 0;
        if !self.gone.is_empty() {
            self.gone.sort_unstable();
            let mut rows = conn.prepare_cached("DELETE FROM arrival WHERE pos BETWEEN ?1 AND ?2")?;
            let mut frames = conn.prepare_cached("DELETE FROM body WHERE id BETWEEN ?1 AND ?2")?;
            // What is gone one after the other, or with nothing in between that waits for anybody.
            for run in self.gone.chunk_by(|before, after| arrivals.are_gone(*before, *after)) {
                let ends = [run[0], run[run.len() - 1]];
                rows.execute(ends)?;
                bodies += frames.execute(ends)?;
            }
        }
        if !self.taken.is_empty() {
            let mut row = conn.prepare_cached("DELETE FROM arrival WHERE pos = ?1 AND device = ?2")?;
            for (position, device) in &self.taken {
                // Gone with the message, if that has no other by now.
                row.execute([position, device])?;
            }
        }
        self.clear();
        Ok(bodies)
    }
}

/// The values of a row, one after the other.
pub(super) struct Row<'a, 'conn> {
    statement: &'a mut CachedStatement<'conn>,
    bound: usize,
}

impl Row<'_, '_> {
    pub(super) fn bind(&mut self, value: impl ToSql) -> Result<()> {
        self.bound += 1;
        Ok(self.statement.raw_bind_parameter(self.bound, value)?)
    }
}

/// Inserts rows into a table, which is named with its columns.
pub(super) fn insert<R>(
    conn: &Connection,
    into: &str,
    rows: &[R],
    bind: impl Fn(&R, &mut Row<'_, '_>) -> Result<()>,
) -> Result<()> {
    let columns = into.matches(',').count() + 1;
    let values = format!("({}?)", "?, ".repeat(columns - 1));
    let mut many = rows.chunks_exact(ROWS);
    if rows.len() >= ROWS {
        let sql = format!("INSERT INTO {into} VALUES {}{values}", format!("{values}, ").repeat(ROWS - 1));
        let mut statement = conn.prepare_cached(&sql)?;
        for chunk in many.by_ref() {
            let mut row = Row { statement: &mut statement, bound: 0 };
            chunk.iter().try_for_each(|values| bind(values, &mut row))?;
            statement.raw_execute()?;
        }
    }
    let single = many.remainder();
    if !single.is_empty() {
        let mut statement = conn.prepare_cached(&format!("INSERT INTO {into} VALUES {values}"))?;
        for values in single {
            bind(values, &mut Row { statement: &mut statement, bound: 0 })?;
            statement.raw_execute()?;
        }
    }
    Ok(())
}
