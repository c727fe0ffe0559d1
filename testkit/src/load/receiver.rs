//! The receiving half of a pair: notes what arrives and acknowledges it, as a client does that has stored it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Result;

use super::connection::{Connection, Frame, id_of, place_of};
use super::{Pair, SignedIn};

/// Reads until the connection ends or the task is aborted.
pub(super) async fn receive(mut connection: Connection, pair: Arc<Pair>) -> Result<()> {
    let mut ack = String::new();
    loop {
        ack.clear();
        let mut frame = Some(connection.read().await);
        while let Some(read) = frame {
            if let Frame::Message(text) = read?
                && let Some(id) = id_of(&text)
            {
                note(&pair, id);
                ack.push_str(if ack.is_empty() { "\"" } else { ",\"" });
                ack.push_str(id);
                ack.push('"');
            }
            frame = connection.read_ready();
        }
        if !ack.is_empty() {
            connection.feed(format!(r#"{{"type":"ack","payload":{{"message_ids":[{ack}]}}}}"#)).await?;
            connection.flush().await?;
        }
    }
}

fn note(pair: &Pair, id: &str) {
    let Some((number, index)) = place_of(id) else { return };
    if number != pair.number || index >= pair.received.len() {
        return;
    }
    if pair.received[index].fetch_add(1, Ordering::SeqCst) == 0 {
        let after = u32::try_from(pair.since_sent(index).as_micros()).unwrap_or(u32::MAX);
        pair.delivered_after[index].store(after, Ordering::Relaxed);
        pair.received_count.fetch_add(1, Ordering::SeqCst);
    }
}

/// Reads and acknowledges a mailbox to its end. Returns the indices of its messages, as often as they came.
///
/// # Errors
/// If the connection breaks.
pub async fn collect_mailbox(address: SocketAddr, who: &SignedIn) -> Result<Vec<usize>> {
    let mut connection = Connection::open(address, who).await?;
    let mut indices = Vec::new();
    loop {
        match connection.read().await? {
            Frame::Message(text) => {
                let Some(id) = id_of(&text) else { continue };
                indices.extend(place_of(id).map(|(_, index)| index));
                connection.feed(format!(r#"{{"type":"ack","payload":{{"message_ids":["{id}"]}}}}"#)).await?;
                connection.flush().await?;
            }
            Frame::CaughtUp => return Ok(indices),
            Frame::Ack(_) | Frame::Error | Frame::Other => {}
        }
    }
}
