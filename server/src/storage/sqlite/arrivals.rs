//! What has come last, before it is filed by mailbox; see the migration that makes the table `arrival`.

use std::collections::HashMap;

use privmsg_protocol::MessageId;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::cache::Cache;
use super::tx::Tx;

/// Rows after which they are filed. More would make each filing cheaper by row, and longer (10 ms now), and whoever
/// connects looks through them all.
const MOST: usize = 2048;

/// What the writer remembers of the table.
pub(super) struct Arrivals {
    /// Rows of each device that has any.
    by_device: HashMap<i64, i64>,
    rows: usize,
    /// No row is older; whatever is, has been filed.
    first: i64,
}

impl Arrivals {
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut arrivals = Self { by_device: HashMap::new(), rows: 0, first: i64::MAX };
        let mut query = conn.prepare_cached("SELECT device, pos FROM arrival")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            arrivals.added(row.get(0)?, row.get(1)?);
        }
        Ok(arrivals)
    }

    pub(super) fn of(&self, device: i64) -> i64 {
        self.by_device.get(&device).copied().unwrap_or(0)
    }

    fn added(&mut self, device: i64, position: i64) {
        *self.by_device.entry(device).or_insert(0) += 1;
        self.rows += 1;
        self.first = self.first.min(position);
    }

    fn removed(&mut self, device: i64) {
        self.rows -= 1;
        if let Some(rows) = self.by_device.get_mut(&device) {
            *rows -= 1;
            if *rows == 0 {
                self.by_device.remove(&device);
            }
        }
    }
}

impl Tx<'_> {
    /// Puts a message into mailboxes.
    pub(super) fn arrive(
        &mut self,
        devices: &[i64],
        position: i64,
        flags: i64,
        message_id: MessageId,
    ) -> rusqlite::Result<()> {
        let mut insert =
            self.conn.prepare_cached("INSERT INTO arrival (pos, device, flags, message_id) VALUES (?1, ?2, ?3, ?4)")?;
        for device in devices {
            // Counted first: a count that is not yet known is read from the tables.
            *self.state.cache.pending(self.conn, *device)? += 1;
            insert.execute(params![position, device, flags, message_id.as_bytes()])?;
            self.state.cache.arrivals(self.conn)?.added(*device, position);
        }
        Ok(())
    }

    /// Takes a message out of a mailbox. Returns its flags if it was there.
    pub(super) fn leave(&mut self, device: i64, position: i64) -> rusqlite::Result<Option<i64>> {
        let arrivals = self.state.cache.arrivals(self.conn)?;
        let fresh = position >= arrivals.first;
        let statement = if fresh {
            "DELETE FROM arrival WHERE pos = ?2 AND device = ?1 RETURNING flags"
        } else {
            "DELETE FROM mailbox WHERE device = ?1 AND pos = ?2 RETURNING flags"
        };
        let flags = self.conn.prepare_cached(statement)?.query_row([device, position], |row| row.get(0)).optional()?;
        if flags.is_some() {
            if fresh {
                arrivals.removed(device);
            }
            self.state.cache.taken(device, 1);
        }
        Ok(flags)
    }
}

/// Files what has come, if there is enough of it.
pub(super) fn file(conn: &mut Connection, cache: &mut Cache) -> rusqlite::Result<()> {
    if cache.arrivals(conn)?.rows <= MOST {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .prepare_cached(
            "INSERT INTO mailbox (device, pos, flags, message_id)
             SELECT device, pos, flags, message_id FROM arrival ORDER BY device, pos",
        )?
        .execute([])?;
    transaction.prepare_cached("DELETE FROM arrival")?.execute([])?;
    transaction.commit()?;
    cache.filed();
    Ok(())
}
