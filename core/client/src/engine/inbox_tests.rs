//! What a hostile or merely unlucky server can do with the mailbox.

use std::sync::Arc;

use privmsg_e2ee::{
    ClaimedKeyPackage, CommitBundle, Content, Conversation, ConversationInfo, Person, Text, generate_key_package,
};
use privmsg_mls_public::direct_chat_id;
use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::{DeviceId, Epoch, GroupId, Incarnation, MessageId, Opaque, Seq, UserId};
use privmsg_store::chats::ChatKind;
use privmsg_store::key::DatabaseKey;
use privmsg_store::position::Position;
use privmsg_store::{Store, Tx, blocks, epoch_ends, gaps, groups, lags, messages, outbox, parked, welcomes};

use super::inbox;
use crate::error::ClientError;
use crate::events::Event;
use crate::group::claim::Claim;
use crate::group::join::{Outcome, use_welcome};
use crate::group::loaded::Loaded;
use crate::group::membership;
use crate::group::mls::{Step, with_mls};
use crate::identity::{Identity, device_of};

mod crossing;
mod device_lists;
mod early;
mod impostors;
mod joining;
mod lies;
mod lifetimes;
mod namesakes;
mod order;
mod set_back;
mod told;

/// The first group of the conversation of Alice and Bob.
const GROUP: GroupId = GroupId::from_bytes([
    0xfc, 0x03, 0xe6, 0xf1, 0x48, 0x12, 0xdb, 0xa4, 0xe1, 0xf2, 0x29, 0xed, 0x31, 0x13, 0x21, 0x07,
]);

/// Key packages are checked against the system's clock inside OpenMLS.
fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

struct Device {
    _dir: tempfile::TempDir,
    store: Store,
    identity: Arc<Identity>,
    loaded: Arc<Loaded>,
}

impl Device {
    fn of(user: &str) -> Self {
        Self::with(Arc::new(device_of(UserId::new(user).unwrap(), now_s())))
    }

    /// A profile in which nothing has happened yet.
    fn with(identity: Arc<Identity>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        Self { _dir: dir, store, identity, loaded: Arc::default() }
    }

