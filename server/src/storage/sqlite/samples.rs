//! Figures over time.
//!
//! Taken together, of a level (users, bytes) the highest counts, for that is what one wants to know of an hour; of
//! what happens (messages), the sum. Ten thousand rows hold a year.

use rusqlite::{Connection, Row, params};

use super::engine::SqliteStorage;
use super::query::Query as _;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{Result, Sample};

impl SqliteStorage {
    /// Notes figures of a moment; what is noted for the same moment twice is taken together.
    pub(crate) async fn add_sample(&self, sample: Sample) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.add_sample(&sample)).await
    }

    /// The samples from `since` on, those of the same `interval` seconds taken together under its beginning.
    pub(crate) async fn samples(&self, since: i64, interval: i64) -> Result<Vec<Sample>> {
        self.read(move |conn| samples(conn, since, interval)).await
    }

    /// Takes older samples together and forgets old ones, so that they never become many.
    pub(crate) async fn thin_samples(&self, now: i64) -> Result<()> {
        self.write(Touches::Data, move |tx| tx.thin_samples(now)).await
    }
}

const DAY: i64 = 24 * 3600;

/// How long every sample is kept as it was taken. Later it is taken together with those of the same hour.
const FINE: i64 = 2 * DAY;

/// How long samples are kept: a year, and enough of the one before to compare.
const KEPT: i64 = 400 * DAY;

/// What lies so far ahead was written by a clock that was wrong.
const AHEAD: i64 = DAY;

/// The columns of several samples taken together; the first one is the caller's.
const TOGETHER: &str = "max(online_users), max(pending_messages), max(stored_files), max(stored_bytes), sum(messages)";

fn sample_of(row: &Row<'_>) -> rusqlite::Result<Sample> {
    Ok(Sample {
        at: row.get(0)?,
        online_users: row.get(1)?,
        pending_messages: row.get(2)?,
        stored_files: row.get(3)?,
        stored_bytes: row.get(4)?,
        messages: row.get(5)?,
    })
}

pub(super) fn samples(conn: &Connection, since: i64, interval: i64) -> Result<Vec<Sample>> {
    conn.all(
        &format!("SELECT at / ?2 * ?2 AS start, {TOGETHER} FROM sample WHERE at >= ?1 GROUP BY start ORDER BY start"),
        [since, interval],
        sample_of,
    )
}

impl Tx<'_> {
    fn add_sample(&self, sample: &Sample) -> Result<()> {
        let Sample { at, online_users, pending_messages, stored_files, stored_bytes, messages } = sample;
        self.conn.run(
            "INSERT INTO sample (at, online_users, pending_messages, stored_files, stored_bytes, messages)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (at) DO UPDATE SET
                 online_users = max(online_users, excluded.online_users),
                 pending_messages = max(pending_messages, excluded.pending_messages),
                 stored_files = max(stored_files, excluded.stored_files),
                 stored_bytes = max(stored_bytes, excluded.stored_bytes),
                 messages = messages + excluded.messages",
            params![at, online_users, pending_messages, stored_files, stored_bytes, messages],
        )?;
        Ok(())
    }

    fn thin_samples(&self, now: i64) -> Result<()> {
        self.conn.run("DELETE FROM sample WHERE at < ?1 OR at > ?2", [now - KEPT, now + AHEAD])?;
        // Whole hours only: what is taken together now is never added to later.
        let fine_from = (now - FINE) / 3600 * 3600;
        let hours: Vec<Sample> = self.conn.all(
            &format!(
                "SELECT at / 3600 * 3600 AS hour, {TOGETHER} FROM sample WHERE at < ?1
                 GROUP BY hour HAVING count(*) > 1"
            ),
            [fine_from],
            sample_of,
        )?;
        for hour in &hours {
            self.conn.run("DELETE FROM sample WHERE at >= ?1 AND at < ?1 + 3600", [hour.at])?;
            self.add_sample(hour)?;
        }
        Ok(())
    }
}
