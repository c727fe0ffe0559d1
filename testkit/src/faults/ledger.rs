//! The books of one sender and one recipient: what was sent, what was acknowledged, what arrived how often.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use privmsg_protocol::{ErrorCode, MessageId};

use crate::Admin;
use crate::http::Http;
use crate::load::{
    Connection, Frame, SignedIn, Template, To, collect_mailbox, ids_of, message_id, place_of, receive_each, sign_up,
};

/// Messages that wait for their answer.
const WINDOW: usize = 64;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often each message has arrived, by its index.
pub(super) type Received = Arc<Mutex<Vec<u32>>>;

/// See the module.
pub(super) struct Ledger {
    from: SignedIn,
    pub(super) to: SignedIn,
    template: Template,
    ids: Vec<MessageId>,
    /// Sent and not acknowledged: they are sent again, with the same ids.
    open: BTreeSet<usize>,
    received: Received,
    /// What the server has refused, in all.
    pub(super) refused: usize,
    /// The last reason.
    pub(super) refusal: Option<ErrorCode>,
}

/// What has become of everything sent so far.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Account {
    pub(super) acknowledged: usize,
    /// Acknowledged, and nowhere.
    pub(super) lost: usize,
    /// Deliveries beyond the first.
    pub(super) again: usize,
}

impl std::ops::AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.lost += other.lost;
        self.again += other.again;
    }
}

impl Ledger {
    /// Makes two users.
    pub(super) async fn open(http: &mut Http, admin: &Admin, name: &str, size: usize) -> Result<Self> {
        let from = sign_up(http, admin, &format!("{name}-from")).await?;
        let to = sign_up(http, admin, &format!("{name}-to")).await?;
        let template = Template::new(&from.user_id, &To::User(to.user_id.clone()), size)?;
        Ok(Self {
            from,
            to,
            template,
            ids: Vec::new(),
            open: BTreeSet::new(),
            received: Received::default(),
            refused: 0,
            refusal: None,
        })
    }

    /// Sends again what is open, then new ones while `more` (told how many have been sent and refused) wants it.
    pub(super) async fn send(&mut self, server: SocketAddr, more: impl Fn(usize, usize) -> bool) -> Result<()> {
        let mut connection = Connection::open(server, &self.from).await?;
        let mut again: Vec<usize> = self.open.iter().rev().copied().collect();
        let (mut in_flight, mut new, mut refused) = (0_usize, 0, 0);
        loop {
            while in_flight < WINDOW {
                let index = match again.pop() {
                    Some(index) => index,
                    None if more(new, refused) => {
                        new += 1;
                        self.add()?
                    }
                    None => break,
                };
                connection.feed(self.template.frame(self.ids[index])).await?;
                in_flight += 1;
            }
            if in_flight == 0 {
                return Ok(());
            }
            connection.flush().await?;
            let first = tokio::time::timeout(PATIENCE, connection.read()).await.context("no answer")?;
            let mut frame = Some(first);
            while let Some(read) = frame {
                match read? {
                    Frame::Ack(text) => {
                        for (_, index) in ids_of(&text).filter_map(place_of) {
                            in_flight -= usize::from(self.open.remove(&index));
                        }
                    }
                    Frame::Error(error) => {
                        ensure!(error.message_id.is_some(), "an error about nothing: {error:?}");
                        (self.refused, self.refusal) = (self.refused + 1, Some(error.code));
                        refused += 1;
                        in_flight -= 1;
                    }
                    Frame::Message(_) | Frame::CaughtUp | Frame::Other => {}
                }
                frame = connection.read_ready();
            }
        }
    }

    fn add(&mut self) -> Result<usize> {
        let index = self.ids.len();
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        self.ids.push(message_id(u64::try_from(since.as_millis())?, 0, u32::try_from(index)?));
        self.open.insert(index);
        Ok(index)
    }

    /// Sends exactly so many more.
    pub(super) async fn send_more(&mut self, server: SocketAddr, count: usize) -> Result<()> {
        let refused = self.refused;
        self.send(server, |sent, _| sent < count).await?;
        ensure!(self.refused == refused, "refused: {:?}", self.refusal);
        Ok(())
    }

    /// What reads for the recipient, for as long as the connection lasts.
    pub(super) fn reader(&self, connection: Connection) -> impl Future<Output = Result<()>> + Send + use<> {
        let received = Arc::clone(&self.received);
        receive_each(connection, move |id| note(&received, place_of(id).map(|(_, index)| index)))
    }

    /// Reads the recipient's mailbox to its end.
    pub(super) async fn collect(&self, server: SocketAddr) -> Result<()> {
        for index in collect_mailbox(server, &self.to).await? {
            note(&self.received, Some(index));
        }
        Ok(())
    }

    /// How many different ones have arrived.
    pub(super) fn arrived(&self) -> usize {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.iter().filter(|count| **count > 0).count()
    }

    /// How many have been acknowledged to the sender.
    pub(super) fn acknowledged(&self) -> usize {
        self.ids.len() - self.open.len()
    }

    /// Compares, and begins new books.
    pub(super) fn close(&mut self) -> Account {
        let received = std::mem::take(&mut *self.received.lock().unwrap_or_else(PoisonError::into_inner));
        let mut account = Account { acknowledged: self.acknowledged(), ..Account::default() };
        for index in 0..self.ids.len() {
            let count = received.get(index).copied().unwrap_or(0);
            account.lost += usize::from(count == 0 && !self.open.contains(&index));
            account.again += count.saturating_sub(1) as usize;
        }
        self.ids.clear();
        self.open.clear();
        account
    }
}

fn note(received: &Received, index: Option<usize>) {
    let Some(index) = index else { return };
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    if received.len() <= index {
        received.resize(index + 1, 0);
    }
    received[index] += 1;
}