    async fn step<T: Send + 'static>(&self, work: impl FnOnce(&Step<'_, '_>) -> T + Send + 'static) -> T {
        self.try_step(|step| Ok(work(step))).await.unwrap()
    }

    async fn try_step<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Step<'_, '_>) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        self.step_at(5, work).await
    }

    async fn step_at<T: Send + 'static>(
        &self,
        now_ms: i64,
        work: impl FnOnce(&Step<'_, '_>) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let (identity, loaded) = (Arc::clone(&self.identity), Arc::clone(&self.loaded));
        let run = move |tx: &Tx<'_>| {
            with_mls(tx, |mls| work(&Step { tx, mls, identity: &identity, loaded: &loaded, now_ms }))
        };
        self.store.write(run).await
    }

    async fn encrypt(&self, text: &'static str, id: u8) -> DeliveredMessage {
        self.step(move |step| {
            let mut chat = Conversation::load(step.mls, GROUP).unwrap().unwrap();
            let content = Content::new(message_id(id), 1, &Text::new(text)).unwrap().encode().unwrap();
            let bytes = chat.encrypt(step.mls, &step.identity.device, &content).unwrap();
            delivered(id, chat.epoch(), &bytes, MessageType::Text)
        })
        .await
    }

    /// Changes the leaf key; the server is taken to have accepted.
    async fn rotate(&self, id: u8) -> DeliveredMessage {
        self.step(move |step| {
            let mut chat = Conversation::load(step.mls, GROUP).unwrap().unwrap();
            let bundle = chat.commit(step.mls, &step.identity.device, &[], &[], now_s()).unwrap();
            chat.merge_pending(step.mls).unwrap();
            delivered(id, bundle.epoch, &bundle.commit, MessageType::KeyExchange)
        })
        .await
    }

    async fn hears(&self, page: &[&DeliveredMessage]) -> inbox::Outcome {
        let page: Vec<_> = page.iter().map(|message| (*message).clone()).collect();
        // An invitation is acknowledged by who uses it: until then the server keeps the tree that it needs.
        let used_later = |message: &&DeliveredMessage| inbox::is_welcome(message);
        let expected: Vec<_> = page.iter().filter(|m| !used_later(m)).map(|message| message.message_id).collect();
        let outcome = self.try_step(move |step| inbox::process(step, &page)).await.unwrap();
        assert_eq!(outcome.acks, expected, "whatever it was, it is acknowledged");
        outcome
    }

    /// Answers the invitation that has come, with the tree that the server has.
    async fn joins(&self, peer: &Self, tree: Vec<u8>) -> Outcome {
        self.joins_as(peer.claim(), tree).await.0
    }

    async fn joins_as(&self, claim: Claim, tree: Vec<u8>) -> (Outcome, Vec<Event>) {
        self.try_step(move |step| {
            let welcome = welcomes::of(step.tx, &GROUP)?.unwrap();
            use_welcome(step, &welcome, &tree, &claim)
        })
        .await
        .unwrap()
    }

    /// What an honest server says to the other one of their conversation.
    fn claim(&self) -> Claim {
        Claim {
            kind: ChatKind::Direct { peer: self.identity.user_id.clone() },
            conversation: direct_chat_id(&UserId::new("alice").unwrap(), &UserId::new("bob").unwrap()),
            incarnation: Incarnation::FIRST,
            published: Some(*self.identity.account.as_bytes()),
            shown: crate::group::rosters::Shown::default(),
        }
    }

    /// As conversations name the user.
    fn person(&self) -> Person {
        Person { user_id: self.identity.user_id.clone(), identity: self.identity.account }
    }

    async fn is_to_join_anew(&self) -> bool {
        self.step(|step| lags::of(step.tx, &GROUP).unwrap().is_some_and(|lag| lag.join_at <= step.now_ms)).await
    }

    /// Numbers that are shown as missing.
    async fn missing(&self) -> u64 {
        self.step(|step| {
            let chat = groups::load(step.tx, &GROUP).unwrap().unwrap().chat;
            gaps::between(step.tx, chat, Position::START, Position::QUEUED).unwrap().iter().map(|gap| gap.missing).sum()
        })
        .await
    }

    async fn parked(&self) -> usize {
        self.step(|step| parked::of_group(step.tx, &GROUP).unwrap().len()).await
    }

    async fn texts(&self) -> Vec<String> {
        self.step(|step| {
            let all = messages::received_after(step.tx, 0, 100).unwrap();
            let text =
                |message: messages::Message| Content::decode(&message.content).unwrap().body::<Text>().unwrap().text;
            all.into_iter().map(text).collect()
        })
        .await
    }

    async fn epoch(&self) -> Epoch {
        self.step(|step| Conversation::load(step.mls, GROUP).unwrap().unwrap().epoch()).await
    }
}

