//! What a comparison with the server shows of a profile that was set back.

use privmsg_e2ee::Again;
use privmsg_protocol::ConversationId;
use privmsg_protocol::rest::{Group, GroupDevice, GroupKind};
use privmsg_store::outbox::Readers;

use super::super::tasks::groups::{Standing, last_look};
use super::super::tasks::sync::{Theirs, Told, compare_one};
use super::*;

/// The conversation as the server says that it is.
fn on_the_server(epoch: Epoch, seq: u64) -> Group {
    let device = |user: &str| GroupDevice {
        user_id: UserId::new(user).unwrap(),
        device_id: DeviceId::new(&format!("{user}-device")).unwrap(),
        leaf: true,
        active: true,
        no_commits_until: None,
    };
    Group {
        group_id: GROUP,
        kind: GroupKind::Direct,
        chat_id: ConversationId::from_bytes([0; 32]),
        incarnation: Incarnation::FIRST,
        epoch,
        seq: Seq(seq),
        participants: vec![UserId::new("alice").unwrap(), UserId::new("bob").unwrap()],
        devices: vec![device("alice"), device("bob")],
        roster: None,
        steps: Vec::new(),
    }
}

impl Device {
    async fn compares(&self, theirs: Group) -> Told {
        self.try_step(move |step| {
            let before = groups::load(step.tx, &GROUP)?;
            compare_one(step, &Theirs::of(&theirs, step.identity), before.as_ref())
        })
        .await
        .unwrap()
    }

    /// Something is on its way, and may have been taken.
    async fn has_said(&self, epoch: Epoch) {
        self.step(move |step| {
            let chat = groups::load(step.tx, &GROUP).unwrap().unwrap().chat;
            outbox::insert(step.tx, chat, &message_id(9), b"content", None, Readers::Anybody).unwrap();
            let queued = outbox::ready(step.tx, chat, 1).unwrap().remove(0);
            let encrypted = outbox::Encrypted { group: GROUP, epoch, ciphertext: b"ciphertext".to_vec() };
            outbox::set_encrypted(step.tx, &queued, &encrypted).unwrap();
        })
        .await;
    }

    async fn stands(&self) -> Option<Standing> {
        self.try_step(|step| last_look(step, GROUP)).await.unwrap().0
    }
}

#[tokio::test]
async fn who_has_everything_goes_on() {
    let (alice, bob) = alice_and_bob().await;
    bob.hears(&[&alice.encrypt("one", 2).await]).await;
    assert_eq!(bob.compares(on_the_server(bob.epoch().await, 2)).await, Told::All);
    assert_eq!(bob.stands().await, None);
}

/// Number 3 was Bob's own, or he has acknowledged it: the mailbox is empty, and it is not there.
#[tokio::test]
async fn who_lacks_a_number_becomes_a_new_leaf() {
    let (alice, bob) = alice_and_bob().await;
    bob.hears(&[&alice.encrypt("one", 2).await]).await;
    bob.compares(on_the_server(bob.epoch().await, 3)).await;
    assert_eq!(bob.stands().await, Some(Standing::Behind { missing: true }));
    // What people are shown as missing does not make it known.
    bob.step(|step| gaps::confirm_all(step.tx, &[]).unwrap()).await;
    assert_eq!(bob.stands().await, Some(Standing::Behind { missing: true }));
}

#[tokio::test]
async fn what_was_on_its_way_is_not_missing() {
    let (alice, bob) = alice_and_bob().await;
    let late = alice.encrypt("one", 2).await;
    bob.compares(on_the_server(bob.epoch().await, 2)).await;
    assert_eq!(bob.stands().await, Some(Standing::Behind { missing: true }));
    bob.hears(&[&late]).await;
    assert_eq!(bob.stands().await, Some(Standing::CaughtUp));
}

/// A hole of before the comparison counts, too: a later number may have been in the mailbox.
#[tokio::test]
async fn a_later_message_does_not_hide_what_is_missing() {
    let (alice, bob) = alice_and_bob().await;
    alice.encrypt("forgotten", 2).await;
    bob.hears(&[&alice.encrypt("later", 3).await]).await;
    bob.compares(on_the_server(bob.epoch().await, 3)).await;
    assert_eq!(bob.stands().await, Some(Standing::Behind { missing: true }));
}

