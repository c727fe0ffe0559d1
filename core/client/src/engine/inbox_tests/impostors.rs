//! Groups that are not what the chat is, and people who are not who they say.

use privmsg_e2ee::{AccountKey, OsRng};
use privmsg_store::{chats, contacts};

use super::*;
use crate::identity::certify;

impl Device {
    /// Another device of the same person.
    pub(super) fn sibling(&self, account: &AccountKey, name: &str) -> Self {
        let other = Self::of(name);
        let device_id = DeviceId::new(name).unwrap();
        let certificate = certify(account, &self.identity.user_id, &device_id, &other.identity.device, now_s());
        let identity = Identity {
            user_id: self.identity.user_id.clone(),
            device_id,
            device: other.identity.device.clone(),
            certificate,
            account: account.public(),
        };
        Self { identity: Arc::new(identity), ..other }
    }

    /// Somebody else's device that certifies itself for this user.
    fn impostor(&self) -> Self {
        self.sibling(&AccountKey::generate(&mut OsRng), "impostor")
    }

    async fn knows(&self, user: &str) -> Option<contacts::Contact> {
        let user = UserId::new(user).unwrap();
        self.step(move |step| contacts::load(step.tx, &user).unwrap()).await
    }

    pub(super) async fn verifies(&self, person: Person) {
        self.step(move |step| {
            contacts::observe(step.tx, &person.user_id, person.identity.as_bytes()).unwrap();
            contacts::set_verified(step.tx, &person.user_id, true).unwrap();
        })
        .await;
    }

    async fn has_a_chat(&self) -> bool {
        self.step(|step| groups::load(step.tx, &GROUP).unwrap().is_some() || !chats::list(step.tx).unwrap().is_empty())
            .await
    }

    /// Makes a group for the conversation with `invited` that says of itself what this device likes, and gives what the
    /// server hands to the other one.
    pub(super) async fn makes(&self, invited: &Self, incarnation: Incarnation) -> CommitBundle {
        let package = invited
            .step(|step| {
                let (device, certificate) = (&step.identity.device, &step.identity.certificate);
                generate_key_package(step.mls, device, certificate, false, now_s(), now_s()).unwrap().bytes
            })
            .await;
        let theirs = Arc::clone(&invited.identity);
        let info = ConversationInfo::direct(self.person(), invited.person(), incarnation).unwrap();
        self.step(move |step| {
            let claimed = ClaimedKeyPackage::validate(&package, &theirs.user_id, &theirs.device_id, now_s()).unwrap();
            let (device, certificate) = (&step.identity.device, &step.identity.certificate);
            let (mut chat, bundle) =
                Conversation::create(step.mls, device, certificate, info, None, &[claimed], now_s()).unwrap();
            chat.merge_pending(step.mls).unwrap();
            bundle
        })
        .await
    }
}

/// Mallory makes a group whose content says that it is with Alice, under a key of her own. Alice's profile says another
/// one.
#[tokio::test]
async fn whoever_says_to_be_somebody_is_nobody() {
    let (alice, bob) = (Device::of("alice"), Device::of("bob"));
    let mallory = alice.impostor();
    let bundle = mallory.makes(&bob, Incarnation::FIRST).await;
    bob.hears(&[&welcome(&bundle)]).await;
    assert_eq!(bob.joins(&alice, bundle.ratchet_tree).await, Outcome::Refused);
    assert_eq!(bob.knows("alice").await, None, "nothing is pinned");
    assert!(!bob.has_a_chat().await);

    // Nor does it stand in the way of the right one.
    let bundle = alice.makes(&bob, Incarnation::FIRST).await;
    bob.hears(&[&welcome(&bundle)]).await;
    assert_eq!(bob.joins(&alice, bundle.ratchet_tree).await, Outcome::Joining);
    assert_eq!(bob.knows("alice").await.unwrap().identity, *alice.identity.account.as_bytes());
}

