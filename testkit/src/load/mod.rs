//! Raw load: many connections that send and receive opaque messages, without encryption and without a store.
//!
//! Everything per message is written by hand here. The machine that measures is the one that is measured, and what the
//! generator uses is missing to the server.

mod connection;
mod receiver;
mod sender;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use privmsg_protocol::rest::{LoginRequest, LoginResponse};
use privmsg_protocol::{DeviceId, MessageId, UserId};

use crate::Endpoint;
use crate::figures::Times;
use crate::http::Http;
use crate::random::Random;
use crate::{Account, Admin};
pub use connection::Connection;
pub(crate) use connection::{Frame, ids_of, place_of};
pub use receiver::{collect_mailbox, receive_each};
pub(crate) use sender::Template;
pub use sender::{To, fill_mailbox, send_all};

/// How long the last messages may take after the sending has ended.
const PATIENCE: Duration = Duration::from_secs(30);

/// Messages that one pair can send in one run; room for its bookkeeping.
const MOST: usize = 1 << 20;

/// A user who has signed in, with a token in place of encryption keys.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Name.
    pub user_id: UserId,
    /// Device.
    pub device_id: DeviceId,
    /// Session token.
    pub token: String,
}

/// Makes a user and signs in.
///
/// # Errors
/// What the server says.
pub async fn sign_up(http: &mut Http, admin: &Admin, name: &str) -> Result<SignedIn> {
    let account = admin.creates_by(http, name).await?;
    sign_in(http, &account).await
}

/// Signs in on a new device.
///
/// # Errors
/// What the server says.
pub async fn sign_in(http: &mut Http, account: &Account) -> Result<SignedIn> {
    sign_in_as(http, account, None).await
}

/// Signs in on the device with this public key.
///
/// # Errors
/// What the server says.
pub async fn sign_in_as(http: &mut Http, account: &Account, public_key: Option<&str>) -> Result<SignedIn> {
    let request = LoginRequest {
        user_id: account.user_id.clone(),
        access_key: account.access_key.clone(),
        device_name: Some("load".to_owned()),
        device_type: Some("test".to_owned()),
        device_public_key: public_key.map(str::to_owned),
    };
    let answer = http.send("POST", "/api/v1/auth/login", None, &request).await?;
    let login: LoginResponse = answer.json().context("login")?;
    Ok(SignedIn {
        user_id: account.user_id.clone(),
        device_id: login.device_id,
        token: login.token.expose().to_owned(),
    })
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Pairs of one sender and one recipient.
    pub pairs: u16,
    /// Messages of a sender that wait for their acknowledgement.
    pub window: usize,
    /// Bytes of `encrypted_content`, before base64.
    pub size: usize,
    /// How long new messages are sent.
    pub duration: Duration,
    /// Messages a second, of all pairs together, whatever is answered when; without it the window is kept full.
    pub rate: Option<u32>,
    /// What the ids are like.
    pub ids: Ids,
    /// How frames are written.
    pub writes: Writes,
}

/// What the ids of messages are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// Version 7, which grow with time: neighbours in every index.
    Ordered,
    /// As version 4, which are neighbours of nothing.
    Random,
}

/// How many frames are written at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// As many as there are to be written.
    Batched,
    /// Each by itself: a system call and a segment of TCP for every message and every acknowledgement.
    Single,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Messages that the server has acknowledged.
    pub acknowledged: u64,
    /// Acknowledged messages that did not reach their recipient.
    pub lost: u64,
    /// Messages that reached it more than once.
    pub duplicates: u64,
    /// Errors that the server sent.
    pub errors: u64,
    /// From the first message to the last acknowledgement.
    pub elapsed: Duration,
    /// From sending to the acknowledgement.
    pub ack: Times,
    /// From sending to the recipient.
    pub delivery: Times,
}

impl Outcome {
    /// Everything that must not be.
    #[must_use]
    pub const fn faults(&self) -> u64 {
        self.lost + self.duplicates + self.errors
    }
}

/// What sender and recipient of a pair know of its messages.
#[derive(Debug)]
struct Pair {
    number: u16,
    start: Instant,
    /// Microseconds after `start` at which each message was sent.
    sent_at: Vec<AtomicU32>,
    /// How often each has been received.
    received: Vec<AtomicU8>,
    /// Whether each has been acknowledged.
    acknowledged: Vec<AtomicU8>,
    /// Microseconds from sending to the recipient.
    delivered_after: Vec<AtomicU32>,
    acknowledged_count: AtomicU64,
    received_count: AtomicU64,
}

