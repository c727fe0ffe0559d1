//! The sending half of a pair: a window of messages that are not acknowledged yet, always full.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use privmsg_protocol::frames::{ClientFrame, MessageType, SendMessage};
use privmsg_protocol::{Epoch, GroupId, MessageId, Opaque, UserId};
use tokio::time::{timeout, timeout_at};

use super::connection::{Connection, Frame, ids_of, place_of};
use super::{Ids, MOST, PATIENCE, Pair, Plan, SignedIn, Writes, message_id, random_message_id};
use crate::Endpoint;
use crate::figures::Times;
use crate::random::Random;

/// What one sender does.
pub(super) struct Job {
    pub(super) pair: Arc<Pair>,
    pub(super) plan: Plan,
    pub(super) from: UserId,
    pub(super) to: To,
}

/// Whom messages are for.
#[derive(Debug, Clone)]
pub enum To {
    /// One user.
    User(UserId),
    /// A group, at the epoch that it is in.
    Group(GroupId, Epoch),
}

/// What the sender alone has seen.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) ack: Times,
    pub(super) errors: u64,
}

/// A `message` frame with a gap for the id: everything else stays the same.
pub(crate) struct Template {
    before: String,
    after: String,
}

impl Template {
    pub(crate) fn new(from: &UserId, to: &To, size: usize) -> Result<Self> {
        let (recipient_id, group_id, epoch) = match to {
            To::User(user_id) => (Some(user_id.clone()), None, None),
            To::Group(group_id, epoch) => (None, Some(*group_id), Some(*epoch)),
        };
        let mut content = Random::new(7).bytes(size);
        if let To::Group(group_id, epoch) = to {
            // What of a message of MLS everybody sees, and the server looks at.
            let head = [&[0, 1, 0, 2, 16][..], group_id.as_bytes(), &epoch.0.to_be_bytes(), &[1]].concat();
            content.resize(size.max(head.len()), 0);
            content[..head.len()].copy_from_slice(&head);
        }
        let placeholder = MessageId::from_bytes([0xee; 16]);
        let frame = ClientFrame::Message(SendMessage {
            message_id: placeholder,
            sender_id: from.clone(),
            recipient_id,
            group_id,
            epoch,
            encrypted_content: Opaque::encode(&content),
            message_type: MessageType::Text,
            timestamp: i64::try_from(unix_ms() / 1000)?,
            by_person: None,
        })
        .to_json();
        match frame.split_once(&placeholder.to_string()) {
            Some((before, after)) => Ok(Self { before: before.to_owned(), after: after.to_owned() }),
            None => bail!("a frame without its id"),
        }
    }

    pub(crate) fn frame(&self, id: MessageId) -> String {
        format!("{}{id}{}", self.before, self.after)
    }
}

pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(0)
}

pub(super) async fn send(connection: Connection, job: Job) -> Result<Sent> {
    let end = Instant::now() + job.plan.duration;
    match job.plan.rate {
        None => send_while(connection, job, |_| Instant::now() < end).await,
        Some(rate) => send_at(rate, connection, job, end).await,
    }
}

/// Sends at fixed times, whether earlier messages have been answered or not. Times are counted from when a message was
/// to be sent: what a slow server, or a slow generator, holds back is in the figures.
async fn send_at(rate: u32, mut connection: Connection, job: Job, end: Instant) -> Result<Sent> {
    let Job { pair, plan, from, to } = job;
    let template = Template::new(&from, &to, plan.size)?;
    let interval = Duration::from_secs(1) * u32::from(plan.pairs) / rate;
    let mut due = Instant::now() + interval * u32::from(pair.number) / u32::from(plan.pairs);
    let mut sent = Sent::default();
    let (mut next, mut in_flight) = (0_usize, 0_usize);
    loop {
        let before = next;
        while due <= Instant::now() && due < end && next < MOST {
            pair.sent_at[next].store(pair.us_at(due), Ordering::Relaxed);
            connection.feed(template.frame(message_id(unix_ms(), pair.number, u32::try_from(next)?))).await?;
            next += 1;
            due += interval;
        }
        in_flight += next - before;
        if next > before {
            connection.flush().await?;
        }
        let over = due >= end;
        if over && in_flight == 0 {
            return Ok(sent);
        }
        let until = if over { Instant::now() + PATIENCE } else { due };
        match timeout_at(until.into(), connection.read()).await {
            Ok(frame) => in_flight = in_flight.saturating_sub(answered(&pair, &frame?, &mut sent)),
            Err(_) if over => return Ok(sent),
            Err(_) => {}
        }
    }
}

/// Keeps the window full while `more` (told how many have been sent) wants it, then waits for what is left.
async fn send_while(mut connection: Connection, job: Job, more: impl Fn(usize) -> bool) -> Result<Sent> {
    let Job { pair, plan, from, to } = job;
    let template = Template::new(&from, &to, plan.size)?;
    let mut sent = Sent::default();
    let mut random = Random::new(unix_ms() ^ u64::from(pair.number) << 48);
    let (mut next, mut in_flight) = (0_usize, 0_usize);
    loop {
        while in_flight < plan.window && next < MOST && more(next) {
            let index = u32::try_from(next)?;
            let id = match plan.ids {
                Ids::Ordered => message_id(unix_ms(), pair.number, index),
                Ids::Random => random_message_id(&mut random, pair.number, index),
            };
            pair.sent_at[next].store(pair.now_us(), Ordering::Relaxed);
            connection.feed(template.frame(id)).await?;
            if plan.writes == Writes::Single {
                connection.flush().await?;
            }
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
        Frame::Error(_) => {
            sent.errors += 1;
            1
        }
        Frame::Message(_) | Frame::CaughtUp | Frame::Other => 0,
    }
}

/// Sends `count` messages, at most `window` of them unanswered.
///
/// # Errors
/// If the server does not take them all.
pub async fn send_all(
    server: impl Into<Endpoint>,
    from: &SignedIn,
    to: &To,
    count: usize,
    window: usize,
    size: usize,
) -> Result<()> {
    let pair = Arc::new(Pair::new(0, Instant::now()));
    let plan =
        Plan { pairs: 1, window, size, duration: PATIENCE, rate: None, ids: Ids::Ordered, writes: Writes::Batched };
    let connection = Connection::open(server, from).await?;
    let job = Job { pair: Arc::clone(&pair), plan, from: from.user_id.clone(), to: to.clone() };
    send_while(connection, job, |sent| sent < count).await?;
    let acknowledged = pair.acknowledged_count.load(Ordering::SeqCst);
    if acknowledged != count as u64 {
        bail!("only {acknowledged} of {count} messages were acknowledged");
    }
    Ok(())
}

/// Puts `count` messages into somebody's mailbox.
///
/// # Errors
/// If the server does not take them all.
pub async fn fill_mailbox(
    server: impl Into<Endpoint>,
    from: &SignedIn,
    to: &UserId,
    count: usize,
    size: usize,
) -> Result<()> {
    send_all(server, from, &To::User(to.clone()), count, 512, size).await
}