/// The server says that the group is one with somebody else than its content says.
#[tokio::test]
async fn a_group_of_another_conversation_is_refused() {
    let (alice, bob, carol) = (Device::of("alice"), Device::of("bob"), Device::of("carol"));
    let bundle = carol.makes(&bob, Incarnation::FIRST).await;
    bob.hears(&[&welcome(&bundle)]).await;
    assert_eq!(bob.joins(&alice, bundle.ratchet_tree).await, Outcome::Refused);
    assert!(bob.knows("alice").await.is_none() && bob.knows("carol").await.is_none() && !bob.has_a_chat().await);
}

/// Whoever publishes another key can go on under it with those who have not compared the first, and they are told.
#[tokio::test]
async fn a_published_change_is_shown_and_a_verified_contact_is_asked_about() {
    for verified in [false, true] {
        let (alice, bob) = alice_and_bob().await;
        if verified {
            bob.verifies(alice.person()).await;
        }
        let anew = alice.sibling(&AccountKey::generate(&mut OsRng), "alice-device");
        let bundle = anew.makes(&bob, Incarnation(2)).await;
        let id = ConversationInfo::direct(anew.person(), bob.person(), Incarnation(2)).unwrap().group_id();
        let invitation = DeliveredMessage { group_id: Some(id), ..welcome(&bundle) };
        bob.hears(&[&invitation]).await;
        let claim = Claim { incarnation: Incarnation(2), ..anew.claim() };
        let (outcome, events) = bob
            .try_step(move |step| {
                let welcome = welcomes::of(step.tx, &id)?.unwrap();
                use_welcome(step, &welcome, &bundle.ratchet_tree, &claim)
            })
            .await
            .unwrap();
        let told =
            events.iter().any(|event| matches!(event, Event::IdentityChanged { blocked, .. } if *blocked == verified));
        assert!(told, "{events:?}");
        assert_eq!(outcome, if verified { Outcome::Held } else { Outcome::Joining });
        let contact = bob.knows("alice").await.unwrap();
        let pinned = if verified { &alice } else { &anew };
        assert_eq!(contact.identity, *pinned.identity.account.as_bytes());
        bob.step(move |step| {
            assert_eq!(welcomes::of(step.tx, &id).unwrap().is_some(), verified, "kept until the user has said so");
            assert_eq!(groups::load(step.tx, &id).unwrap().is_some(), !verified);
            assert_eq!(groups::load(step.tx, &GROUP).unwrap().is_some(), verified);
        })
        .await;
    }
}

/// The server serves the group of before once more, when the chat has gone on.
#[tokio::test]
async fn a_group_that_the_chat_has_left_is_refused() {
    let (alice, bob, bundle) = alice_invites_bob().await;
    bob.step(|step| {
        let kind = ChatKind::Direct { peer: UserId::new("alice").unwrap() };
        let chat = chats::ensure(step.tx, &kind, step.now_ms).unwrap();
        chats::note_incarnation(step.tx, chat, Incarnation(2)).unwrap();
    })
    .await;
    bob.hears(&[&welcome(&bundle)]).await;
    assert_eq!(bob.joins(&alice, bundle.ratchet_tree).await, Outcome::Refused);
}

/// A message or a commit under the name of somebody else than its author, as the server or whoever sends it writes it.
#[tokio::test]
async fn an_envelope_under_another_name_is_refused() {
    let (alice, bob) = alice_and_bob().await;
    let renamed = |message: DeliveredMessage, user: &str, device: &str| DeliveredMessage {
        sender_id: UserId::new(user).unwrap(),
        sender_device_id: Some(DeviceId::new(device).unwrap()),
        ..message
    };
    let epoch = bob.epoch().await;
    bob.hears(&[&renamed(alice.encrypt("x", 2).await, "bob", "alice-device")]).await;
    bob.hears(&[&renamed(alice.encrypt("x", 3).await, "alice", "another")]).await;
    bob.hears(&[&DeliveredMessage { sender_device_id: None, ..alice.encrypt("x", 4).await }]).await;
    bob.hears(&[&alice.encrypt("y", 5).await]).await;
    assert_eq!(bob.texts().await, ["y"]);
    bob.hears(&[&renamed(alice.rotate(6).await, "bob", "bob-device")]).await;
    assert_eq!(bob.epoch().await, epoch);
}
