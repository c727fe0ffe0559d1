//! The receiving half of a pair: notes what arrives and acknowledges it, as a client does that has stored it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::Result;

use super::connection::{Connection, Frame, id_of, place_of};
use super::{Pair, SignedIn, Writes};
use crate::Endpoint;

/// Reads until the connection ends or the task is aborted.
pub(super) async fn receive(mut connection: Connection, pair: Arc<Pair>, writes: Writes) -> Result<()> {
    match writes {
        Writes::Batched => receive_each(connection, |id| note(&pair, id)).await,
        Writes::Single => loop {
            connection.acknowledge_next(&mut |id| note(&pair, id)).await?;
        },
    }
}

/// Reads until the connection ends or the task is aborted, tells the id of each message, and acknowledges it.
///
/// # Errors
/// Why the connection ended.
pub async fn receive_each(mut connection: Connection, mut tell: impl FnMut(&str)) -> Result<()> {
    loop {
        connection.acknowledge_what_comes(&mut tell).await?;
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
pub async fn collect_mailbox(to: impl Into<Endpoint>, who: &SignedIn) -> Result<Vec<usize>> {
    let mut connection = Connection::open(to, who).await?;
    let mut indices = Vec::new();
    let mut tell = |id: &str| indices.extend(place_of(id).map(|(_, index)| index));
    while !connection.acknowledge_what_comes(&mut tell).await? {}
    Ok(indices)
}

impl Connection {
    /// Waits for frames, takes all that have come together, tells the ids of the messages among them, and acknowledges
    /// these at once. Returns whether the mailbox has been read to its end.
    async fn acknowledge_what_comes(&mut self, tell: &mut impl FnMut(&str)) -> Result<bool> {
        let mut ids = String::new();
        let mut caught_up = false;
        let mut frame = Some(self.read().await);
        while let Some(read) = frame {
            match read? {
                Frame::Message(text) => {
                    if let Some(id) = id_of(&text) {
                        tell(id);
                        ids.push_str(if ids.is_empty() { "\"" } else { ",\"" });
                        ids.push_str(id);
                        ids.push('"');
                    }
                }
                Frame::CaughtUp => caught_up = true,
                Frame::Ack(_) | Frame::Error(_) | Frame::Other => {}
            }
            frame = self.read_ready();
        }
        if !ids.is_empty() {
            self.feed(acknowledgement(&ids)).await?;
            self.flush().await?;
        }
        Ok(caught_up)
    }

    /// Waits for a message, and acknowledges it by itself.
    async fn acknowledge_next(&mut self, tell: &mut impl FnMut(&str)) -> Result<()> {
        let Frame::Message(text) = self.read().await? else { return Ok(()) };
        if let Some(id) = id_of(&text) {
            tell(id);
            self.feed(acknowledgement(&format!("\"{id}\""))).await?;
            self.flush().await?;
        }
        Ok(())
    }
}

/// The frame for ids in quotes, with commas between them.
fn acknowledgement(ids: &str) -> String {
    format!(r#"{{"type":"ack","payload":{{"message_ids":[{ids}]}}}}"#)
}