impl Pair {
    fn new(number: u16, start: Instant) -> Self {
        fn zeros<T: Default>() -> Vec<T> {
            std::iter::repeat_with(T::default).take(MOST).collect()
        }
        Self {
            number,
            start,
            sent_at: zeros(),
            received: zeros(),
            acknowledged: zeros(),
            delivered_after: zeros(),
            acknowledged_count: AtomicU64::new(0),
            received_count: AtomicU64::new(0),
        }
    }

    fn now_us(&self) -> u32 {
        self.us_at(Instant::now())
    }

    fn us_at(&self, time: Instant) -> u32 {
        u32::try_from(time.saturating_duration_since(self.start).as_micros()).unwrap_or(u32::MAX)
    }

    fn since_sent(&self, index: usize) -> Duration {
        let sent = self.sent_at.get(index).map_or(0, |at| at.load(Ordering::Relaxed));
        Duration::from_micros(u64::from(self.now_us().saturating_sub(sent)))
    }

    /// Compares what was acknowledged with what arrived.
    fn sum_up(&self, outcome: &mut Outcome) {
        for ((acknowledged, received), after) in self.acknowledged.iter().zip(&self.received).zip(&self.delivered_after)
        {
            let (acknowledged, received) = (acknowledged.load(Ordering::SeqCst), received.load(Ordering::SeqCst));
            if received > 0 {
                outcome.delivery.note(Duration::from_micros(u64::from(after.load(Ordering::SeqCst))));
            }
            outcome.acknowledged += u64::from(acknowledged > 0);
            outcome.lost += u64::from(acknowledged > 0 && received == 0);
            outcome.duplicates += u64::from(received.saturating_sub(1));
        }
    }
}

/// A version 7 id whose last six bytes say which message of which pair it is.
pub(crate) fn message_id(unix_ms: u64, pair: u16, index: u32) -> MessageId {
    let mut random = [0; 10];
    random[4..6].copy_from_slice(&pair.to_be_bytes());
    random[6..].copy_from_slice(&index.to_be_bytes());
    MessageId::v7(unix_ms, &random)
}

/// The same in the place of a version 4 id: what comes before has no order.
fn random_message_id(random: &mut Random, pair: u16, index: u32) -> MessageId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random.number().to_be_bytes());
    bytes[8..10].copy_from_slice(&random.number().to_be_bytes()[..2]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes[10..12].copy_from_slice(&pair.to_be_bytes());
    bytes[12..].copy_from_slice(&index.to_be_bytes());
    MessageId::from_bytes(bytes)
}

/// Sends by plan and waits until everything has arrived.
///
/// # Errors
/// If a connection cannot be made or breaks.
pub async fn run(server: impl Into<Endpoint>, admin: &Admin, plan: Plan) -> Result<Outcome> {
    let server = server.into();
    let mut http = Http::connect(server.clone()).await?;
    let start = Instant::now();
    let run = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let mut ready = Vec::new();
    for number in 0..plan.pairs {
        // Names are new in each run on the same server.
        let name = |role: &str| format!("{role}-{run}-{number}");
        let sender = sign_up(&mut http, admin, &name("sender")).await?;
        let recipient = sign_up(&mut http, admin, &name("recipient")).await?;
        let pair = Arc::new(Pair::new(number, start));
        let sending = Connection::open(server.clone(), &sender).await?;
        let receiving = Connection::open(server.clone(), &recipient).await?;
        ready.push((pair, sending, receiving, sender, recipient));
    }
    let begin = Instant::now();
    let (mut senders, mut receivers, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    for (pair, sending, receiving, sender, recipient) in ready {
        let job = sender::Job { pair: Arc::clone(&pair), plan, from: sender.user_id, to: To::User(recipient.user_id) };
        senders.push(tokio::spawn(sender::send(sending, job)));
        receivers.push(tokio::spawn(receiver::receive(receiving, Arc::clone(&pair), plan.writes)));
        pairs.push(pair);
    }
    let mut outcome = Outcome::default();
    for sender in senders {
        let sent = sender.await.context("a sender")??;
        outcome.ack.extend(&sent.ack);
        outcome.errors += sent.errors;
    }
    outcome.elapsed = begin.elapsed();
    all_received(&pairs).await;
    for receiver in receivers {
        // It reads for ever; a broken connection is why it would have ended before.
        receiver.abort();
        if let Ok(result) = receiver.await {
            result.context("a recipient")?;
        }
    }
    for pair in &pairs {
        pair.sum_up(&mut outcome);
    }
    Ok(outcome)
}

/// Waits until each pair has received what was acknowledged, or nothing comes any more.
async fn all_received(pairs: &[Arc<Pair>]) {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let missing = pairs
            .iter()
            .any(|pair| pair.received_count.load(Ordering::SeqCst) < pair.acknowledged_count.load(Ordering::SeqCst));
        if !missing {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
