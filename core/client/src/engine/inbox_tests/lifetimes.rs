//! Key packages that are over by the time at which a commit is followed.

use std::time::Duration;

use privmsg_e2ee::{AccountKey, OsRng};
use privmsg_store::unusable_commits;

use super::*;

/// How long a key package is good after it is made.
const GOOD_S: u64 = 77 * 24 * 3600;

impl Device {
    /// A key package that is good for so many seconds more, and when it was made.
    async fn is_good_for(&self, seconds: u64) -> (Vec<u8>, u64) {
        self.step(move |step| {
            let made = now_s() - GOOD_S + seconds;
            let (device, certificate) = (&step.identity.device, &step.identity.certificate);
            (generate_key_package(step.mls, device, certificate, false, made, now_s()).unwrap().bytes, made)
        })
        .await
    }

    /// Adds another device without asking how long that is good.
    async fn adds(&self, other: &Self, (package, made): (Vec<u8>, u64), id: u8) -> DeliveredMessage {
        let theirs = Arc::clone(&other.identity);
        self.step(move |step| {
            let claimed = ClaimedKeyPackage::validate(&package, &theirs.user_id, &theirs.device_id, made).unwrap();
            let mut chat = Conversation::load(step.mls, GROUP).unwrap().unwrap();
            let bundle = chat.commit(step.mls, &step.identity.device, &[claimed], &[], now_s() + 1).unwrap();
            chat.merge_pending(step.mls).unwrap();
            delivered(id, bundle.epoch, &bundle.commit, MessageType::KeyExchange)
        })
        .await
    }
}

/// An honest admin was reported for it, as for a commit that leads nowhere.
#[tokio::test]
async fn nobody_is_reported_because_a_key_package_is_over_by_this_clock() {
    let account = AccountKey::generate(&mut OsRng);
    let (alice, bob) = (Device::of("alice").sibling(&account, "alice-device"), Device::of("bob"));
    let bundle = alice.makes(&bob, Incarnation::FIRST).await;
    bob.hears(&[&welcome(&bundle)]).await;
    assert_eq!(bob.joins(&alice, bundle.ratchet_tree).await, Outcome::Joining);
    let (tablet, before) = (alice.sibling(&account, "alice-tablet"), bob.epoch().await);
    let commit = alice.adds(&tablet, tablet.is_good_for(5).await, 2).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    bob.hears(&[&commit]).await;
    assert_eq!(bob.epoch().await, before);
    assert!(bob.is_to_join_anew().await, "it follows no further");
    let unreported = bob.step(|step| unusable_commits::unreported(step.tx, &GROUP).unwrap());
    assert_eq!(unreported.await, []);
}
