//! Forgetting what was sent long ago, or by devices that are no more.

use rusqlite::{Connection, OptionalExtension};

use super::super::fault::engine_error;
use super::super::tx::Tx;
use super::Run;
use crate::storage::Result;

/// Rows that one transaction of the cleanup deletes, so that messages do not wait long behind it.
const STEP: i64 = 5_000;

/// Key of the note that there may be rows of deleted devices.
const BY_NOBODY: &str = "sent_by_nobody";

impl Tx<'_> {
    /// Forgets some of what was sent before `cutoff`. Returns whether there may be more.
    pub(in super::super) fn expire_sent(&mut self, cutoff: i64) -> Result<bool> {
        self.expire_some_sent(cutoff).map_err(engine_error)
    }

    fn expire_some_sent(&mut self, cutoff: i64) -> rusqlite::Result<bool> {
        let known = self.state.sent.known(self.conn)?;
        let old = |run: &&mut Run| !run.expired && run.newest < cutoff;
        if let Some(run) = known.shelves.iter_mut().flat_map(|runs| &mut runs.runs).find(old) {
            let ids: i64 = self
                .conn
                .prepare_cached("SELECT ids FROM sent_run WHERE first = ?1")?
                .query_row([run.first], |row| row.get(0))?;
            if delete_some(self.conn, run.first, run.first + ids)? < STEP {
                // Its place on the shelf stays, or those behind it would have others.
                self.conn.prepare_cached("UPDATE sent_run SET hashes = x'' WHERE first = ?1")?.execute([run.first])?;
                run.expired = true;
                known.throw_away(self.conn)?;
                self.state.sent.rebuilt = true;
            }
            return Ok(true);
        }
        // In the order in which they were received. Where that is not the order of their times, because the clock was
        // wrong for a while, what is younger ends it.
        let old = known.recent.rows.iter().take_while(|row| row.received_at < cutoff).count();
        let old = old.min(usize::try_from(STEP).unwrap_or(usize::MAX));
        let (Some(first), Some(last)) = (known.recent.rows.first(), known.recent.rows[..old].last()) else {
            return Ok(false);
        };
        delete_some(self.conn, first.number, last.number + 1)?;
        known.recent.rows.drain(..old);
        known.recent.written -= old;
        self.state.sent.rebuilt = true;
        Ok(true)
    }

    /// Devices have been deleted; what they have sent goes with the next cleanup.
    pub(in super::super) fn note_sent_by_nobody(&self) -> rusqlite::Result<()> {
        self.conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, x'')", [BY_NOBODY]).map(drop)
    }

    /// Forgets some of what devices have sent that are no more, if there are any, going on from the row with this number.
    /// Returns where to go on.
    pub(in super::super) fn forget_sent_by_nobody(&self, from: i64) -> Result<Option<i64>> {
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

/// Deletes rows from one number to below another, no more than are deleted at once. Returns how many.
fn delete_some(conn: &Connection, first: i64, end: i64) -> rusqlite::Result<i64> {
    let deleted = conn
        .prepare_cached(
            "DELETE FROM sent WHERE id IN (SELECT id FROM sent WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3)",
        )?
        .execute([first, end, STEP])?;
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}
