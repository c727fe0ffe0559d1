//! A device that has asked to join, and hears of others before the answer.

use privmsg_protocol::rest::{PublicGroupState, SubmitCommit};
use privmsg_store::messages::Cursor;

use super::*;
use crate::group::external_commit;
use crate::group::request::Request;

impl Device {
    /// Commits, perhaps without one who was there; the server has taken it, and has the state that a device may join by.
    async fn commits(&self, without: Option<&Self>, n: u8) -> (DeliveredMessage, PublicGroupState) {
        let gone: Vec<_> =
            without.map(|gone| (gone.identity.user_id.clone(), gone.identity.device_id.clone())).into_iter().collect();
        self.step(move |step| {
            let mut chat = Conversation::load(step.mls, GROUP).unwrap().unwrap();
            let bundle = chat.commit(step.mls, &step.identity.device, &[], &gone, now_s()).unwrap();
            chat.merge_pending(step.mls).unwrap();
            let state = PublicGroupState {
                group_info: Opaque::encode(&bundle.group_info),
                ratchet_tree: Opaque::encode(&bundle.ratchet_tree),
            };
            (delivered(n, bundle.epoch, &bundle.commit, MessageType::KeyExchange), state)
        })
        .await
    }

    /// Asks to join by an external commit, which the server takes under the number `n`, and sends to the others.
    async fn asks_to_join(&self, peer: &Self, state: PublicGroupState, n: u8) -> DeliveredMessage {
        let claim = peer.claim();
        let (outcome, request) = self
            .try_step(move |step| {
                let (outcome, _) = external_commit::ask(step, GROUP, &state, &claim, None)?;
                Ok((outcome, groups::load(step.tx, &GROUP)?.unwrap().request.unwrap()))
            })
            .await
            .unwrap();
        assert_eq!(outcome, Outcome::Joining);
        let Request::Join(SubmitCommit { epoch, commit, .. }) = serde_json::from_slice(&request).unwrap() else {
            panic!("it asks to join")
        };
        DeliveredMessage {
            sender_id: self.identity.user_id.clone(),
            sender_device_id: Some(self.identity.device_id.clone()),
            ..delivered(n, epoch, &commit.decode().unwrap(), MessageType::KeyExchange)
        }
    }

    async fn is_answered(&self, n: u8) {
        self.try_step(move |step| {
            let request = groups::load(step.tx, &GROUP)?.unwrap().request.unwrap();
            let Request::Join(commit) = serde_json::from_slice(&request).unwrap() else { panic!("it asks to join") };
            external_commit::came_in(step, GROUP, commit.epoch.next(), Seq(n.into()))
        })
        .await
        .unwrap();
    }

    /// Everything that may still come has come.
    async fn is_quiet(&self) {
        self.step(|step| gaps::confirm_all(step.tx, &[]).unwrap()).await;
    }

    /// The texts as the chat shows them.
    async fn order(&self) -> Vec<String> {
        self.step(|step| {
            let chat = groups::load(step.tx, &GROUP).unwrap().unwrap().chat;
            let shown = messages::before(step.tx, chat, Cursor(Position::QUEUED, i64::MAX), 100).unwrap();
            let text =
                |message: messages::Message| Some(Content::decode(&message.content).ok()?.body::<Text>().ok()?.text);
            shown.into_iter().filter_map(text).collect()
        })
        .await
    }

    async fn is_asking(&self) -> bool {
        self.step(|step| groups::load(step.tx, &GROUP).unwrap().unwrap().request.is_some()).await
    }
}

/// Alice, and Bob with a profile in which there is nothing: he has asked to join under number 20.
async fn bob_asks() -> (Device, Device) {
    let (alice, former) = alice_and_bob().await;
    let (_, state) = alice.commits(None, 19).await;
    let bob = Device::with(Arc::clone(&former.identity));
    let join = bob.asks_to_join(&alice, state, 20).await;
    alice.hears(&[&join]).await;
    assert_eq!(alice.epoch().await, bob.epoch().await);
    (alice, bob)
}

