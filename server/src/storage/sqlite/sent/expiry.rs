//! Forgetting what was sent long ago, or by devices that are no more.

use rusqlite::Connection;

use super::super::query::Query as _;
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
        let known = self.state.sent.known(self.conn)?;
        let old = |run: &&mut Run| !run.expired && run.newest < cutoff;
        if let Some(run) = known.shelves.iter_mut().flat_map(|runs| &mut runs.runs).find(old) {
            let ids: i64 = self.conn.one("SELECT ids FROM sent_run WHERE first = ?1", [run.first], |row| row.get(0))?;
            if delete_some(self.conn, run.first, run.first + ids)? < STEP {
                // Its place on the shelf stays, or those behind it would have others.
                self.conn.run("UPDATE sent_run SET hashes = x'' WHERE first = ?1", [run.first])?;
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
    pub(in super::super) fn note_sent_by_nobody(&self) -> Result<()> {
        self.conn.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, x'')", [BY_NOBODY])?;
        Ok(())
    }

    /// Forgets some of what devices have sent that are no more, if there are any, going on from the row with this number.
    /// Returns where to go on.
    pub(in super::super) fn forget_sent_by_nobody(&self, from: i64) -> Result<Option<i64>> {
        let known: bool =
            self.conn.one("SELECT EXISTS (SELECT 1 FROM meta WHERE key = ?1)", [BY_NOBODY], |row| row.get(0))?;
        if !known {
            return Ok(None);
        }
        let end: Option<i64> = self.conn.first(
            "SELECT id FROM sent WHERE id >= ?1 ORDER BY id LIMIT 1 OFFSET ?2",
            [from, STEP],
            |row| row.get(0),
        )?;
        self.conn.run(
            "DELETE FROM sent WHERE id >= ?1 AND id < ?2
             AND NOT EXISTS (SELECT 1 FROM device WHERE device.id = sent.device)",
            [from, end.unwrap_or(i64::MAX)],
        )?;
        if end.is_none() {
            self.conn.execute("DELETE FROM meta WHERE key = ?1", [BY_NOBODY])?;
        }
        Ok(end)
    }
}

/// Deletes rows from one number to below another, no more than are deleted at once. Returns how many.
fn delete_some(conn: &Connection, first: i64, end: i64) -> Result<i64> {
    let deleted = conn.run(
        "DELETE FROM sent WHERE id IN (SELECT id FROM sent WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3)",
        [first, end, STEP],
    )?;
    Ok(i64::try_from(deleted).unwrap_or(i64::MAX))
}
