//! Whose word about contacts' keys is heard, and where.

use privmsg_e2ee::{AccountKey, DeviceKeys, DevicePublicKey, OsRng};
use privmsg_mls_public::Device;
use privmsg_store::Store;
use privmsg_store::contacts;
use privmsg_store::key::DatabaseKey;

use super::super::{apply, compose};
use super::*;
use crate::identity::signed_in_account;
use crate::own_devices::learn;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn id(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

/// Alice's device `a`, and her phone, in a list; which key the phone has.
fn is_here(tx: &Tx<'_>) -> DevicePublicKey {
    let identity = AccountKey::generate(&mut OsRng);
    let signing = identity.begin_generation(&user("alice"), 5, &mut OsRng).unwrap();
    let account =
        account::Account { identity: Some(*identity.public().as_bytes()), ..signed_in_account(user("alice")) };
    let this =
        Device { device_key: DeviceKeys::from_bytes(&account.device_key).public(), device_id: id("a"), added_at: 1 };
    let phone = DeviceKeys::generate(&mut OsRng).public();
    account::save(tx, &account).unwrap();
    let devices = vec![this, Device { device_id: id("phone"), device_key: phone, added_at: 1 }];
    learn::learn(tx, &account, signing.list(1, devices).unwrap(), 1).unwrap();
    phone
}

fn eves() -> [u8; 32] {
    *AccountKey::from_bytes(&[66; 32]).public().as_bytes()
}

fn told(name: &str, identity: [u8; 32], said_by: Option<&str>) -> Pin {
    let said_by = said_by.map(|device| PinDevice(id(device)));
    Pin {
        user_id: user(name),
        identity: identity.into(),
        by_link: false,
        verified: true,
        said_by,
        floor: 0,
        through: Vec::new(),
    }
}

/// Says this in `chat`, as `sender` from a device.
fn says(
    tx: &Tx<'_>,
    chat: &ChatKind,
    (sender, device): (&str, &str),
    key: Option<&DevicePublicKey>,
    pins: Vec<Pin>,
) -> Vec<Event> {
    let chat = chats::ensure(tx, chat, 1).unwrap();
    let content = compose(&Pins { pins }, 5).unwrap();
    let bytes = content.encode().unwrap();
    let said = Said {
        chat,
        place: Place::Here,
        sender: &user(sender),
        sender_device: &id(device),
        sender_key: key,
        own: &user("alice"),
        direction: Direction::Incoming,
        content: &content,
        bytes: &bytes,
        now_ms: 5,
    };
    apply(tx, &said).unwrap().events
}

async fn in_a_store(steps: impl FnOnce(&Tx<'_>) + Send + 'static) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let done = store.write(move |tx| {
        steps(tx);
        Ok::<_, ClientError>(())
    });
    done.await.unwrap();
}

#[tokio::test]
async fn only_a_listed_device_of_ones_own_is_heard_and_only_in_the_notes() {
    in_a_store(|tx| {
        let (phone, thief) = (is_here(tx), DeviceKeys::generate(&mut OsRng).public());
        let with_bob = ChatKind::Direct { peer: user("bob") };
        let eve = || vec![told("eve", eves(), None)];
        for (chat, from, key) in [
            (&with_bob, ("bob", "phone"), Some(&phone)),
            (&with_bob, ("alice", "phone"), Some(&phone)),
            (&ChatKind::SelfNotes, ("bob", "phone"), Some(&phone)),
            (&ChatKind::SelfNotes, ("alice", "phone"), Some(&thief)),
            (&ChatKind::SelfNotes, ("alice", "tablet"), Some(&thief)),
            (&ChatKind::SelfNotes, ("alice", "phone"), None),
        ] {
            assert!(says(tx, chat, from, key, eve()).is_empty());
            assert_eq!(contacts::list(tx).unwrap(), [], "{chat:?} {from:?}");
        }
        says(tx, &ChatKind::SelfNotes, ("alice", "phone"), Some(&phone), eve());
        assert!(contacts::load(tx, &user("eve")).unwrap().is_some_and(|eve| eve.verified));
    })
    .await;
}

#[tokio::test]
async fn a_contradiction_is_a_line_that_names_the_device() {
    in_a_store(|tx| {
        let phone = is_here(tx);
        let bobs = *AccountKey::generate(&mut OsRng).public().as_bytes();
        contacts::observe(tx, &user("bob"), &bobs).unwrap();
        contacts::set_verified(tx, &user("bob"), true).unwrap();
        let events = says(tx, &ChatKind::SelfNotes, ("alice", "phone"), Some(&phone), vec![told("bob", eves(), None)]);
        let [Event::Received { id: line, chat }, Event::IdentityChanged { user: about, blocked: true, .. }] =
            &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(*about, user("bob"));
        assert_eq!(chats::load(tx, *chat).unwrap().kind, ChatKind::Direct { peer: user("bob") });
        let line = messages::load(tx, *line).unwrap().unwrap();
        assert_eq!((line.kind, line.content.as_slice()), (Kind::KNOWN_OTHERWISE, &b"phone"[..]));
        assert!(contacts::load(tx, &user("bob")).unwrap().is_some_and(|bob| bob.identity == bobs && bob.verified));
        assert!(contacts::is_held(tx, &user("bob")).unwrap());
    })
    .await;
}

/// What nobody can be, and what the device itself knows better.
#[tokio::test]
async fn nonsense_is_passed_over() {
    in_a_store(|tx| {
        let phone = is_here(tx);
        let no_point = (0..=255).map(|byte| [byte; 32]).find(|bytes| AccountPublicKey::from_bytes(*bytes).is_err());
        let pins = vec![
            told("alice", eves(), None),
            told("carol", no_point.unwrap(), None),
            told("dave", eves(), Some("a")),
            // In the notes to oneself each speaks for itself.
            told("eve", eves(), Some("tablet")),
            Pin { through: vec![PinDevice(id("tablet"))], ..told("eve", eves(), None) },
        ];
        says(tx, &ChatKind::SelfNotes, ("alice", "phone"), Some(&phone), pins);
        assert_eq!(contacts::list(tx).unwrap(), []);
        // Not so in what a device is told that is let in.
        let through = |count| vec![PinDevice(id("laptop")); count];
        let told_of = |name, count| Pin { through: through(count), ..told(name, eves(), Some("tablet")) };
        hear(tx, &id("phone"), &[told_of("eve", MAX_THROUGH), told_of("dave", MAX_THROUGH + 1)], 5).unwrap();
        let known: Vec<_> = contacts::list(tx).unwrap().into_iter().map(|(user, _)| user).collect();
        assert_eq!(known, [user("eve")]);
    })
    .await;
}

/// The whole way: a thief's device, before and after the owner has begun a new generation.
#[tokio::test]
async fn a_thiefs_words_do_not_outlast_the_recovery() {
    in_a_store(|tx| {
        let identity = AccountKey::generate(&mut OsRng);
        let account =
            account::Account { identity: Some(*identity.public().as_bytes()), ..signed_in_account(user("alice")) };
        let this = Device {
            device_key: DeviceKeys::from_bytes(&account.device_key).public(),
            device_id: id("a"),
            added_at: 1,
        };
        let thief = DeviceKeys::generate(&mut OsRng).public();
        account::save(tx, &account).unwrap();
        let devices = vec![this.clone(), Device { device_id: id("stolen"), device_key: thief, added_at: 1 }];
        let first = identity.begin_generation(&user("alice"), 5, &mut OsRng).unwrap();
        learn::learn(tx, &account, first.list(1, devices).unwrap(), 1).unwrap();
        let bobs = *AccountKey::generate(&mut OsRng).public().as_bytes();
        contacts::observe(tx, &user("bob"), &bobs).unwrap();
        let before = contacts::list(tx).unwrap();
        let says_eve = |tx: &Tx<'_>| {
            let pins = vec![told("bob", eves(), None), told("carol", eves(), None)];
            says(tx, &ChatKind::SelfNotes, ("alice", "stolen"), Some(&thief), pins)
        };
        says_eve(tx);
        assert!(contacts::is_held(tx, &user("bob")).unwrap());
        let second = identity.begin_generation(&user("alice"), 6, &mut OsRng).unwrap();
        let events = learn::learn(tx, &account, second.list(2, vec![this]).unwrap(), 2).unwrap();
        assert_eq!(contacts::list(tx).unwrap(), before);
        assert_eq!(words::to_confirm(tx).unwrap().len(), 2, "listed");
        let lines = events.iter().filter_map(|event| match event {
            Event::Received { id, .. } => Some(messages::load(tx, *id).unwrap().unwrap().kind),
            _ => None,
        });
        assert_eq!(lines.filter(|kind| *kind == Kind::TO_CONFIRM).count(), 1);
        // What it says afterwards is not heard at all.
        assert!(says_eve(tx).is_empty());
        assert_eq!(contacts::list(tx).unwrap(), before);
    })
    .await;
}

