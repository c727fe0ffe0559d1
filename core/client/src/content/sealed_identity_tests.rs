//! What takes the place of a device's copy of the sealed identity.

use privmsg_e2ee::{AccountKey, DeviceKeys, DevicePublicKey, IdentityAction, IdentityRequest, OsRng, RecoveryKey};
use privmsg_mls_public::Device;
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::Store;
use privmsg_store::account::{self, Account};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::key::DatabaseKey;
use privmsg_store::messages::Direction;
use privmsg_store::position::Place;

use super::super::{apply, compose};
use super::*;
use crate::identity::signed_in_account;
use crate::own_devices::learn;

fn alice() -> UserId {
    UserId::new("alice").unwrap()
}

fn id(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

/// Alice's device `a` with a copy, and a phone in the list; the phone's key.
fn is_here(tx: &Tx<'_>, identity: &AccountKey) -> DevicePublicKey {
    let signing = identity.begin_generation(&alice(), 5, &mut OsRng).unwrap();
    let account = Account {
        identity: Some(*identity.public().as_bytes()),
        sealed_identity: Some(sealed_copy::encode(&sealed_by(identity, b"first")).unwrap()),
        ..signed_in_account(alice())
    };
    let this = DeviceKeys::from_bytes(&account.device_key).public();
    let phone = DeviceKeys::generate(&mut OsRng).public();
    account::save(tx, &account).unwrap();
    let entry = |device_id, device_key| Device { device_id, device_key, added_at: 1 };
    let list = signing.list(1, vec![entry(id("a"), this), entry(id("phone"), phone)]).unwrap();
    learn::learn(tx, &account, list, 1).unwrap();
    phone
}

fn sealed_by(identity: &AccountKey, sealed: &[u8]) -> SealedIdentity {
    let key = RecoveryKey::generate(&mut OsRng).sign_in_key();
    let request =
        IdentityRequest::new(alice(), [3; 32], IdentityAction::SealIdentity, &SealedIdentity::body(sealed, &key));
    SealedIdentity::new(sealed.to_vec(), &key, [3; 32], identity.ask(&request))
}

fn tells(tx: &Tx<'_>, chat: &ChatKind, device: (&str, &DevicePublicKey), told: &SealedIdentity) {
    let chat = chats::ensure(tx, chat, 1).unwrap();
    let content = compose(told, 5).unwrap();
    let bytes = content.encode().unwrap();
    let said = Said {
        chat,
        place: Place::Here,
        sender: &alice(),
        sender_device: &id(device.0),
        sender_key: Some(device.1),
        own: &alice(),
        direction: Direction::Incoming,
        content: &content,
        bytes: &bytes,
        now_ms: 5,
    };
    apply(tx, &said).unwrap();
}

fn copies(tx: &Tx<'_>) -> Vec<Vec<u8>> {
    sealed_copy::all(tx, &account::load(tx).unwrap().unwrap()).unwrap()
}

/// A device in the list has not the words: what it makes up is no copy, and what was signed long ago puts nothing aside.
#[tokio::test]
async fn only_what_the_identity_has_signed_for_is_kept_as_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let done = store.write(|tx| {
        let identity = AccountKey::generate(&mut OsRng);
        let phone = is_here(tx, &identity);
        let thief = DeviceKeys::generate(&mut OsRng).public();
        let (second, third) = (sealed_by(&identity, b"second"), sealed_by(&identity, b"third"));
        tells(tx, &ChatKind::SelfNotes, ("phone", &phone), &sealed_by(&AccountKey::generate(&mut OsRng), b"garbage"));
        tells(tx, &ChatKind::SelfNotes, ("stolen", &thief), &second);
        let with_bob = ChatKind::Direct { peer: UserId::new("bob").unwrap() };
        tells(tx, &with_bob, ("phone", &phone), &second);
        assert_eq!(copies(tx), [b"first".to_vec()]);
        tells(tx, &ChatKind::SelfNotes, ("phone", &phone), &second);
        tells(tx, &ChatKind::SelfNotes, ("phone", &phone), &third);
        assert_eq!(copies(tx), [b"third".to_vec(), b"second".to_vec(), b"first".to_vec()]);
        tells(tx, &ChatKind::SelfNotes, ("phone", &phone), &second);
        assert_eq!(copies(tx), [b"third".to_vec(), b"second".to_vec(), b"first".to_vec()], "told once more");
        tells(tx, &ChatKind::SelfNotes, ("phone", &phone), &sealed_by(&identity, b"fourth"));
        assert_eq!(copies(tx), [b"fourth".to_vec(), b"third".to_vec(), b"second".to_vec()]);
        Ok::<_, ClientError>(())
    });
    done.await.unwrap();
}
