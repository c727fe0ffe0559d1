//! What every implementation of [`Storage`] must do, told once and run on each of them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::{ErrorCode, MessageId, Opaque, UserId};
use tokio::sync::mpsc;

use super::sqlite::{Options, SqliteStorage};
use super::{
    Act, Actor, Cutoffs, Delivery, Destination, Login, Observer, Outcome, Outgoing, PageLimit, Position, Replies,
    Sample, Session, Storage, StorageError, Submission, Transaction,
};
use crate::clock::Clock;
use crate::frame_text;
use crate::secrets::{KeyHash, random_key, random_message_id};

const ALL: PageLimit = PageLimit { messages: 1000, bytes: usize::MAX };

/// Notes what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<Delivery>>, AtomicU64);

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

/// One storage under test.
struct Bench {
    storage: Arc<dyn Storage>,
    told: Arc<Told>,
    clock: Clock,
}

impl Bench {
    async fn user(&self, name: &str) -> Session {
        let user_id = UserId::new(name).unwrap();
        let hash = KeyHash::of("access key");
        self.storage.administer(Act::CreateUser { user_id, key: hash }, Actor::Api, None).await.unwrap();
        self.device(name).await
    }

    async fn device(&self, name: &str) -> Session {
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
        self.storage.login(login).await.unwrap()
    }

    fn outgoing(&self, from: &Session, to: &str, message_id: MessageId) -> Outgoing {
        let recipient = UserId::new(to).unwrap();
        Outgoing {
            message_id,
            to: Destination::User(recipient.clone()),
            frame: frame_text::render(DeliveredMessage {
                message_id,
                sender_id: from.user_id.clone(),
                sender_device_id: Some(from.device_id.clone()),
                recipient_id: Some(recipient),
                group_id: None,
                epoch: None,
                seq: None,
                encrypted_content: Opaque::encode(b"x"),
                message_type: MessageType::Text,
                timestamp: 0,
            }),
        }
    }

