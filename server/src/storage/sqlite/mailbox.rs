//! Reading and acknowledging a device's mailbox.

use std::collections::HashSet;

use bytes::Bytes;
use privmsg_protocol::MessageId;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::engine::SqliteStorage;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{Delivery, DeviceKey, Page, PageLimit, Position, Result};

impl SqliteStorage {
    pub(crate) async fn mailbox_page(&self, device: DeviceKey, after: Position, limit: PageLimit) -> Result<Page> {
        self.read(move |conn| page(conn, device, after, limit)).await
    }

    /// Where the mailbox ends, and the message there. `None`: it is empty.
    pub(crate) async fn mailbox_end(&self, device: DeviceKey) -> Result<Option<(Position, MessageId)>> {
        self.read(move |conn| end(conn, device)).await
    }

    /// Takes these messages out of the mailbox, wherever in it they are.
    pub(crate) async fn acknowledge(&self, device: DeviceKey, message_ids: Vec<MessageId>) -> Result<()> {
        // Looked for where it holds up nobody: whoever acknowledges what is not there costs the writer nothing.
        let found = self.read(move |conn| positions(conn, device, &message_ids)).await?;
        if found.is_empty() {
            return Ok(());
        }
        self.write(Touches::Data, move |tx| tx.acknowledge(device, &found)).await
    }
}

pub(super) fn page(conn: &Connection, device: DeviceKey, after: Position, limit: PageLimit) -> Result<Page> {
    let mut query = conn.prepare_cached(
        "SELECT m.pos, m.message_id, b.frame FROM (
             SELECT pos, message_id FROM mailbox WHERE device = ?1 AND pos > ?2
             UNION ALL
             SELECT pos, message_id FROM arrival WHERE device = ?1 AND pos > ?2
             ORDER BY pos LIMIT ?3
         ) m JOIN body b ON b.id = m.pos ORDER BY m.pos",
    )?;
    let mut rows = query.query(params![device.0, after.0, limit.messages + 1])?;
    let mut page = Page { deliveries: Vec::new(), has_more: false };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if page.deliveries.len() == limit.messages || bytes >= limit.bytes {
            page.has_more = true;
            break;
        }
        let delivery = delivery(device, row)?;
        bytes += delivery.frame.len();
        page.deliveries.push(delivery);
    }
    Ok(page)
}

fn end(conn: &Connection, device: DeviceKey) -> Result<Option<(Position, MessageId)>> {
    let mut query = conn.prepare_cached(
        "SELECT pos, message_id FROM (
             SELECT * FROM (SELECT pos, message_id FROM mailbox WHERE device = ?1 ORDER BY pos DESC LIMIT 1)
             UNION ALL
             SELECT * FROM (SELECT pos, message_id FROM arrival WHERE device = ?1 ORDER BY pos DESC LIMIT 1)
         ) ORDER BY pos DESC LIMIT 1",
    )?;
    let found = query.query_row([device.0], |row| Ok((Position(row.get(0)?), MessageId::from_bytes(row.get(1)?))));
    Ok(found.optional()?)
}

fn delivery(device: DeviceKey, row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        device,
        position: Position(row.get(0)?),
        message_id: MessageId::from_bytes(row.get(1)?),
        frame: Bytes::from(row.get::<_, Vec<u8>>(2)?),
    })
}

/// Where these messages are in the mailbox, as far as they are in it.
pub(super) fn positions(conn: &Connection, device: DeviceKey, ids: &[MessageId]) -> Result<Vec<Position>> {
    let wanted: HashSet<[u8; 16]> = ids.iter().map(|id| *id.as_bytes()).collect();
    let mut query = conn.prepare_cached(
        "SELECT pos, message_id FROM mailbox WHERE device = ?1
         UNION ALL SELECT pos, message_id FROM arrival WHERE device = ?1",
    )?;
    let mut rows = query.query([device.0])?;
    let mut positions = Vec::new();
    while let Some(row) = rows.next()? {
        if wanted.contains(&row.get::<_, [u8; 16]>(1)?) {
            positions.push(Position(row.get(0)?));
        }
    }
    Ok(positions)
}

impl Tx<'_> {
    /// Takes what is at these places out of the mailbox. Where nothing is any more, nothing happens.
    fn acknowledge(&mut self, device: DeviceKey, positions: &[Position]) -> Result<()> {
        positions.iter().try_for_each(|position| self.take(device.0, position.0))
    }
}
