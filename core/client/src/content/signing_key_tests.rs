//! Who may pass the account signing key on, and ask for it, and where.

use privmsg_e2ee::{AccountKey, AccountSigningKey, DeviceKeys, DevicePublicKey, OsRng};
use privmsg_mls_public::Device;
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::Store;
use privmsg_store::chats;
use privmsg_store::key::DatabaseKey;
use privmsg_store::position::Place;

use super::super::{apply, compose};
use super::*;
use crate::identity::signed_in_account;

/// A device of Alice's, with another one in the list, and a third whose key the account has vouched for once.
struct Alice {
    identity: AccountKey,
    signing: AccountSigningKey,
    phone: DevicePublicKey,
    thief: DevicePublicKey,
}

fn alice() -> UserId {
    UserId::new("alice").unwrap()
}

fn id(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

impl Alice {
    fn new() -> Self {
        let identity = AccountKey::generate(&mut OsRng);
        let signing = identity.begin_generation(&alice(), 5, &mut OsRng).unwrap();
        let key = || DeviceKeys::generate(&mut OsRng).public();
        Self { identity, signing, phone: key(), thief: key() }
    }

    fn is_here(&self, tx: &Tx<'_>) {
        let account =
            Account { identity: Some(*self.identity.public().as_bytes()), signing: None, ..signed_in_account(alice()) };
        let this = Device {
            device_key: DeviceKeys::from_bytes(&account.device_key).public(),
            device_id: id("a"),
            added_at: 1,
        };
        let phone = Device { device_id: id("phone"), device_key: self.phone, added_at: 1 };
        account::save(tx, &account).unwrap();
        learn::learn(tx, &account, self.signing.list(1, vec![this, phone]).unwrap(), 1).unwrap();
    }
}

/// Where it was sent, by whom, from which device, by which key.
type From = (ChatKind, &'static str, &'static str, Option<DevicePublicKey>);

/// Whether the key was taken, or the wish heard, that somebody has sent.
async fn counts(kind: impl Kind + Send + 'static, alice_s: Alice, (chat, sender, device, key): From) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let told = store.write(move |tx| {
        alice_s.is_here(tx);
        let chat = chats::ensure(tx, &chat, 1)?;
        let content = compose(&kind, 5)?;
        let bytes = content.encode()?;
        let said = Said {
            chat,
            place: Place::Here,
            sender: &UserId::new(sender).unwrap(),
            sender_device: &id(device),
            sender_key: key.as_ref(),
            own: &alice(),
            direction: Direction::Incoming,
            content: &content,
            bytes: &bytes,
            now_ms: 5,
        };
        apply(tx, &said)?;
        Ok::<_, ClientError>(account::has_signing_key(tx)? || is_wanted(tx)?)
    });
    told.await.unwrap()
}

#[tokio::test]
async fn the_key_and_the_wish_count_from_a_listed_device_in_the_notes_only() {
    let bob = || ChatKind::Direct { peer: UserId::new("bob").unwrap() };
    for wish in [false, true] {
        let sent = |where_from: fn(&Alice) -> From| async move {
            let alice = Alice::new();
            let (key, from) = (SigningKey(alice.signing.clone()), where_from(&alice));
            if wish { counts(SigningKeyWanted {}, alice, from).await } else { counts(key, alice, from).await }
        };
        assert!(sent(|alice| (ChatKind::SelfNotes, "alice", "phone", Some(alice.phone))).await);
        assert!(!sent(|alice| (ChatKind::SelfNotes, "alice", "phone", Some(alice.thief))).await, "under its name");
        assert!(!sent(|alice| (ChatKind::SelfNotes, "alice", "tablet", Some(alice.thief))).await, "not listed");
        assert!(!sent(|_| (ChatKind::SelfNotes, "alice", "phone", None)).await, "kept, and nobody knows by which key");
        let in_a_chat = |sender: &'static str| {
            let alice = Alice::new();
            let (key, from) = (SigningKey(alice.signing.clone()), (bob(), sender, "phone", Some(alice.phone)));
            async move { if wish { counts(SigningKeyWanted {}, alice, from).await } else { counts(key, alice, from).await } }
        };
        assert!(!in_a_chat("alice").await && !in_a_chat("bob").await, "in the chat with Bob");
    }
}

/// Of a generation that was called back, of one whose list is not known yet, and a second one of this generation: somebody
/// else's, by all that is known here.
#[tokio::test]
async fn no_key_counts_but_that_of_the_generation_that_is_known() {
    for (generation, by_another) in [(4, false), (6, false), (5, false), (5, true)] {
        let alice = Alice::new();
        let identity = if by_another { AccountKey::generate(&mut OsRng) } else { alice.identity.clone() };
        let other = identity.begin_generation(&self::alice(), generation, &mut OsRng).unwrap();
        let from = (ChatKind::SelfNotes, "alice", "phone", Some(alice.phone));
        assert!(!counts(SigningKey(other), alice, from).await, "{generation}");
    }
}
