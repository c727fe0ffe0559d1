//! The sending half of a pair: a window of messages that are not acknowledged yet, always full.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use privmsg_protocol::frames::{ClientFrame, MessageType, SendMessage};
use privmsg_protocol::{MessageId, Opaque, UserId};
use tokio::time::timeout;

use super::connection::{Connection, Frame, ids_of, place_of};
use super::{MOST, PATIENCE, Pair, Plan, SignedIn, message_id};
use crate::figures::Times;
use crate::random::Random;

/// What one sender does.
pub(super) struct Job {
    pub(super) pair: Arc<Pair>,
    pub(super) plan: Plan,
    pub(super) from: UserId,
    pub(super) to: UserId,
}

/// What the sender alone has seen.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) ack: Times,
    pub(super) errors: u64,
}

/// A `message` frame with a gap for the id: everything else stays the same.
struct Template {
    before: String,
    after: String,
}

impl Template {
    fn new(from: &UserId, to: &UserId, size: usize) -> Result<Self> {
        let placeholder = MessageId::from_bytes([0xee; 16]);
        let frame = ClientFrame::Message(SendMessage {
            message_id: placeholder,
            sender_id: from.clone(),
            recipient_id: Some(to.clone()),
            group_id: None,
            epoch: None,
            encrypted_content: Opaque::encode(&Random::new(7).bytes(size)),
            message_type: MessageType::Text,
            timestamp: i64::try_from(unix_ms() / 1000)?,
        })
        .to_json();
        match frame.split_once(&placeholder.to_string()) {
            Some((before, after)) => Ok(Self { before: before.to_owned(), after: after.to_owned() }),
            None => bail!("a frame without its id"),
        }
    }

    fn frame(&self, id: MessageId) -> String {
        format!("{}{id}{}", self.before, self.after)
    }
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

pub(super) async fn send(connection: Connection, job: Job) -> Result<Sent> {
    let end = Instant::now() + job.plan.duration;
    send_while(connection, job, |_| Instant::now() < end).await
}

/// Keeps the window full while `more` (told how many have been sent) wants it, then waits for what is left.
async fn send_while(mut connection: Connection, job: Job, more: impl Fn(usize) -> bool) -> Result<Sent> {
    let Job { pair, plan, from, to } = job;
    let template = Template::new(&from, &to, plan.size)?;
    let mut sent = Sent::default();
    let (mut next, mut in_flight) = (0_usize, 0_usize);
    loop {
        while in_flight < plan.window && next < MOST && more(next) {
            let index = u32::try_from(next)?;
            pair.sent_at[next].store(pair.now_us(), Ordering::Relaxed);
            connection.feed(template.frame(message_id(unix_ms(), pair.number, index))).await?;
            next += 1;
            in_flight += 1;
        }
        if in_flight == 0 {
            return Ok(sent);
        }
        connection.flush().await?;
        let Ok(first) = timeout(PATIENCE, connection.read()).await else {
            // What is missing shows in the figures.
            return Ok(sent);
        };
        let mut frame = Some(first);
        while let Some(read) = frame {
            let answered = answered(&pair, &read?, &mut sent);
            in_flight = in_flight.saturating_sub(answered);
            frame = connection.read_ready();
        }
    }
}

/// Notes what a frame answers. Returns how many messages that were.
fn answered(pair: &Pair, frame: &Frame, sent: &mut Sent) -> usize {
    match frame {
        Frame::Ack(text) => {
            let mut count = 0;
            for (_, index) in ids_of(text).filter_map(place_of) {
                sent.ack.note(pair.since_sent(index));
                pair.acknowledged[index].store(1, Ordering::SeqCst);
                pair.acknowledged_count.fetch_add(1, Ordering::SeqCst);
                count += 1;
            }
            count
        }
        Frame::Error => {
            sent.errors += 1;
            1
        }
        Frame::Message(_) | Frame::CaughtUp | Frame::Other => 0,
    }
}

/// Puts `count` messages into somebody's mailbox.
///
/// # Errors
/// If the server does not take them all.
pub async fn fill_mailbox(address: SocketAddr, from: &SignedIn, to: &UserId, count: usize, size: usize) -> Result<()> {
    let pair = Arc::new(Pair::new(0, Instant::now()));
    let plan = Plan { pairs: 1, window: 512, size, duration: PATIENCE };
    let connection = Connection::open(address, from).await?;
    let job = Job { pair: Arc::clone(&pair), plan, from: from.user_id.clone(), to: to.clone() };
    send_while(connection, job, |sent| sent < count).await?;
    let acknowledged = pair.acknowledged_count.load(Ordering::SeqCst);
    if acknowledged != count as u64 {
        bail!("only {acknowledged} of {count} messages were acknowledged");
    }
    Ok(())
}

/// Sends until the server is gone. Returns the indices of what it has acknowledged.
///
/// # Errors
/// If it was never there.
pub async fn send_until_broken(
    address: SocketAddr,
    from: SignedIn,
    to: UserId,
    window: usize,
    size: usize,
) -> Result<Vec<usize>> {
    let pair = Arc::new(Pair::new(0, Instant::now()));
    let plan = Plan { pairs: 1, window, size, duration: PATIENCE };
    let connection = Connection::open(address, &from).await?;
    let job = Job { pair: Arc::clone(&pair), plan, from: from.user_id, to };
    // That it breaks is what is waited for.
    let _ = send_while(connection, job, |_| true).await;
    let acknowledged = pair.acknowledged.iter().enumerate();
    Ok(acknowledged.filter(|(_, one)| one.load(Ordering::SeqCst) > 0).map(|(index, _)| index).collect())
}