    async fn send(&self, from: &Session, to: &str, ids: &[MessageId]) -> Vec<Outcome> {
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

    async fn acknowledge(&self, who: &Session, positions: Vec<Position>) {
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

    async fn mailbox(&self, who: &Session) -> Vec<Delivery> {
        let page = self.storage.mailbox_page(who.device, Position::default(), ALL).await;
        page.unwrap().deliveries
    }

    async fn pending(&self) -> u64 {
        self.storage.stats().await.unwrap().pending_messages
    }

    fn new_ids<const N: usize>(&self) -> [MessageId; N] {
        std::array::from_fn(|_| random_message_id(self.clock.now_ms()))
    }
}

fn ids(deliveries: &[Delivery]) -> Vec<MessageId> {
    deliveries.iter().map(|delivery| delivery.message_id).collect()
}

/// Runs the whole suite, each part on storage of its own.
async fn behaves(open: impl Fn(Arc<Told>, Clock) -> Arc<dyn Storage>) {
    let bench = || {
        let (told, clock) = (Arc::new(Told::default()), Clock::manual(1_000_000));
        Bench { storage: open(Arc::clone(&told), clock.clone()), told, clock }
    };
    a_message_waits_until_it_is_acknowledged(bench()).await;
    a_repeat_is_answered_and_not_delivered(bench()).await;
    one_refusal_does_not_hurt_others(bench()).await;
    a_shared_body_goes_with_the_last_mailbox(bench()).await;
    a_new_device_gets_what_comes_after_it(bench()).await;
    pages_are_bounded_and_in_order(bench()).await;
    age_takes_messages_but_not_the_memory_of_them(bench()).await;
    a_clock_that_was_wrong_loses_nothing(bench()).await;
    closing_refuses_what_comes_later(bench()).await;
    samples_in_one_place_are_one(bench()).await;
    older_samples_are_thinned_and_old_ones_go(bench()).await;
}

async fn a_message_waits_until_it_is_acknowledged(bench: Bench) {
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let sent = bench.new_ids::<2>();
    assert!(bench.send(&alice, "bob", &sent).await.iter().all(|outcome| outcome.result.is_ok()));
    let waiting = bench.mailbox(&bob).await;
    assert_eq!(ids(&waiting), sent);
    let told = bench.told.0.lock().unwrap().clone();
    assert_eq!(ids(&told), sent);
    assert_eq!(told[0].position, waiting[0].position);
    bench.acknowledge(&bob, vec![waiting[0].position]).await;
    assert_eq!(ids(&bench.mailbox(&bob).await), sent[1..]);
    assert_eq!(bench.pending().await, 1);
    // Acknowledging twice, or what is another's, changes nothing.
    bench.acknowledge(&bob, vec![waiting[0].position]).await;
    bench.acknowledge(&alice, vec![waiting[1].position]).await;
    assert_eq!(bench.pending().await, 1);
}

async fn a_repeat_is_answered_and_not_delivered(bench: Bench) {
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    bench.user("carol").await;
    let [id] = bench.new_ids();
    for outcome in bench.send(&alice, "bob", &[id, id]).await {
        assert!(outcome.result.is_ok());
    }
    assert_eq!(bench.mailbox(&bob).await.len(), 1);
    assert_eq!(bench.told.1.load(Ordering::SeqCst), 1, "a repeat is not counted");
    let outcome = bench.send(&alice, "carol", &[id]).await.remove(0);
    assert_eq!(outcome.result.unwrap_err().code, ErrorCode::MessageIdConflict);
}

async fn one_refusal_does_not_hurt_others(bench: Bench) {
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let [first, second, third] = bench.new_ids();
    let [one, two, three] = [[first], [second], [third]];
    let (a, b, c) = tokio::join!(
        bench.send(&alice, "bob", &one),
        bench.send(&alice, "nobody", &two),
        bench.send(&alice, "bob", &three),
    );
    assert!(a[0].result.is_ok() && c[0].result.is_ok());
    let refusal = b[0].result.clone().unwrap_err();
    assert_eq!(refusal.code, ErrorCode::UnknownRecipient);
    assert_eq!(bench.mailbox(&bob).await.len(), 2);
    // The refused id is free.
    assert!(bench.send(&alice, "bob", &[second]).await[0].result.is_ok());
}

async fn a_shared_body_goes_with_the_last_mailbox(bench: Bench) {
    let (alice, phone) = (bench.user("alice").await, bench.user("bob").await);
    let laptop = bench.device("bob").await;
    let sent = bench.new_ids::<1>();
    bench.send(&alice, "bob", &sent).await;
    assert_eq!(bench.pending().await, 1);
    bench.storage.acknowledge(phone.device, sent.to_vec()).await.unwrap();
    assert!(bench.mailbox(&phone).await.is_empty());
    assert_eq!(bench.pending().await, 1);
    bench.storage.remove_device(laptop.user, laptop.device_id.clone()).await.unwrap();
    assert_eq!(bench.pending().await, 0);
}

/// Also where the storage remembers, from an earlier message, which devices there are.
async fn a_new_device_gets_what_comes_after_it(bench: Bench) {
    let (alice, phone) = (bench.user("alice").await, bench.user("bob").await);
    let [before, after, answer] = bench.new_ids();
    bench.send(&alice, "bob", &[before]).await;
    let (laptop, tablet) = (bench.device("bob").await, bench.device("alice").await);
    bench.send(&alice, "bob", &[after]).await;
    assert_eq!(ids(&bench.mailbox(&phone).await), [before, after]);
    assert_eq!(ids(&bench.mailbox(&laptop).await), [after]);
    assert_eq!(ids(&bench.mailbox(&tablet).await), [after], "the sender's other device");
    bench.send(&laptop, "alice", &[answer]).await;
    assert_eq!(ids(&bench.mailbox(&alice).await), [answer]);
    assert_eq!(ids(&bench.mailbox(&tablet).await), [after, answer]);
}

async fn pages_are_bounded_and_in_order(bench: Bench) {
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let sent = bench.new_ids::<5>();
    bench.send(&alice, "bob", &sent).await;
    let page = async |after, messages, bytes| {
        let limit = PageLimit { messages, bytes };
        bench.storage.mailbox_page(bob.device, after, limit).await.unwrap()
    };
    let first = page(Position::default(), 2, usize::MAX).await;
    assert_eq!((ids(&first.deliveries), first.has_more), (sent[..2].to_vec(), true));
    let rest = page(first.deliveries[1].position, 3, usize::MAX).await;
    assert_eq!((ids(&rest.deliveries), rest.has_more), (sent[2..].to_vec(), false));
    let large = page(Position::default(), 5, 1).await;
    assert_eq!((large.deliveries.len(), large.has_more), (1, true));
}

async fn age_takes_messages_but_not_the_memory_of_them(bench: Bench) {
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let sent = bench.new_ids::<1>();
    bench.send(&alice, "bob", &sent).await;
    bench.clock.advance(100);
    let younger = bench.new_ids::<1>();
    bench.send(&alice, "bob", &younger).await;
    let now = bench.clock.now();
    let cutoffs = |messages, seen| Cutoffs { now, messages, seen, tokens: 0, audit: 0 };
    bench.storage.expire(cutoffs(now, 0)).await.unwrap();
    assert_eq!(ids(&bench.mailbox(&bob).await), younger);
    bench.send(&alice, "bob", &sent).await;
    assert_eq!(bench.mailbox(&bob).await.len(), 1, "still known");
    bench.storage.expire(cutoffs(0, now)).await.unwrap();
    bench.send(&alice, "bob", &sent).await;
    assert_eq!(bench.mailbox(&bob).await.len(), 2, "forgotten");
}

async fn a_clock_that_was_wrong_loses_nothing(bench: Bench) {
    let (alice, bob) = (bench.user("alice").await, bench.user("bob").await);
    let now = bench.clock.now();
    let [first, second, third] = bench.new_ids();
    bench.send(&alice, "bob", &[first]).await;
    bench.clock.advance(-1000);
    bench.send(&alice, "bob", &[second]).await;
    bench.clock.advance(1000);
    bench.send(&alice, "bob", &[third]).await;
    let cutoffs = |messages| Cutoffs { now, messages, seen: 0, tokens: 0, audit: 0 };
    bench.storage.expire(cutoffs(now - 500)).await.unwrap();
    assert_eq!(ids(&bench.mailbox(&bob).await), [first, second, third]);
    bench.storage.expire(cutoffs(now + 1)).await.unwrap();
    assert!(bench.mailbox(&bob).await.is_empty());
}

async fn closing_refuses_what_comes_later(bench: Bench) {
    let alice = bench.user("alice").await;
    bench.storage.close().await;
    let refused = bench.storage.connected(alice.device).await;
    assert!(matches!(refused, Err(StorageError::Stopped)));
}

fn sample(at: i64, online_users: u64, messages: u64) -> Sample {
    Sample { at, online_users, pending_messages: 7, stored_files: 2, stored_bytes: 1000, messages }
}

async fn samples_in_one_place_are_one(bench: Bench) {
    for (online, messages) in [(3, 10), (1, 5)] {
        bench.storage.add_sample(sample(900, online, messages)).await.unwrap();
    }
    bench.storage.add_sample(sample(1200, 0, 1)).await.unwrap();
    assert_eq!(bench.storage.samples(0, 300).await.unwrap(), [sample(900, 3, 15), sample(1200, 0, 1)]);
    assert_eq!(bench.storage.samples(900, 600).await.unwrap(), [sample(600, 3, 15), sample(1200, 0, 1)]);
    assert_eq!(bench.storage.samples(901, 300).await.unwrap(), [sample(1200, 0, 1)]);
}

async fn older_samples_are_thinned_and_old_ones_go(bench: Bench) {
    let day = 24 * 3600;
    let now = 500 * day;
    // An hour in which nothing is to be thinned, one that is, one too old, and one from a clock that was wrong.
    let recent = now - day;
    let older = now - 10 * day;
    for at in [recent, recent + 300, older, older + 300, older + 3300, now - 401 * day, now + 2 * day] {
        bench.storage.add_sample(sample(at, 2, 4)).await.unwrap();
    }
    bench.storage.thin_samples(now).await.unwrap();
    let kept = bench.storage.samples(0, 1).await.unwrap();
    assert_eq!(kept, [sample(older, 2, 12), sample(recent, 2, 4), sample(recent + 300, 2, 4)]);
    bench.storage.thin_samples(now).await.unwrap();
    assert_eq!(bench.storage.samples(0, 1).await.unwrap(), kept, "once is enough");
}

#[tokio::test]
async fn sqlite_behaves() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicU32::new(0);
    behaves(|told, clock| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let options = Options { path: &folder.path().join(format!("{number}.db")), max_pending: 0, clock };
        Arc::new(SqliteStorage::open(options, told).unwrap())
    })
    .await;
}
