//! Figures, and forgetting what is too old.

use privmsg_protocol::FileId;
use rusqlite::{Connection, params};

use super::fault::engine_error;
use super::tx::Tx;
use crate::storage::{Cutoffs, Result, StorageStats};

/// Rows that one transaction of the cleanup looks at, so that messages do not wait long behind it.
const STEP: i64 = 5_000;

/// Key of what [`touch`] writes.
const PROBE: &str = "probe";

/// Writes something small, which a disk or an engine with a fault does not take.
pub(super) fn touch(tx: &mut Tx<'_>) -> Result<()> {
    tx.conn
        .prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")
        .and_then(|mut statement| statement.execute(params![PROBE, tx.now_ms.to_be_bytes()]))
        .map(drop)
        .map_err(engine_error)
}

/// Reads it back.
pub(super) fn look(conn: &Connection) -> Result<()> {
    conn.prepare_cached("SELECT value FROM meta WHERE key = ?1")
        .and_then(|mut statement| statement.query_row([PROBE], |_| Ok(())))
        .map_err(engine_error)
}

pub(super) fn stats(conn: &Connection) -> Result<StorageStats> {
    conn.query_row(
        "SELECT (SELECT count(*) FROM user WHERE deleted_at = 0),
                (SELECT count(*) FROM user WHERE deleted_at = 0 AND revoked_at = 0),
                (SELECT bodies FROM total),
                (SELECT count(*) FROM file),
                (SELECT coalesce(sum(size), 0) FROM file)
                    + (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)",
        [],
        |row| {
            Ok(StorageStats {
                total_users: row.get(0)?,
                active_users: row.get(1)?,
                pending_messages: row.get(2)?,
                stored_files: row.get(3)?,
                bytes: row.get(4)?,
            })
        },
    )
    .map_err(engine_error)
}

impl Tx<'_> {
    /// Forgets some of the messages received before `cutoff`. Returns whether more are left.
    pub(super) fn expire_messages(&mut self, cutoff: i64) -> Result<bool> {
        self.expire_some_messages(cutoff).map_err(engine_error)
    }

    fn expire_some_messages(&mut self, cutoff: i64) -> rusqlite::Result<bool> {
        // Bodies lie in the order in which they were received, so what is too old is a prefix of the table. Where it is
        // not, because the clock was wrong for a while, what is not too old ends it: better kept than lost.
        let last: Option<i64> = self
            .conn
            .prepare_cached(
                "SELECT coalesce(min(id) FILTER (WHERE received_at >= ?1), max(id) + 1) - 1
                 FROM (SELECT id, received_at FROM body ORDER BY id LIMIT ?2)",
            )?
            .query_row([cutoff, STEP], |row| row.get(0))?;
        let Some(last) = last else { return Ok(false) };
        self.conn
            .prepare_cached(
                "UPDATE filed_bytes SET bytes = bytes - gone.len FROM
                     (SELECT sender, sum(len) AS len FROM body
                         WHERE id <= ?1 AND id NOT IN (SELECT pos FROM arrival) GROUP BY sender) gone
                 WHERE gone.sender = filed_bytes.sender",
            )?
            .execute([last])?;
        let deleted = self.conn.prepare_cached("DELETE FROM body WHERE id <= ?1")?.execute([last])?;
        if deleted == 0 {
            return Ok(false);
        }
        self.state.note_deleted(deleted);
        let welcomed: Vec<i64> = self
            .conn
            .prepare_cached("SELECT DISTINCT grp FROM welcome WHERE pos <= ?1")?
            .query_map([last], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for sql in [
            "DELETE FROM mailbox WHERE pos <= ?1 AND device IN (SELECT id FROM device)",
            "DELETE FROM arrival WHERE pos <= ?1",
            "DELETE FROM welcome WHERE pos <= ?1",
            "DELETE FROM notice WHERE pos <= ?1",
            "DELETE FROM fanout WHERE body <= ?1",
        ] {
            self.conn.prepare_cached(sql)?.execute([last])?;
        }
        for group in welcomed {
            self.prune_states(group)?;
        }
        self.state.cache.forget_all();
        Ok(true)
    }

    /// Ended sessions, files, and what signed-out devices have left behind. Returns the files.
    pub(super) fn expire_rest(&mut self, cutoffs: Cutoffs) -> Result<Vec<FileId>> {
        self.conn
            .execute(
                "UPDATE device SET token_hash = x'' WHERE token_expires_at < ?1 AND token_hash <> x''",
                [cutoffs.tokens],
            )
            .and_then(|_| self.expire_audit(cutoffs.audit))
            .and_then(|()| self.expire_invitations(cutoffs.now))
            .and_then(|()| self.expire_requests(cutoffs.now))
            .and_then(|()| self.forget_unanswered(cutoffs.now))
            .and_then(|()| self.forget_leftovers())
            .and_then(|()| self.expire_files(cutoffs.now))
            .map_err(engine_error)
    }
}
