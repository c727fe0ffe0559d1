//! What has come last, before it is filed by mailbox; see where the table `arrival` is made.

use bytes::Bytes;
use rusqlite::{Connection, TransactionBehavior};

use super::arrivals::Kind;
use super::batch::{Arrival, Body};
use super::bounds::Waiting;
use super::cache::Cache;
use super::query::Query as _;
use super::tx::{Piece, SHARED, Tx};
use crate::storage::Result;

/// A message that has been taken out of a mailbox.
pub(super) struct Left {
    pub(super) flags: i64,
    /// Whether it was there last of all; of what has been filed, that is not known.
    pub(super) last: Option<bool>,
}

impl Tx<'_> {
    /// Puts a message into mailboxes.
    pub(super) fn arrive(&mut self, position: i64, piece: Piece<'_>, frame: Bytes) -> Result<()> {
        let Piece { message_id, devices, flags, source, sender } = piece;
        let (received_at, len) = (self.now(), i64::try_from(frame.len()).unwrap_or(i64::MAX));
        let state = &mut *self.state;
        // Counted first: a count that is not yet known is read from the tables.
        for device in devices {
            *state.cache.pending(self.conn, *device)? += Waiting::one(len);
            let message_id = *message_id.as_bytes();
            state.batch.arrive(Arrival { position, device: *device, flags, source, len, message_id });
        }
        *state.cache.sent_bytes(self.conn, sender)? += len;
        state.cache.arrivals(self.conn)?.add(position, Kind { flags, sender, len }, devices);
        state.batch.store(Body { position, received_at, sender, frame });
        Ok(())
    }

    /// What a message in a mailbox is, if it is there.
    pub(super) fn flags_of(&mut self, device: i64, position: i64) -> Result<Option<i64>> {
        let arrivals = self.state.cache.arrivals(self.conn)?;
        if arrivals.reaches_back_to(position) {
            return Ok(arrivals.flags_of(position, device));
        }
        self.conn
            .first("SELECT flags FROM mailbox WHERE device = ?1 AND pos = ?2", [device, position], |row| row.get(0))
    }

    /// Takes a message out of a mailbox, if it is there.
    pub(super) fn leave(&mut self, device: i64, position: i64) -> Result<Option<Left>> {
        let state = &mut *self.state;
        let arrivals = state.cache.arrivals(self.conn)?;
        let found = if arrivals.reaches_back_to(position) {
            let Some(taken) = arrivals.take(position, device) else { return Ok(None) };
            state.batch.take(position, device, taken.last);
            if taken.last {
                state.cache.is_gone(taken.sender, taken.len);
            }
            Some((Left { flags: taken.flags, last: Some(taken.last) }, taken.len))
        } else {
            self.conn.first(
                "DELETE FROM mailbox WHERE device = ?1 AND pos = ?2 RETURNING flags, len",
                [device, position],
                |row| Ok((Left { flags: row.get(0)?, last: None }, row.get(1)?)),
            )?
        };
        Ok(found.map(|(left, len)| {
            state.cache.taken(device, Waiting::one(len));
            left
        }))
    }
}

/// Files what has come, if there is enough of it.
pub(super) fn file(conn: &mut Connection, cache: &mut Cache) -> Result<()> {
    if !cache.arrivals(conn)?.are_many() {
        return Ok(());
    }
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.run(
        "INSERT INTO mailbox (device, pos, flags, chat, len, message_id)
         SELECT device, pos, flags, chat, len, message_id FROM arrival ORDER BY device, pos",
        [],
    )?;
    transaction.run(
        "INSERT INTO fanout (body, pending) SELECT pos, count(*) FROM arrival WHERE flags & ?1 <> 0 GROUP BY pos",
        [SHARED],
    )?;
    transaction.run(
        "INSERT INTO filed_bytes (sender, bytes) SELECT sender, sum(len) FROM body
         WHERE id IN (SELECT pos FROM arrival) GROUP BY sender
         ON CONFLICT (sender) DO UPDATE SET bytes = bytes + excluded.bytes",
        [],
    )?;
    transaction.run("DELETE FROM arrival", [])?;
    transaction.commit()?;
    cache.filed();
    Ok(())
}
