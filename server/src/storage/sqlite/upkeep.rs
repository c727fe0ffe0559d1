//! Figures, and forgetting what is too old.

use privmsg_protocol::FileId;
use rusqlite::{Connection, params};

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{Cutoffs, Result, StorageStats};

impl SqliteStorage {
    /// Reads, and writes something small: answers if both work.
    pub(crate) async fn probe(&self) -> Result<()> {
        self.write(Touches::Data, touch).await?;
        self.read(look).await
    }

    pub(crate) async fn stats(&self) -> Result<StorageStats> {
        self.read(stats).await
    }

    /// Forgets what is older than the cutoffs. Returns files to delete from the disk.
    pub(crate) async fn expire(&self, cutoffs: Cutoffs) -> Result<Vec<FileId>> {
        while self.write(Touches::Structure, move |tx| tx.expire_messages(cutoffs.messages)).await? {}
        while self.write(Touches::Data, move |tx| tx.expire_sent(cutoffs.seen)).await? {}
        let files = self.write(Touches::Structure, move |tx| tx.expire_rest(cutoffs)).await?;
        let mut from = Some(0);
        while let Some(row) = from {
            from = self.write(Touches::Data, move |tx| tx.forget_sent_by_nobody(row)).await?;
        }
        Ok(files)
    }
}

/// Rows that one transaction of the cleanup looks at, so that messages do not wait long behind it.
const STEP: i64 = 5_000;

/// Key of what [`touch`] writes.
const PROBE: &str = "probe";

/// Writes something small, which a disk or an engine with a fault does not take.
fn touch(tx: &mut Tx<'_>) -> Result<()> {
    tx.conn.run(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
        params![PROBE, tx.now_ms.to_be_bytes()],
    )?;
    Ok(())
}

/// Reads it back.
pub(super) fn look(conn: &Connection) -> Result<()> {
    conn.one("SELECT value FROM meta WHERE key = ?1", [PROBE], |_| Ok(()))
}

fn stats(conn: &Connection) -> Result<StorageStats> {
    Ok(conn.query_row(
        "SELECT (SELECT count(*) FROM account),
                (SELECT count(*) FROM active_account),
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
    )?)
}

impl Tx<'_> {
    /// Forgets some of the messages received before `cutoff`. Returns whether more are left.
    fn expire_messages(&mut self, cutoff: i64) -> Result<bool> {
        // Bodies lie in the order in which they were received, so what is too old is a prefix of the table. Where it is
        // not, because the clock was wrong for a while, what is not too old ends it: better kept than lost.
        let last: Option<i64> = self.conn.one(
            "SELECT coalesce(min(id) FILTER (WHERE received_at >= ?1), max(id) + 1) - 1
             FROM (SELECT id, received_at FROM body ORDER BY id LIMIT ?2)",
            [cutoff, STEP],
            |row| row.get(0),
        )?;
        let Some(last) = last else { return Ok(false) };
        self.conn.run(
            "UPDATE filed_bytes SET bytes = bytes - gone.len FROM
                 (SELECT sender, sum(len) AS len FROM body
                     WHERE id <= ?1 AND id NOT IN (SELECT pos FROM arrival) GROUP BY sender) gone
             WHERE gone.sender = filed_bytes.sender",
            [last],
        )?;
        let deleted = self.conn.run("DELETE FROM body WHERE id <= ?1", [last])?;
        if deleted == 0 {
            return Ok(false);
        }
        self.state.note_deleted(deleted);
        let welcomed: Vec<i64> =
            self.conn.all("SELECT DISTINCT grp FROM welcome WHERE pos <= ?1", [last], |row| row.get(0))?;
        for sql in [
            "DELETE FROM mailbox WHERE pos <= ?1 AND device IN (SELECT id FROM device)",
            "DELETE FROM arrival WHERE pos <= ?1",
            "DELETE FROM welcome WHERE pos <= ?1",
            "DELETE FROM notice WHERE pos <= ?1",
            "DELETE FROM fanout WHERE body <= ?1",
        ] {
            self.conn.run(sql, [last])?;
        }
        for group in welcomed {
            self.prune_states(group)?;
        }
        self.state.cache.forget_all();
        Ok(true)
    }

    /// Ended sessions, files, and what signed-out devices have left behind. Returns the files.
    fn expire_rest(&mut self, cutoffs: Cutoffs) -> Result<Vec<FileId>> {
        self.conn.execute(
            "UPDATE device SET token_hash = x'' WHERE token_expires_at < ?1 AND token_hash <> x''",
            [cutoffs.tokens],
        )?;
        self.expire_audit(cutoffs.audit)?;
        self.expire_invitations(cutoffs.now)?;
        self.expire_requests(cutoffs.now)?;
        self.forget_unanswered(cutoffs.now)?;
        self.forget_leftovers()?;
        self.expire_files(cutoffs.now)
    }
}
