//! What is known of a message by its id.

use super::*;
use crate::timeline::unknown;

/// Whoever is in two chats with somebody said the same id to them in one, which nobody else saw, and was then not seen by them alone in
/// the other, where its number told of no loss.
#[tokio::test]
async fn an_id_that_was_used_in_one_chat_keeps_nothing_out_of_another() {
    let (first, again, other, kept) = story(|tx, chat| {
        let with_carol = chats::ensure(tx, &ChatKind::Direct { peer: user("carol") }, 1)?;
        let first = say(tx, chat, "bob", 1, Some(1))?;
        let again = say(tx, chat, "bob", 1, Some(2))?;
        let other = say(tx, with_carol, "bob", 1, Some(1))?;
        let (bob, device) = (user("bob"), DeviceId::new("d").unwrap());
        let speaker = held::Speaker { user: &bob, identity: &[1; 32], device: &device, device_key: &[2; 32] };
        for chat in [chat, chat, with_carol] {
            let origin = unknown::Origin {
                chat,
                place: Place::Here,
                message_id: id(2),
                sender_id: &bob,
                sender_device: &device,
                sender_key: None,
                received_at: 1,
                revision: 1,
            };
            unknown::keep(tx, &origin, 99, b"unknown")?;
            held::hold(tx, chat, &speaker, Place::Here, id(2), b"held")?;
        }
        let kept = (unknown::of_kind(tx, 99, 2, 10)?.len(), held::all(tx)?.len());
        Ok((first.is_some(), again.is_some(), other.is_some(), kept))
    })
    .await;
    assert_eq!((first, again, other, kept), (true, false, true, (2, 2)));
}

/// The ids of some alarms follow from what they are about, and whom they are about is named as their sender.
#[tokio::test]
async fn nobody_finds_a_notice_by_its_id_to_take_it_back() {
    let found = story(|tx, chat| {
        let mut found = Vec::new();
        let kinds =
            [Kind::LIST_CONFLICT, Kind::IDENTITY_CHANGED, Kind(0), Kind::UNREADABLE, Kind::UNLISTED, Kind::OTHER_KEY];
        for (n, kind) in (1..).zip(kinds) {
            let bob = user("bob");
            let new = NewMessage {
                chat,
                place: Place::Here,
                message_id: id(n),
                sender_id: &bob,
                sender_device: &DeviceId::new("d").unwrap(),
                sent_at: 1,
                received_at: 1,
                expires_at: None,
                kind,
                content: &[],
            };
            let row = messages::insert(tx, &new, Direction::Incoming)?.unwrap();
            let there = messages::find_of(tx, chat, &bob, &id(n))?.len();
            messages::forget(tx, row)?;
            found.push((there, messages::is_gone(tx, chat, &bob, &id(n))?));
        }
        Ok(found)
    })
    .await;
    assert_eq!(found, [(0, false), (0, false), (1, true), (1, true), (1, true), (1, true)]);
}
