//! Messages that cross the commit that removes their author's device.

use super::*;

impl Device {
    /// Removes the other one's device; the commit comes back as the server has taken it.
    async fn removes(&self, other: &Self, id: u8) -> DeliveredMessage {
        let (gone, own) = (Arc::clone(&other.identity), Arc::clone(&self.identity));
        self.step(move |step| {
            let mut chat = Conversation::load(step.mls, GROUP).unwrap().unwrap();
            let gone = (gone.user_id.clone(), gone.device_id.clone());
            let bundle = chat.commit(step.mls, &step.identity.device, &[], &[gone], now_s()).unwrap();
            DeliveredMessage {
                sender_id: own.user_id.clone(),
                sender_device_id: Some(own.device_id.clone()),
                ..delivered(id, bundle.epoch, &bundle.commit, MessageType::KeyExchange)
            }
        })
        .await
    }
}

/// The server takes both, the message first; whoever has made the commit is behind it when the message comes.
#[tokio::test]
async fn what_was_said_before_a_removal_is_read_behind_it() {
    let (alice, bob) = alice_and_bob().await;
    let said = alice.encrypt("said before", 2).await;
    let removal = bob.removes(&alice, 3).await;
    bob.hears(&[&removal]).await;
    bob.hears(&[&said]).await;
    assert_eq!(bob.texts().await, ["said before"]);
    assert_eq!(bob.missing().await, 0);
}

/// The device's keys of the epoch that is over go on to work, and a hostile server delivers what is written with them.
#[tokio::test]
async fn what_a_removed_device_says_after_it_is_not_read() {
    let (alice, bob) = alice_and_bob().await;
    let (later, claims_to_be_later) =
        (alice.encrypt("behind it", 4).await, alice.encrypt("epoch by the server", 5).await);
    let removal = bob.removes(&alice, 3).await;
    bob.hears(&[&removal]).await;
    let further = bob.rotate(7).await;
    let claims = DeliveredMessage { epoch: Some(further.epoch.unwrap()), ..claims_to_be_later };
    bob.hears(&[&later, &claims]).await;
    assert!(bob.texts().await.is_empty());
    assert_eq!(bob.missing().await, 2, "their numbers are shown as missing");
}

/// Once the mailbox was empty, what had not come was shown as missing: a server may have kept the number free for later.
#[tokio::test]
async fn what_fills_a_hole_that_was_shown_is_not_taken_from_a_removed_device() {
    let (alice, bob) = alice_and_bob().await;
    let said = alice.encrypt("perhaps written later", 2).await;
    let removal = bob.removes(&alice, 3).await;
    bob.hears(&[&removal]).await;
    bob.step(|step| gaps::confirm_all(step.tx, &[]).unwrap()).await;
    bob.hears(&[&said]).await;
    assert!(bob.texts().await.is_empty());
    assert_eq!(bob.missing().await, 1);
}

/// The server alone says what is still on its way, and could say it for as long as the keys of the epoch are kept.
#[tokio::test]
async fn what_comes_long_after_the_removal_is_not_taken_from_a_removed_device() {
    let (alice, bob) = alice_and_bob().await;
    let (said, later) = (alice.encrypt("on its way", 2).await, alice.encrypt("kept for later", 3).await);
    let removal = bob.removes(&alice, 4).await;
    bob.hears(&[&removal]).await;
    let page = [later.clone()];
    bob.step_at(5 + 5 * 60 * 1000 + 1, move |step| inbox::process(step, &page)).await.unwrap();
    assert!(bob.texts().await.is_empty());
    // Connected anew, and the mailbox is not empty yet.
    bob.step(|step| epoch_ends::are_awaited_again(step.tx, 5).unwrap()).await;
    bob.hears(&[&said]).await;
    assert_eq!(bob.texts().await, ["on its way"]);
}

/// Nor by breaking each connection before the time is over.
#[tokio::test]
async fn connections_that_break_keep_a_removal_open_for_an_hour() {
    let (alice, bob) = alice_and_bob().await;
    let (said, later) = (alice.encrypt("on its way", 2).await, alice.encrypt("kept for later", 3).await);
    let removal = bob.removes(&alice, 4).await;
    bob.hears(&[&removal]).await;
    let four_minutes = 4 * 60 * 1000;
    let mut now = 5;
    let mut texts = Vec::new();
    for (connections, page) in [(11, said), (1, later)] {
        for _ in 0..connections {
            now += four_minutes;
            bob.step(move |step| epoch_ends::are_awaited_again(step.tx, now).unwrap()).await;
        }
        now += four_minutes;
        bob.step_at(now, move |step| inbox::process(step, &[page])).await.unwrap();
        texts.push(bob.texts().await.len());
    }
    assert_eq!(texts, [1, 1]);
}

#[tokio::test]
async fn what_comes_behind_an_empty_mailbox_is_not_taken_from_a_removed_device() {
    let (alice, bob) = alice_and_bob().await;
    let said = alice.encrypt("kept for later", 2).await;
    let removal = bob.removes(&alice, 3).await;
    bob.hears(&[&removal]).await;
    bob.step(|step| epoch_ends::are_over(step.tx).unwrap()).await;
    bob.hears(&[&said]).await;
    assert!(bob.texts().await.is_empty());
}