#[tokio::test]
async fn a_floor_is_heard_and_passed_on_but_counts_where_it_was_read_alone() {
    in_a_store(|tx| {
        let phone = is_here(tx);
        let says = |tx: &Tx<'_>, floor| {
            let eve = Pin { floor, ..told("eve", eves(), None) };
            says(tx, &ChatKind::SelfNotes, ("alice", "phone"), Some(&phone), vec![eve]);
            assert_eq!(contacts::floor(tx, &user("eve"), &eves()).unwrap(), 0);
            words::to_pass_on(tx).unwrap().iter().map(|word| pin(word).floor).collect::<Vec<_>>()
        };
        assert_eq!(says(tx, 4), [4]);
        assert_eq!(says(tx, 1 << 40), [0], "the phone takes back what it said, and says nothing that can be");
        contacts::set_verified(tx, &user("eve"), false).unwrap();
        contacts::link(tx, &user("eve"), &eves(), Some(7)).unwrap();
        assert_eq!(contacts::floor(tx, &user("eve"), &eves()).unwrap(), 7);
        let told: Vec<_> = words::untold(tx, 10).unwrap().iter().map(|word| pin(word).floor).collect();
        assert_eq!(told, [7]);
    })
    .await;
}

/// Whoever has the signing key says in a list for a moment that the phone has a key of theirs, and speaks as the phone.
#[tokio::test]
async fn what_was_said_under_a_borrowed_name_does_not_outlast_the_recovery() {
    in_a_store(|tx| {
        let identity = AccountKey::generate(&mut OsRng);
        let account =
            account::Account { identity: Some(*identity.public().as_bytes()), ..signed_in_account(user("alice")) };
        let this = Device {
            device_key: DeviceKeys::from_bytes(&account.device_key).public(),
            device_id: id("a"),
            added_at: 1,
        };
        let (phone, thiefs) = (DeviceKeys::generate(&mut OsRng).public(), DeviceKeys::generate(&mut OsRng).public());
        let as_phone = |device_key| Device { device_id: id("phone"), device_key, added_at: 1 };
        account::save(tx, &account).unwrap();
        let first = identity.begin_generation(&user("alice"), 5, &mut OsRng).unwrap();
        let learns = |by: &privmsg_e2ee::AccountSigningKey, counter, phone| {
            let list = by.list(counter, vec![this.clone(), as_phone(phone)]).unwrap();
            learn::learn(tx, &account, list, 1).unwrap()
        };
        learns(&first, 1, phone);
        says(tx, &ChatKind::SelfNotes, ("alice", "phone"), Some(&phone), vec![told("bob", eves(), None)]);
        assert_eq!(words::to_pass_on(tx).unwrap().len(), 1);
        learns(&first, 2, thiefs);
        says(tx, &ChatKind::SelfNotes, ("alice", "phone"), Some(&thiefs), vec![told("eve", eves(), None)]);
        assert_eq!(words::to_pass_on(tx).unwrap(), []);
        learns(&first, 3, phone);
        let second = identity.begin_generation(&user("alice"), 6, &mut OsRng).unwrap();
        learns(&second, 4, phone);
        assert_eq!(contacts::list(tx).unwrap(), []);
        assert_eq!(words::to_confirm(tx).unwrap().len(), 2, "the phone's own word, too: nothing tells them apart");
    })
    .await;
}
