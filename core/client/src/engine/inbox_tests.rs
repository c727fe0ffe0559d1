//! What a hostile or merely unlucky server can do with the mailbox.

use std::sync::Arc;

use privmsg_e2ee::{
    AccountKey, Body, ClaimedKeyPackage, CommitBundle, Content, Conversation, ConversationInfo, ConversationKind,
    DeviceKeys, OsRng, Provider, generate_key_package,
};
use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::rest::PublicGroupState;
use privmsg_protocol::{DeviceId, Epoch, GroupId, MessageId, Opaque, Seq, UserId};
use privmsg_store::key::DatabaseKey;
use privmsg_store::{Connection, Store, messages, mls_storage, parked};

use super::inbox::{self, Outcome, States};
use super::membership;
use crate::error::ClientError;
use crate::identity::Identity;

const GROUP: GroupId = GroupId::from_bytes([9; 16]);

/// Key packages are checked against the system's clock inside OpenMLS.
fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

struct Device {
    _dir: tempfile::TempDir,
    store: Store,
    identity: Arc<Identity>,
}

impl Device {
    fn of(user: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let account = AccountKey::generate(&mut OsRng);
        let device = DeviceKeys::generate(&mut OsRng);
        let user_id = UserId::new(user).unwrap();
        let device_id = DeviceId::new(&format!("{user}-device")).unwrap();
        let certificate = account.certify(&user_id, &device_id, &device.public(), now_s());
        let identity = Identity { user_id, device_id, device, certificate, account: account.public() };
        Self { _dir: dir, store, identity: Arc::new(identity) }
    }

    async fn mls<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Provider<'_, privmsg_store::MlsStorage<'_>>, &Identity) -> T + Send + 'static,
    ) -> T {
        let identity = Arc::clone(&self.identity);
        let result: Result<T, ClientError> = self
            .store
            .transact(move |c| {
                let storage = mls_storage(c);
                Ok(work(c, &Provider::new(&storage), &identity))
            })
            .await;
        result.unwrap()
    }

    async fn encrypt(&self, text: &'static str, id: u8) -> DeliveredMessage {
        self.mls(move |_, provider, identity| {
            let mut chat = Conversation::load(provider, GROUP).unwrap().unwrap();
            let body = Body::Text(text.into());
            let content = Content { message_id: message_id(id), sent_at_ms: 1, body }.encode().unwrap();
            let bytes = chat.encrypt(provider, &identity.device, &content).unwrap();
            delivered(id, chat.epoch(), &bytes, MessageType::Text)
        })
        .await
    }

    /// Changes the leaf key; the server is taken to have accepted.
    async fn rotate(&self, id: u8) -> DeliveredMessage {
        self.mls(move |_, provider, identity| {
            let mut chat = Conversation::load(provider, GROUP).unwrap().unwrap();
            let bundle = chat.commit(provider, &identity.device, &[], &[]).unwrap();
            chat.merge_pending(provider).unwrap();
            delivered(id, bundle.epoch, &bundle.commit, MessageType::KeyExchange)
        })
        .await
    }

    async fn receive(&self, page: Vec<DeliveredMessage>, states: States) -> Outcome {
        let identity = Arc::clone(&self.identity);
        self.store.transact(move |c| inbox::process(c, &identity, &page, &states, 5)).await.unwrap()
    }

    async fn hears(&self, page: &[&DeliveredMessage]) -> Outcome {
        let page: Vec<_> = page.iter().map(|message| (*message).clone()).collect();
        let expected: Vec<_> = page.iter().map(|message| message.message_id).collect();
        let outcome = self.receive(page, States::new()).await;
        assert_eq!(outcome.acks, expected, "whatever it was, it is acknowledged");
        outcome
    }

    async fn texts(&self) -> Vec<String> {
        self.mls(|c, _, _| {
            let all = messages::received_after(c, 0, 100).unwrap();
            all.iter()
                .map(|message| match Content::decode(&message.content).unwrap().body {
                    Body::Text(text) => text,
                    other => panic!("{other:?}"),
                })
                .collect()
        })
        .await
    }

    async fn epoch(&self) -> Epoch {
        self.mls(|_, provider, _| Conversation::load(provider, GROUP).unwrap().unwrap().epoch()).await
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
        encrypted_content: Opaque::encode(bytes),
        message_type,
        timestamp: 0,
    }
}

/// Alice opens a chat with Bob; the welcome is still on its way to him.
async fn alice_invites_bob() -> (Device, Device, CommitBundle) {
    let (alice, bob) = (Device::of("alice"), Device::of("bob"));
    let package = bob
        .mls(|_, provider, bob| generate_key_package(provider, &bob.device, &bob.certificate, false, now_s()).unwrap())
        .await;
    let invited = Arc::clone(&bob.identity);
    let bundle = alice
        .mls(move |c, provider, alice| {
            let claimed = ClaimedKeyPackage::validate(&package, &invited.user_id, &invited.device_id, now_s()).unwrap();
            let participants = vec![alice.user_id.clone(), invited.user_id.clone()];
            let info = ConversationInfo::new(ConversationKind::Direct, participants).unwrap();
            let (mut chat, bundle) =
                Conversation::create(provider, &alice.device, &alice.certificate, GROUP, info, &[claimed]).unwrap();
            chat.merge_pending(provider).unwrap();
            membership::adopt(c, provider, alice, &chat, 0).unwrap();
            bundle
        })
        .await;
    (alice, bob, bundle)
}

fn welcome(bundle: &CommitBundle) -> DeliveredMessage {
    delivered(1, bundle.next_epoch, &bundle.welcomes[0].1, MessageType::KeyExchange)
}

async fn alice_and_bob() -> (Device, Device) {
    let (alice, bob, bundle) = alice_invites_bob().await;
    let state = PublicGroupState {
        group_info: Opaque::encode(&bundle.group_info),
        ratchet_tree: Opaque::encode(&bundle.ratchet_tree),
    };
    let states = States::from([((GROUP, bundle.next_epoch), Some(state))]);
    let outcome = bob.receive(vec![welcome(&bundle)], states).await;
    assert!(outcome.uninvited.is_empty());
    (alice, bob)
}

#[tokio::test]
async fn a_message_before_its_commit_is_parked_and_healed() {
    let (alice, bob) = alice_and_bob().await;
    let before = alice.encrypt("before", 2).await;
    let commit = alice.rotate(3).await;
    let after = alice.encrypt("after", 4).await;

    bob.hears(&[&before, &after]).await;
    assert_eq!(bob.texts().await, ["before"]);
    assert_eq!(bob.mls(|c, _, _| parked::of_group(c, &GROUP).unwrap().len()).await, 1);
    bob.hears(&[&commit]).await;
    assert_eq!(bob.texts().await, ["before", "after"]);
    assert_eq!(bob.mls(|c, _, _| parked::of_group(c, &GROUP).unwrap().len()).await, 0);
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
    let (identity, page) = (Arc::clone(&bob.identity), vec![message.clone()]);
    let crashed: Result<(), ClientError> = bob
        .store
        .transact(move |c| {
            inbox::process(c, &identity, &page, &States::new(), 5)?;
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
    let (_alice, bob, bundle) = alice_invites_bob().await;
    let outcome = bob.receive(vec![welcome(&bundle)], States::new()).await;
    assert_eq!(outcome.uninvited, [GROUP]);
    let notice = DeliveredMessage { seq: None, ..delivered(8, Epoch(1), b"", MessageType::DeviceSync) };
    assert_eq!(bob.hears(&[&notice]).await.uninvited, [GROUP]);
}