fn message_id(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

/// In these tests a message's number in the group is that of its id.
fn delivered(n: u8, epoch: Epoch, bytes: &[u8], message_type: MessageType) -> DeliveredMessage {
    DeliveredMessage {
        message_id: message_id(n),
        sender_id: UserId::new("alice").unwrap(),
        sender_device_id: Some(DeviceId::new("alice-device").unwrap()),
        recipient_id: None,
        group_id: Some(GROUP),
        epoch: Some(epoch),
        seq: Some(Seq(n.into())),
        first_seq: None,
        encrypted_content: Opaque::encode(bytes),
        message_type,
        timestamp: 0,
    }
}

/// Alice opens a chat with Bob; the welcome is still on its way to him.
async fn alice_invites_bob() -> (Device, Device, CommitBundle) {
    let (alice, bob) = (Device::of("alice"), Device::of("bob"));
    let package = bob
        .step(|step| {
            let (device, certificate) = (&step.identity.device, &step.identity.certificate);
            generate_key_package(step.mls, device, certificate, false, now_s(), now_s()).unwrap().bytes
        })
        .await;
    let (invited, claim) = (Arc::clone(&bob.identity), bob.claim());
    let info = ConversationInfo::direct(alice.person(), bob.person(), Incarnation::FIRST).unwrap();
    let bundle = alice
        .step(move |step| {
            let claimed = ClaimedKeyPackage::validate(&package, &invited.user_id, &invited.device_id, now_s()).unwrap();
            let (device, certificate) = (&step.identity.device, &step.identity.certificate);
            let (mut chat, bundle) =
                Conversation::create(step.mls, device, certificate, info, None, &[claimed], now_s()).unwrap();
            chat.merge_pending(step.mls).unwrap();
            let adopted = membership::adopt(step, &chat, GROUP, &claim).unwrap();
            assert!(matches!(adopted, membership::Judgement::Adopted(_)), "{adopted:?}");
            bundle
        })
        .await;
    (alice, bob, bundle)
}

fn welcome(bundle: &CommitBundle) -> DeliveredMessage {
    delivered(1, bundle.next_epoch, &bundle.welcomes()[0].1, MessageType::KeyExchange)
}

async fn alice_and_bob() -> (Device, Device) {
    let (alice, bob, bundle) = alice_invites_bob().await;
    bob.hears(&[&welcome(&bundle)]).await;
    assert_eq!(bob.joins(&alice, bundle.ratchet_tree).await, Outcome::Joining);
    assert!(!bob.is_to_join_anew().await);
    (alice, bob)
}

#[tokio::test]
async fn a_page_that_comes_again_changes_nothing() {
    let (alice, bob) = alice_and_bob().await;
    let first = alice.encrypt("one", 2).await;
    let commit = alice.rotate(3).await;
    let second = alice.encrypt("two", 4).await;
    for _ in 0..3 {
        bob.hears(&[&first, &commit, &second]).await;
    }
    assert_eq!(bob.texts().await, ["one", "two"]);
    assert_eq!(bob.epoch().await, alice.epoch().await);
}

#[tokio::test]
async fn a_message_under_another_number_is_still_shown_once() {
    let (alice, bob) = alice_and_bob().await;
    let original = alice.encrypt("once", 2).await;
    let renumbered = DeliveredMessage { seq: Some(Seq(7)), ..original.clone() };
    bob.hears(&[&original, &renumbered]).await;
    assert_eq!(bob.texts().await, ["once"]);
}

/// A sender whose profile was set back encrypts with keys that it has used before. Nobody can read that, and the reader
/// is told that something is missing, instead of nothing.
#[tokio::test]
async fn what_is_encrypted_with_a_used_key_is_shown_as_missing() {
    let (alice, bob) = alice_and_bob().await;
    for (n, count) in [(2, 1), (4, 2)] {
        // Whatever the transaction has done to the ratchet is forgotten.
        let lost = Arc::new(std::sync::Mutex::new(None));
        let kept = Arc::clone(&lost);
        let set_back: Result<(), ClientError> = alice
            .try_step(move |step| {
                let mut chat = Conversation::load(step.mls, GROUP)?.unwrap();
                let content = Content::new(message_id(n), 1, &Text::new("first"))?.encode()?;
                let bytes = chat.encrypt(step.mls, &step.identity.device, &content).unwrap();
                *kept.lock().unwrap() = Some(delivered(n, chat.epoch(), &bytes, MessageType::Text));
                Err(ClientError::NotSignedIn)
            })
            .await;
        assert!(set_back.is_err());
        let first = lost.lock().unwrap().take().unwrap();
        bob.hears(&[&first]).await;
        let second = alice.encrypt("second", n + 1).await;
        bob.hears(&[&second]).await;
        assert_eq!(bob.missing().await, count);
        bob.hears(&[&second, &first]).await;
        assert_eq!(bob.missing().await, count, "it is not the first that is missing");
    }
    assert_eq!(bob.texts().await, ["first", "first"]);
}

#[tokio::test]
async fn a_commit_that_the_server_has_not_ordered_is_refused() {
    let (alice, bob) = alice_and_bob().await;
    let epoch = bob.epoch().await;
    let commit = alice.rotate(2).await;
    let disguised = DeliveredMessage { message_type: MessageType::Text, ..commit };
    bob.hears(&[&disguised]).await;
    assert_eq!(bob.epoch().await, epoch);
}

#[tokio::test]
async fn a_message_in_another_envelope_is_refused() {
    let (alice, bob) = alice_and_bob().await;
    let message = alice.encrypt("mine", 2).await;
    let swapped = DeliveredMessage { message_id: message_id(77), ..message };
    bob.hears(&[&swapped]).await;
    assert!(bob.texts().await.is_empty());
}

#[tokio::test]
async fn forged_bytes_leave_no_trace() {
    let (alice, bob) = alice_and_bob().await;
    let mut forged = alice.encrypt("x", 2).await;
    let mut bytes = forged.encrypted_content.decode().unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    forged.encrypted_content = Opaque::encode(&bytes);
    let garbage = delivered(3, Epoch(1), b"garbage", MessageType::Text);
    let no_base64 = DeliveredMessage {
        encrypted_content: Opaque::from_base64("%"),
        ..delivered(4, Epoch(1), b"", MessageType::Text)
    };
    let true_one = alice.encrypt("y", 5).await;
    bob.hears(&[&forged, &garbage, &no_base64, &true_one]).await;
    assert_eq!(bob.texts().await, ["y"]);
}

#[tokio::test]
async fn a_crash_before_the_commit_of_the_transaction_forgets_everything_together() {
    let (alice, bob) = alice_and_bob().await;
    let message = alice.encrypt("again", 2).await;
    let page = vec![message.clone()];
    let crashed: Result<(), ClientError> = bob
        .try_step(move |step| {
            inbox::process(step, &page)?;
            Err(ClientError::NotSignedIn)
        })
        .await;
    assert!(crashed.is_err());
    assert!(bob.texts().await.is_empty());
    // Had the ratchet advanced, this would be a message that cannot be decrypted.
    bob.hears(&[&message]).await;
    assert_eq!(bob.texts().await, ["again"]);
}

#[tokio::test]
async fn a_welcome_that_cannot_be_used_leads_to_a_join() {
    let (alice, bob, bundle) = alice_invites_bob().await;
    bob.hears(&[&welcome(&bundle)]).await;
    assert!(!bob.is_to_join_anew().await);
    bob.joins(&alice, b"no tree".to_vec()).await;
    assert!(bob.is_to_join_anew().await);
}

#[tokio::test]
async fn a_notice_of_an_unknown_group_leads_to_a_join() {
    let bob = Device::of("bob");
    let notice = DeliveredMessage { seq: None, ..delivered(8, Epoch(1), b"", MessageType::DeviceSync) };
    bob.hears(&[&notice]).await;
    assert!(bob.is_to_join_anew().await);
}

/// The server keeps messages back, since the user wants that: what comes behind them is behind nothing that is missing.
#[tokio::test]
async fn what_was_kept_back_is_not_missing() {
    let (alice, bob) = alice_and_bob().await;
    bob.step(|step| drop(blocks::say(step.tx, &"alice".parse().unwrap(), true, step.now_ms).unwrap())).await;
    let mut last = alice.encrypt("kept back", 2).await;
    for n in 3..=9 {
        last = alice.encrypt("kept back", n).await;
    }
    let notice = DeliveredMessage {
        sender_device_id: None,
        epoch: None,
        first_seq: Some(Seq(2)),
        encrypted_content: Opaque::default(),
        message_type: MessageType::Withheld,
        ..last
    };
    bob.hears(&[&notice]).await;
    bob.hears(&[&notice]).await;
    bob.hears(&[&alice.encrypt("heard", 10).await]).await;
    assert_eq!(bob.texts().await, ["heard"]);
    let open = bob.step(|step| gaps::open_up_to(step.tx, &GROUP, Seq(100)).unwrap()).await;
    assert_eq!(open, 0);
    // So many that keys might be too far ahead: another epoch is due.
    let is_due =
        async || bob.step(|step| groups::load(step.tx, &GROUP).unwrap().unwrap().rotate_at <= step.now_ms).await;
    assert!(!is_due().await);
    bob.hears(&[&DeliveredMessage { first_seq: Some(Seq(11)), seq: Some(Seq(5_011)), ..notice }]).await;
    assert!(is_due().await);
}