/// The answers to messages of his own got lost with the connection. They are asked for again, with the same bytes; if more
/// is missing than they explain, they do not explain it.
#[tokio::test]
async fn answers_that_got_lost_are_waited_for() {
    for (seq, standing) in [(2, Standing::OwedAnswers), (3, Standing::Behind { missing: true })] {
        let (_alice, bob) = alice_and_bob().await;
        bob.has_said(bob.epoch().await).await;
        bob.compares(on_the_server(bob.epoch().await, seq)).await;
        assert_eq!(bob.stands().await, Some(standing));
    }
}

/// Once, a commit that came meanwhile made the device forget that it was waiting for an answer: it joined anew, for nothing, and
/// missed what was said until it was in.
#[tokio::test]
async fn answers_that_got_lost_are_waited_for_in_the_next_epoch_too() {
    let (alice, bob) = alice_and_bob().await;
    bob.has_said(bob.epoch().await).await;
    let commit = alice.rotate(3).await;
    bob.hears(&[&commit]).await;
    bob.compares(on_the_server(bob.epoch().await, 3)).await;
    assert_eq!(bob.stands().await, Some(Standing::OwedAnswers));
}

/// A request in the profile may have been answered long ago, and more have been said since: nothing is known before it is
/// answered, again, and compared.
#[tokio::test]
async fn who_owes_an_answer_is_asked_again() {
    let (_alice, bob) = alice_and_bob().await;
    let epoch = bob.epoch().await;
    bob.step(|step| groups::set_request(step.tx, &GROUP, Some(b"{}")).unwrap()).await;
    assert_eq!(bob.compares(on_the_server(epoch, 7)).await, Told::Nothing);
    bob.step(|step| groups::set_request(step.tx, &GROUP, None).unwrap()).await;
    assert_eq!(bob.compares(on_the_server(epoch, 7)).await, Told::All);
    assert_eq!(bob.stands().await, Some(Standing::Behind { missing: true }));
}

/// A server that lies about the number makes him join anew, and nothing else: after that he is where it was.
#[tokio::test]
async fn a_number_that_is_a_lie_is_forgotten_with_the_join() {
    let (alice, bob) = alice_and_bob().await;
    let epoch = bob.epoch().await;
    bob.compares(on_the_server(epoch, u64::MAX)).await;
    assert_eq!(bob.stands().await, Some(Standing::Behind { missing: true }));
    bob.step(|step| {
        groups::note_seen(step.tx, &GROUP).unwrap();
        lags::remove(step.tx, &GROUP).unwrap();
        gaps::restart(step.tx, &GROUP, Seq(2)).unwrap();
    })
    .await;
    let next = alice.encrypt("next", 3).await;
    bob.hears(&[&next]).await;
    assert_eq!(bob.texts().await, ["next"]);
    bob.compares(on_the_server(epoch, 3)).await;
    assert_eq!(bob.stands().await, None);
}

/// What is said once more to a device that comes back late is for nobody else: neither for one that was there nor for one that came
/// later than it, but where it is missing.
#[tokio::test]
async fn what_is_said_once_more_is_heard_where_it_lacks() {
    let (alice, bob) = alice_and_bob().await;
    let say_again = async |name: u8, first: u64, now: u8| {
        alice
            .step(move |step| {
                let mut chat = Conversation::load(step.mls, GROUP).unwrap().unwrap();
                let content = Content::new(message_id(name), 1, &Text::new(format!("said as {first}"))).unwrap();
                let content = content.again(Again { envelope_id: message_id(now), seq: Some(first) }).encode().unwrap();
                let bytes = chat.encrypt(step.mls, &step.identity.device, &content).unwrap();
                delivered(now, chat.epoch(), &bytes, MessageType::Text)
            })
            .await
    };
    bob.hears(&[&alice.encrypt("two", 2).await, &alice.encrypt("four", 4).await]).await;
    bob.hears(&[&say_again(20, 2, 6).await, &say_again(21, 3, 7).await, &say_again(22, 1, 8).await]).await;
    assert_eq!(bob.texts().await, ["two", "four", "said as 3"]);
}
