//! Somebody speaks under another identity than the one that the user knows the name by.

use privmsg_e2ee::{AccountKey, Delete, Edit, OsRng, Reaction};
use privmsg_store::messages::Kind;
use privmsg_store::{chats, contacts, owed_receipts, relations, wanted_lists};

use super::device_lists::{MUCH_LATER, alice_with_her_account, list, numbered};
use super::*;
use crate::device_lists;

impl Device {
    /// The user says that another key is this contact's, as when they have scanned it.
    async fn comes_to_know(&self, user: &UserId, key: &AccountKey) {
        let (user, key) = (user.clone(), *key.public().as_bytes());
        self.step(move |step| {
            assert_eq!(contacts::link(step.tx, &user, &key, Some(1)).unwrap(), contacts::Linked::AnotherKey);
            assert!(contacts::accept_change(step.tx, &user).unwrap());
        })
        .await;
    }

    async fn unread(&self) -> u64 {
        self.step(|step| chats::list(step.tx).unwrap()[0].unread).await
    }
}

fn about(id: u8, content: Content) -> Content {
    content.about(message_id(id), UserId::new("alice").unwrap())
}

/// The group is still there, and what was said in it under the false key went on being the verified contact's.
#[tokio::test]
async fn what_is_said_under_a_key_that_was_given_up_is_marked_and_has_no_effect() {
    let (account, first, alice, bob) = alice_with_her_account().await;
    bob.hears(&[&alice.encrypt("mine", 2).await]).await;
    bob.step(|step| while owed_receipts::take(step.tx, 10, i64::MAX).unwrap().is_some() {}).await;
    let unread = bob.unread().await;
    bob.comes_to_know(&alice.identity.user_id, &AccountKey::generate(&mut OsRng)).await;

    let told = list(&first, 7, &[&alice]);
    let said = alice.encrypts(3, move |content| content.under(&told, true)).await;
    let outcome = bob.hears(&[&said]).await;
    assert_eq!((bob.kinds().await, outcome.events.len()), (vec![Kind(0), Kind::OTHER_KEY], 0));
    assert_eq!(bob.unread().await, unread);
    let is_owed = bob.step(|step| owed_receipts::take(step.tx, 10, i64::MAX).unwrap().is_some()).await;
    assert!(!is_owed, "nobody is told that it has arrived");
    assert_eq!(bob.knows_list_of(&alice).await, None, "nothing is learnt of its devices");

    let edit = alice.encrypts(4, |content| {
        about(2, Content::new(content.message_id, 1, &Edit { text: "another".into() }).unwrap())
    });
    let delete = alice.encrypts(5, |content| about(2, Content::new(content.message_id, 1, &Delete {}).unwrap()));
    let thumb = alice.encrypts(6, |content| {
        let thumb = Reaction { emoji: "👍".into(), removed: false };
        about(2, Content::new(content.message_id, 1, &thumb).unwrap())
    });
    let (edit, delete, thumb) = (edit.await, delete.await, thumb.await);
    let outcome = bob.hears(&[&edit, &delete, &thumb]).await;
    assert_eq!((bob.texts().await, outcome.events.len()), (vec!["mine".to_owned(), "text".to_owned()], 0));
    let said_about = bob.step(|step| {
        let chat = groups::load(step.tx, &GROUP).unwrap().unwrap().chat;
        relations::of(step.tx, chat, &UserId::new("alice").unwrap(), &message_id(2)).unwrap().len()
    });
    assert_eq!((said_about.await, bob.missing().await), (0, 0));
    drop(account);
}

/// What is no content of this version is shown as its sender's, too, and of a namesake's nothing is.
#[tokio::test]
async fn what_nobody_can_read_of_a_namesake_s_is_nothing() {
    let (_, _, alice, bob) = alice_with_her_account().await;
    bob.comes_to_know(&alice.identity.user_id, &AccountKey::generate(&mut OsRng)).await;
    let garbage = alice
        .step(|step| {
            let mut chat = Conversation::load(step.mls, GROUP).unwrap().unwrap();
            let bytes = chat.encrypt(step.mls, &step.identity.device, b"nothing of any kind").unwrap();
            delivered(2, chat.epoch(), &bytes, MessageType::Text)
        })
        .await;
    let outcome = bob.hears(&[&garbage]).await;
    assert_eq!((bob.kinds().await.len(), outcome.events.len(), bob.missing().await), (0, 0, 0));
}

/// It had waited for a list of the key that counted then.
#[tokio::test]
async fn what_was_held_under_a_key_that_was_given_up_is_marked_when_it_is_shown() {
    let (account, first, alice, bob) = alice_with_her_account().await;
    let phone = alice.sibling(&account, "alice-phone");
    bob.learns(&alice, list(&first, 9, &[&phone])).await;
    bob.hears(&[&alice.encrypts(2, numbered(1, 10)).await]).await;
    assert_eq!(bob.kinds().await, [], "held");
    bob.comes_to_know(&alice.identity.user_id, &AccountKey::generate(&mut OsRng)).await;
    bob.learns(&alice, list(&first, 10, &[&phone, &alice])).await;
    bob.releases_at(MUCH_LATER).await;
    assert_eq!(bob.kinds().await, [Kind::OTHER_KEY]);
    let (user, identity) = (alice.identity.user_id.clone(), alice.identity.account);
    let known = bob.step(move |step| {
        let wanted = wanted_lists::of(step.tx, &user, identity.as_bytes()).unwrap();
        (wanted.is_none(), device_lists::load(step.tx, &user, identity).unwrap().number().is_some())
    });
    assert_eq!(known.await, (true, true));
}
