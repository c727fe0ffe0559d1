//! A storage to try, and people who use it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::{MessageId, Opaque, UserId};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::frame_text;
use crate::secrets::{KeyHash, random_key, random_message_id};
use crate::storage::sqlite::{Options, SqliteStorage};
use crate::storage::{
    Act, Actor, Bounds, Delivery, Destination, Login, Observer, Outcome, Outgoing, PageLimit, Position, Replies,
    Session, Submission, Transaction,
};

/// Notes what it is told.
#[derive(Default)]
pub(super) struct Told(pub(super) Mutex<Vec<Delivery>>, pub(super) AtomicU64);

impl Observer for Told {
    fn committed(&self, deliveries: Vec<Delivery>) {
        self.0.lock().unwrap().extend(deliveries);
    }

    fn transaction(&self, transaction: Transaction) {
        self.1.fetch_add(transaction.accepted, Ordering::SeqCst);
    }
}

/// Passes answers on.
struct Answers(mpsc::UnboundedSender<Vec<Outcome>>);

impl Replies for Answers {
    fn replied(&self, outcomes: Vec<Outcome>) {
        self.0.send(outcomes).unwrap();
    }
}

/// Opens or creates the data in a folder.
fn open(folder: &Path, told: &Arc<Told>, clock: &Clock) -> SqliteStorage {
    let options = Options { path: &folder.join("privmsg.db"), bounds: Bounds::default(), clock: clock.clone() };
    SqliteStorage::open(options, Arc::<Told>::clone(told)).unwrap()
}

/// A storage under test.
pub(super) struct Bench {
    pub(super) storage: SqliteStorage,
    pub(super) told: Arc<Told>,
    pub(super) clock: Clock,
    folder: tempfile::TempDir,
}

impl Bench {
    /// A storage with nothing in it.
    pub(super) fn new() -> Self {
        let (told, clock, folder) = (Arc::new(Told::default()), Clock::manual(1_000_000), tempfile::tempdir().unwrap());
        Self { storage: open(folder.path(), &told, &clock), told, clock, folder }
    }

    /// Closes it and opens it again, on the same data.
    pub(super) async fn restart(&mut self) {
        self.storage.close().await;
        self.storage = open(self.folder.path(), &self.told, &self.clock);
    }

    pub(super) async fn user(&self, name: &str) -> Session {
        let user_id = UserId::new(name).unwrap();
        let hash = KeyHash::of("access key");
        self.storage.administer(Act::CreateUser { user_id, key: hash }, Actor::Api, None).await.unwrap();
        self.device(name).await
    }

    pub(super) async fn device(&self, name: &str) -> Session {
        let user_id = UserId::new(name).unwrap();
        let known = self.storage.credentials(user_id).await.unwrap().unwrap();
        let login = Login {
            user: known.user,
            device_name: String::new(),
            device_type: String::new(),
            device_public_key: String::new(),
            token: KeyHash::of(random_key().expose()),
            expires_at: self.clock.now() + 1000,
            max_devices: 32,
        };
        self.storage.login(login).await.unwrap().session
    }

    fn outgoing(&self, from: &Session, to: &str, message_id: MessageId) -> Outgoing {
        let recipient = UserId::new(to).unwrap();
        Outgoing {
            message_id,
            to: Destination::User(recipient.clone()),
            by_person: true,
            frame: frame_text::render(DeliveredMessage {
                message_id,
                sender_id: from.user_id.clone(),
                sender_device_id: Some(from.device_id.clone()),
                recipient_id: Some(recipient),
                group_id: None,
                epoch: None,
                seq: None,
                first_seq: None,
                encrypted_content: Opaque::encode(b"x"),
                message_type: MessageType::Text,
                timestamp: 0,
            }),
        }
    }

    pub(super) async fn send(&self, from: &Session, to: &str, ids: &[MessageId]) -> Vec<Outcome> {
        let (answer, mut answers) = mpsc::unbounded_channel();
        let submission = Submission {
            device: from.device,
            messages: ids.iter().map(|id| self.outgoing(from, to, *id)).collect(),
            acknowledged: Vec::new(),
            replies: Arc::new(Answers(answer)),
        };
        self.storage.submit(submission).await.unwrap();
        answers.recv().await.unwrap()
    }

    pub(super) async fn acknowledge(&self, who: &Session, positions: Vec<Position>) {
        let (answer, _answers) = mpsc::unbounded_channel();
        let submission = Submission {
            device: who.device,
            messages: Vec::new(),
            acknowledged: positions,
            replies: Arc::new(Answers(answer)),
        };
        self.storage.submit(submission).await.unwrap();
        self.storage.connected(who.device).await.unwrap();
    }

    pub(super) async fn mailbox(&self, who: &Session) -> Vec<Delivery> {
        let limit = PageLimit { messages: 1000, bytes: usize::MAX };
        let mut all: Vec<Delivery> = Vec::new();
        loop {
            let after = all.last().map_or(Position::default(), |last| last.position);
            let page = self.storage.mailbox_page(who.device, after, limit).await.unwrap();
            all.extend(page.deliveries);
            if !page.has_more {
                return all;
            }
        }
    }

    pub(super) async fn pending(&self) -> u64 {
        self.storage.stats().await.unwrap().pending_messages
    }

    /// Without any order, as a version 4 id is.
    pub(super) fn random_id(&self) -> MessageId {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).unwrap();
        MessageId::from_bytes(bytes)
    }

    pub(super) fn new_ids<const N: usize>(&self) -> [MessageId; N] {
        std::array::from_fn(|_| random_message_id(self.clock.now_ms()))
    }
}

pub(super) fn ids(deliveries: &[Delivery]) -> Vec<MessageId> {
    deliveries.iter().map(|delivery| delivery.message_id).collect()
}