/// The answer got lost, and the next commit comes before it has been asked for again. Once, the device took its own for beaten,
/// and all that was before it for missing.
#[tokio::test]
async fn a_commit_that_comes_before_the_answer_leaves_the_join_as_it_is() {
    let (alice, bob) = bob_asks().await;
    let (said, commit) = (alice.encrypt("one", 21).await, alice.rotate(22).await);
    let (lost, next) = (alice.encrypt("lost", 23).await, alice.encrypt("two", 24).await);
    bob.hears(&[&said, &commit, &next]).await;
    assert!(bob.is_asking().await, "it is asked for again");
    bob.is_answered(20).await;
    bob.is_quiet().await;
    assert_eq!((bob.texts().await, bob.missing().await), (vec!["one".into(), "two".into()], 1));
    assert_eq!(bob.epoch().await, alice.epoch().await);
    bob.hears(&[&lost]).await;
    assert_eq!(bob.missing().await, 0);
}

/// What came too early before the answer waits for its commit behind it as well.
#[tokio::test]
async fn what_comes_too_early_before_the_answer_is_read_behind_it() {
    let (alice, bob) = bob_asks().await;
    let (commit, said) = (alice.rotate(21).await, alice.encrypt("one", 22).await);
    bob.hears(&[&said]).await;
    bob.is_answered(20).await;
    bob.hears(&[&commit]).await;
    bob.is_quiet().await;
    assert_eq!((bob.texts().await, bob.missing().await, bob.parked().await), (vec!["one".into()], 0, 0));
}

/// A device that is put out before it has heard that it was in comes in anew: what was before it was not for it.
#[tokio::test]
async fn who_is_put_out_before_the_answer_is_shown_nothing_of_before_as_missing() {
    let (alice, bob) = bob_asks().await;
    let (out, state) = alice.commits(Some(&bob), 21).await;
    bob.hears(&[&out]).await;
    assert!(!bob.is_asking().await);
    let join = bob.asks_to_join(&alice, state, 22).await;
    alice.hears(&[&join]).await;
    bob.is_answered(22).await;
    bob.is_quiet().await;
    bob.hears(&[&alice.encrypt("one", 23).await]).await;
    assert_eq!((bob.texts().await, bob.missing().await), (vec!["one".into()], 0));
}

/// What did not come between what it has heard and that is missing, though.
#[tokio::test]
async fn who_is_put_out_before_the_answer_is_shown_what_did_not_come_meanwhile() {
    let (alice, bob) = bob_asks().await;
    let heard = alice.encrypt("one", 21).await;
    alice.encrypt("lost", 22).await;
    let (out, _) = alice.commits(Some(&bob), 23).await;
    bob.hears(&[&heard, &out]).await;
    bob.is_quiet().await;
    assert_eq!((bob.texts().await, bob.missing().await), (vec!["one".into()], 1));
}

/// A server keeps back what was said behind the join, and then says that the join was taken later.
#[tokio::test]
async fn a_place_that_is_behind_what_was_heard_hides_nothing() {
    let (alice, bob) = bob_asks().await;
    let heard = alice.encrypt("one", 21).await;
    for n in 22..=25 {
        alice.encrypt("kept back", n).await;
    }
    let last = alice.encrypt("two", 26).await;
    bob.hears(&[&heard, &last]).await;
    bob.is_answered(26).await;
    bob.is_quiet().await;
    assert_eq!((bob.texts().await, bob.missing().await), (vec!["one".into(), "two".into()], 4));
}

/// A restored server gives numbers out again. Those of what comes before the answer had been seen, and once it was passed over.
#[tokio::test]
async fn what_bears_a_number_of_before_is_read_before_the_answer() {
    let (alice, bob) = alice_and_bob().await;
    for n in 2..=9 {
        bob.hears(&[&alice.encrypt("before", n).await]).await;
    }
    let (_, state) = alice.commits(None, 4).await;
    let join = bob.asks_to_join(&alice, state, 5).await;
    alice.hears(&[&join]).await;
    let again = |n: u8, message: DeliveredMessage| DeliveredMessage { seq: Some(Seq(n.into())), ..message };
    let one = again(6, alice.encrypt("one", 16).await);
    let commit = again(7, alice.rotate(17).await);
    let two = again(8, alice.encrypt("two", 18).await);
    let outcome = bob.hears(&[&one, &commit, &two]).await;
    assert_eq!(outcome.events.len(), 3, "that the conversation was led back, and two messages");
    bob.is_answered(5).await;
    bob.hears(&[&again(9, alice.encrypt("three", 19).await)]).await;
    bob.is_quiet().await;
    assert_eq!(bob.missing().await, 0);
    let order = bob.order().await;
    assert_eq!((order.len(), order[8..].join(" ")), (11, "one two three".into()), "it stands behind all of before");
}

