//! What has come last, before it is filed by mailbox; see where the table `arrival` is made.

use privmsg_protocol::MessageId;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::cache::Cache;
use super::tx::Tx;

/// Rows after which they are filed. More would make each filing cheaper by row, and longer (10 ms now), and whoever
/// connects looks through them all.
const MOST: usize = 2048;

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
