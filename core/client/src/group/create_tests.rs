//! Whose key packages are taken, and what is said if nobody's are.

use privmsg_e2ee::{AccountKey, DeviceKeys, OsRng, generate_key_package};
use privmsg_mls_public::Device;
use privmsg_protocol::{DeviceId, Opaque};
use privmsg_store::Store;
use privmsg_store::key::DatabaseKey;

use super::*;
use crate::group::loaded::Loaded;
use crate::group::mls::with_mls;
use crate::identity::{certify, device_of};

/// Key packages are dated by the system's clock inside OpenMLS.
fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

fn bob() -> UserId {
    UserId::new("bob").unwrap()
}

/// A key package of a device of Bob's, under this account key.
async fn package(account: &AccountKey, device: &str) -> DeviceKeyPackage {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let device_id = DeviceId::new(device).unwrap();
    let keys = DeviceKeys::generate(&mut OsRng);
    let certificate = certify(account, &bob(), &device_id, &keys, now_s());
    let made = store.write(move |tx| {
        with_mls(tx, |mls| {
            Ok::<_, ClientError>(generate_key_package(mls, &keys, &certificate, false, now_s(), now_s()).unwrap().bytes)
        })
    });
    DeviceKeyPackage { device_id, key_package: Opaque::encode(&made.await.unwrap()) }
}

fn why(claimed: &[DeviceKeyPackage], identities: &Identities, now_s: u64) -> Option<Unreachable> {
    sort(&bob(), claimed, identities, None, now_s).unwrap().nobody
}

#[tokio::test]
async fn each_kind_of_unusable_key_package_has_its_reason() {
    let (account, other) = (AccountKey::generate(&mut OsRng), AccountKey::generate(&mut OsRng));
    let trusted = Identities { trusted: Some(*account.public().as_bytes()), published: None };
    let nobody = Identities::default();
    let (good, foreign) = (package(&account, "b1").await, package(&other, "b2").await);
    let broken = DeviceKeyPackage { key_package: Opaque::encode(b"garbage"), ..good.clone() };
    let year = 365 * 24 * 3600;

    assert_eq!(why(std::slice::from_ref(&good), &trusted, now_s()), None);
    assert_eq!(why(&[broken.clone(), foreign.clone(), good.clone()], &trusted, now_s()), None, "one is enough");
    assert_eq!(why(&[], &trusted, now_s()), Some(Unreachable::NoKeyPackages));
    assert_eq!(why(std::slice::from_ref(&good), &trusted, now_s() + year), Some(Unreachable::OutOfLifetime));
    assert_eq!(why(std::slice::from_ref(&good), &trusted, now_s() - year), Some(Unreachable::OutOfLifetime));
    assert_eq!(why(&[broken], &trusted, now_s()), Some(Unreachable::NotVouchedFor));
    assert_eq!(why(&[foreign], &trusted, now_s()), Some(Unreachable::NotVouchedFor));
    assert_eq!(why(&[good], &nobody, now_s()), Some(Unreachable::NoIdentity));
}

/// The server hands out devices under another identity than the verified one: they are named to the user only if it is
/// the one that is published, and never taken.
#[tokio::test]
async fn only_the_published_identity_can_be_a_change() {
    let (account, other) = (AccountKey::generate(&mut OsRng), AccountKey::generate(&mut OsRng));
    let foreign = package(&other, "b2").await;
    for (published, changed) in [(&other, true), (&account, false)] {
        let identities =
            Identities { trusted: Some(*account.public().as_bytes()), published: Some(*published.public().as_bytes()) };
        let claimed = sort(&bob(), std::slice::from_ref(&foreign), &identities, None, now_s()).unwrap();
        assert!(claimed.trusted.is_empty());
        assert_eq!(claimed.changed.is_some(), changed);
    }
}

/// The server hands out the true key package of a device that its account has signed out: nothing is encrypted for it, and if there is no
/// other one, nobody can be reached.
#[tokio::test]
async fn nobody_is_added_whose_device_was_signed_out() {
    let account = AccountKey::generate(&mut OsRng);
    let identities = Identities { trusted: Some(*account.public().as_bytes()), published: None };
    let both = [package(&account, "b1").await, package(&account, "b2").await];
    let devices = both.each_ref().map(|one| {
        let member = validate(&bob(), one, now_s()).unwrap().member();
        Device { device_id: member.device_id, device_key: member.device_key, added_at: 1 }
    });
    let signing = account.begin_generation(&bob(), 1, &mut OsRng).unwrap();
    let mut known = KnownDevices::new(bob(), account.public());
    let names = |claimed: &Claimed| {
        claimed.trusted.iter().map(|one| one.member().device_id.to_string()).collect::<Vec<_>>().join(" ")
    };
    for (counter, listed, expected) in [(1, &devices[..], "b1 b2"), (2, &devices[..1], "b1"), (3, &[], "")] {
        known.learn(signing.list(counter, listed.to_vec()).unwrap()).unwrap();
        let claimed = sort(&bob(), &both, &identities, Some(&known), now_s()).unwrap();
        assert_eq!(names(&claimed), expected);
        assert_eq!(claimed.nobody, expected.is_empty().then_some(Unreachable::NotVouchedFor));
    }
    // Another key under the name of a device that stands in the list.
    known.learn(signing.list(4, devices[..1].to_vec()).unwrap()).unwrap();
    let namesake = package(&account, "b1").await;
    assert!(sort(&bob(), &[namesake], &identities, Some(&known), now_s()).unwrap().trusted.is_empty());
}

/// An invitation has come since it was found that the chat has no group: what was said in its group could be read by nobody, if
/// it were taken for the one that the conversation has left, and begun after.
#[tokio::test]
async fn a_chat_that_has_got_a_group_is_not_opened_once_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let identity = device_of(bob(), 1);
    let carrying = store.write(move |tx| {
        with_mls(tx, |mls| {
            let step = Step { tx, mls, identity: &identity, loaded: &Loaded::default(), now_ms: 5 };
            let make = |incarnation: u32, reason| {
                let own = Person { user_id: identity.user_id.clone(), identity: identity.account };
                let info = ConversationInfo::notes(own, Incarnation(incarnation));
                create(&step, &ChatKind::SelfNotes, info, None, &[], reason)?;
                let chat = chats::find(tx, &ChatKind::SelfNotes)?.unwrap();
                Ok::<_, ClientError>(groups::of_chat(tx, chat)?.unwrap().group_id)
            };
            let goes_on = Reason::GoesOn { counted: None };
            Ok::<_, ClientError>([make(1, Reason::Opens)?, make(2, Reason::Opens)?, make(2, goes_on)?])
        })
    });
    let [first, opened, gone_on] = carrying.await.unwrap();
    assert_eq!(first, opened);
    assert_ne!(first, gone_on);
}