/// Alice has committed; Bob, who has followed, asks to join anew, as who lacks something, and the server takes that under number 4.
async fn bob_joins_anew() -> (Device, Device, DeliveredMessage) {
    let (alice, bob) = alice_and_bob().await;
    let (commit, state) = alice.commits(None, 2).await;
    bob.hears(&[&commit]).await;
    let said = alice.encrypt("crossing", 3).await;
    let join = bob.asks_to_join(&alice, state, 4).await;
    alice.hears(&[&join]).await;
    (alice, bob, said)
}

/// What was said to a device before it has joined anew is read by what it was before, whether it comes before the answer or after.
#[tokio::test]
async fn what_was_said_before_a_join_is_read_behind_the_asking() {
    let (alice, bob, said) = bob_joins_anew().await;
    bob.hears(&[&said]).await;
    bob.is_answered(4).await;
    bob.hears(&[&alice.encrypt("welcome", 5).await]).await;
    bob.is_quiet().await;
    assert_eq!((bob.order().await, bob.missing().await), (vec!["crossing".to_owned(), "welcome".to_owned()], 0));

    let (alice, bob, said) = bob_joins_anew().await;
    bob.is_answered(4).await;
    bob.hears(&[&said]).await;
    bob.hears(&[&alice.encrypt("welcome", 5).await]).await;
    bob.is_quiet().await;
    assert_eq!((bob.order().await, bob.missing().await), (vec!["crossing".to_owned(), "welcome".to_owned()], 0));
}

/// Nor is it moved before its epoch, to a number that was kept free, or behind what is said after the join.
#[tokio::test]
async fn what_was_said_before_a_join_stands_in_its_epoch() {
    let (alice, bob) = alice_and_bob().await;
    let (commit, state) = alice.commits(None, 5).await;
    bob.hears(&[&commit]).await;
    let said = alice.encrypt("crossing", 6).await;
    let join = bob.asks_to_join(&alice, state, 8).await;
    alice.hears(&[&join]).await;
    let under = |n: u8, message: &DeliveredMessage| DeliveredMessage { seq: Some(Seq(n.into())), ..message.clone() };
    bob.hears(&[&under(3, &said)]).await;
    assert!(bob.order().await.is_empty());
    bob.hears(&[&under(20, &said)]).await;
    bob.is_answered(8).await;
    let welcome = alice.encrypt("welcome", 9).await;
    bob.hears(&[&welcome]).await;
    assert_eq!(bob.order().await, ["crossing"]);
    bob.hears(&[&under(22, &welcome)]).await;
    assert_eq!(bob.order().await, ["crossing", "welcome"]);
}

/// What bears a number behind the join was not said before it, and what comes when all has come is not waited for.
#[tokio::test]
async fn what_comes_behind_a_join_was_not_said_before_it() {
    let (_alice, bob, said) = bob_joins_anew().await;
    bob.is_answered(4).await;
    bob.hears(&[&DeliveredMessage { seq: Some(Seq(6)), ..said }]).await;
    assert!(bob.order().await.is_empty(), "it is read with a number of later");

    let (_alice, bob, said) = bob_joins_anew().await;
    bob.is_answered(4).await;
    let sql = |step: &Step<'_, '_>| privmsg_store::former::of(step.tx, &GROUP).unwrap().unwrap().put_at;
    let put_at = bob.step(sql).await;
    let late = said.clone();
    bob.step_at(put_at + 3_600_001, move |step| inbox::process(step, &[late])).await.unwrap();
    assert!(bob.order().await.is_empty(), "an hour later");

    let (_alice, bob, said) = bob_joins_anew().await;
    bob.is_answered(4).await;
    bob.step(|step| privmsg_store::former::are_over(step.tx, 0).unwrap()).await;
    bob.hears(&[&said]).await;
    assert!(bob.order().await.is_empty(), "its keys are still there");

    // A join that nobody answers keeps no keys alive.
    let (_alice, bob, _said) = bob_joins_anew().await;
    let is_kept = |step: &Step<'_, '_>| privmsg_store::former::of(step.tx, &GROUP).unwrap().is_some();
    bob.step(|step| privmsg_store::former::are_over(step.tx, 0).unwrap()).await;
    assert!(bob.step(is_kept).await, "it is not answered yet");
    bob.step(|step| privmsg_store::former::are_over(step.tx, i64::MAX).unwrap()).await;
    assert!(!bob.step(is_kept).await, "it has waited for too long");
}
