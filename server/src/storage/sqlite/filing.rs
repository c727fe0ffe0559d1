//! What has come last, before it is filed by mailbox; see where the table `arrival` is made.

use bytes::Bytes;
use privmsg_protocol::MessageId;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::batch::{Arrival, Body};
use super::cache::Cache;
use super::tx::{SHARED, Tx};

impl Tx<'_> {
    /// Puts a message into mailboxes.
    pub(super) fn arrive(
        &mut self,
        devices: &[i64],
        position: i64,
        flags: i64,
        message_id: MessageId,
        frame: Bytes,
    ) -> rusqlite::Result<()> {
        let received_at = self.now();
        let state = &mut *self.state;
        for device in devices {
            // Counted first: a count that is not yet known is read from the tables.
            *state.cache.pending(self.conn, *device)? += 1;
            let message_id = *message_id.as_bytes();
            state.batch.arrive(Arrival { position, device: *device, flags, message_id });
        }
        state.cache.arrivals(self.conn)?.add(position, flags, devices);
        state.batch.store(Body { position, received_at, frame });
        Ok(())
    }

    /// Takes a message out of a mailbox. Returns its flags if it was there, and whether it was there last of all; of what
    /// has been filed, that is not known.
    pub(super) fn leave(&mut self, device: i64, position: i64) -> rusqlite::Result<Option<(i64, Option<bool>)>> {
        let state = &mut *self.state;
        let arrivals = state.cache.arrivals(self.conn)?;
        let found = if arrivals.reaches_back_to(position) {
            let Some(taken) = arrivals.take(position, device) else { return Ok(None) };
            state.batch.take(position, device, taken.last);
            Some((taken.flags, Some(taken.last)))
        } else {
            self.conn
                .prepare_cached("DELETE FROM mailbox WHERE device = ?1 AND pos = ?2 RETURNING flags")?
                .query_row([device, position], |row| Ok((row.get(0)?, None)))
                .optional()?
        };
        if found.is_some() {
            state.cache.taken(device, 1);
        }
        Ok(found)
    }
}

/// Files what has come, if there is enough of it.
pub(super) fn file(conn: &mut Connection, cache: &mut Cache) -> rusqlite::Result<()> {
    if !cache.arrivals(conn)?.are_many() {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction
        .prepare_cached(
            "INSERT INTO mailbox (device, pos, flags, message_id)
             SELECT device, pos, flags, message_id FROM arrival ORDER BY device, pos",
        )?
        .execute([])?;
    transaction
        .prepare_cached(
            "INSERT INTO fanout (body, pending) SELECT pos, count(*) FROM arrival WHERE flags & ?1 <> 0 GROUP BY pos",
        )?
        .execute([SHARED])?;
    transaction.prepare_cached("DELETE FROM arrival")?.execute([])?;
    transaction.commit()?;
    cache.filed();
    Ok(())
}
