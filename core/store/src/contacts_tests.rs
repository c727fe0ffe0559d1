//! What takes the place of a pinned key, and what does not.

use super::*;
use crate::Store;
use crate::key::DatabaseKey;

fn bob() -> UserId {
    UserId::new("bob").unwrap()
}

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    (dir, store)
}

#[tokio::test]
async fn what_was_seen_first_gives_way_and_what_is_held_fast_does_not() {
    for (by_link, verified, expected) in [
        (false, false, Observation::Changed),
        (true, false, Observation::Blocked),
        (false, true, Observation::Blocked),
        (true, true, Observation::Blocked),
    ] {
        let (_dir, store) = store();
        let contact = store.write(move |tx| {
            observe(tx, &bob(), &[1; 32])?;
            if by_link {
                assert_eq!(link(tx, &bob(), &[1; 32], None)?, Linked::Pinned);
            }
            set_verified(tx, &bob(), verified)?;
            assert_eq!(observe(tx, &bob(), &[2; 32])?, expected);
            Ok::<_, StoreError>(load(tx, &bob())?.unwrap())
        });
        let contact = contact.await.unwrap();
        assert_eq!(contact.is_held_fast(), by_link || verified);
        let held = expected == Observation::Blocked;
        assert_eq!(contact.identity, if held { [1; 32] } else { [2; 32] });
        assert_eq!(contact.changed_identity, held.then_some([2; 32]));
    }
}

#[tokio::test]
async fn a_link_that_contradicts_a_pin_stops_everything_and_replaces_nothing() {
    for (verified, in_person) in [(false, false), (false, true), (true, false), (true, true)] {
        let (_dir, store) = store();
        let steps = store.write(move |tx| {
            // By the server's word, or compared by the user.
            observe(tx, &bob(), &[1; 32])?;
            set_verified(tx, &bob(), verified)?;
            assert_eq!(link(tx, &bob(), &[2; 32], in_person.then_some(1))?, Linked::AnotherKey);
            let held = load(tx, &bob())?.unwrap();
            assert_eq!((held.identity, held.changed_identity, held.verified), ([1; 32], Some([2; 32]), verified));
            assert!(is_held(tx, &bob())?);
            // Whatever the server does now, what the person has brought waits for them.
            for seen in [[1; 32], [2; 32], [3; 32]] {
                assert_eq!(observe(tx, &bob(), &seen)?, Observation::Known);
                assert_eq!(load(tx, &bob())?.unwrap(), held);
            }
            // A copy of the same link takes nothing from what came by hand.
            link(tx, &bob(), &[2; 32], None)?;
            assert_eq!(load(tx, &bob())?.unwrap(), held);
            Ok::<_, StoreError>(())
        });
        steps.await.unwrap();
        let decided = store.write(move |tx| {
            assert!(accept_change(tx, &bob())?);
            load(tx, &bob())
        });
        let accepted = decided.await.unwrap().unwrap();
        assert_eq!((accepted.identity, accepted.changed_identity), ([2; 32], None));
        assert_eq!(
            (accepted.by_link, accepted.verified),
            (true, in_person),
            "the link vouches for it, and how it came"
        );
    }
}

#[tokio::test]
async fn what_is_refused_is_not_asked_about_again() {
    for by_link in [false, true] {
        let (_dir, store) = store();
        let steps = store.write(move |tx| {
            observe(tx, &bob(), &[1; 32])?;
            if by_link {
                link(tx, &bob(), &[2; 32], None)?;
            } else {
                set_verified(tx, &bob(), true)?;
                observe(tx, &bob(), &[2; 32])?;
            }
            let held = load(tx, &bob())?.unwrap();
            assert!(refuse_change(tx, &bob())?);
            assert!(!refuse_change(tx, &bob())?, "once");
            let refused = Contact { changed_identity: None, changed_by: None, ..held };
            assert_eq!(observe(tx, &bob(), &[2; 32])?, Observation::Known);
            assert_eq!(load(tx, &bob())?.unwrap(), refused);
            assert!(is_refused(tx, &bob(), &[2; 32])?);
            // A third one is new, and a link that a person brings is, too.
            let third = observe(tx, &bob(), &[3; 32])?;
            assert_eq!(third, if by_link { Observation::Changed } else { Observation::Blocked });
            assert_eq!(link(tx, &bob(), &[2; 32], None)?, Linked::AnotherKey);
            assert!(is_held(tx, &bob())? && accept_change(tx, &bob())?);
            assert!(!is_refused(tx, &bob(), &[2; 32])?, "it is the right one after all");
            Ok::<_, StoreError>(())
        });
        steps.await.unwrap();
    }
}

/// One that was refused by mistake takes the place of the pinned one, and nothing that vouched for another key counts for it.
#[tokio::test]
async fn what_was_refused_is_accepted_after_all() {
    let (_dir, store) = store();
    let steps = store.write(|tx| {
        observe(tx, &bob(), &[1; 32])?;
        set_verified(tx, &bob(), true)?;
        for key in [[2; 32], [3; 32]] {
            observe(tx, &bob(), &key)?;
            assert!(refuse_change(tx, &bob())?);
        }
        assert_eq!(refused(tx, &bob())?, [[2; 32], [3; 32]]);
        assert!(!was_refused_shown(tx, &bob(), &[3; 32])?);
        note_refused_shown(tx, &bob())?;
        assert!(was_refused_shown(tx, &bob(), &[3; 32])? && !was_refused_shown(tx, &bob(), &[4; 32])?);
        assert!(!accept_refused(tx, &bob(), &[4; 32])?, "nobody has refused it");
        assert!(accept_refused(tx, &bob(), &[3; 32])?);
        let contact = load(tx, &bob())?.unwrap();
        assert_eq!((contact.identity, contact.is_held_fast(), contact.changed_identity), ([3; 32], false, None));
        assert_eq!(refused(tx, &bob())?, [[2; 32]]);
        // Refused anew, it has to be shown anew.
        set_verified(tx, &bob(), true)?;
        observe(tx, &bob(), &[1; 32])?;
        refuse_change(tx, &bob())?;
        assert!(!was_refused_shown(tx, &bob(), &[1; 32])?);
        Ok::<_, StoreError>(())
    });
    steps.await.unwrap();
}

#[tokio::test]
async fn taking_back_a_comparison_leaves_what_the_link_has_said() {
    let (_dir, store) = store();
    let steps = store.write(|tx| {
        assert_eq!(link(tx, &bob(), &[1; 32], None)?, Linked::Pinned);
        let pinned = load(tx, &bob())?.unwrap();
        assert!(pinned.by_link && !pinned.verified);
        set_verified(tx, &bob(), true)?;
        set_verified(tx, &bob(), false)?;
        assert_eq!(list(tx)?, [(bob(), pinned)]);
        Ok::<_, StoreError>(())
    });
    steps.await.unwrap();
}

/// What was compared with the keys that the user knows is compared anew after each change of them, and not because of what else is
/// noted of a contact.
#[tokio::test]
async fn another_key_has_another_stamp() {
    let (_dir, store) = store();
    let stamps = store.write(|tx| {
        let mut stamps = vec![stamp(tx)?];
        observe(tx, &bob(), &[1; 32])?;
        stamps.push(stamp(tx)?);
        set_verified(tx, &bob(), true)?;
        assert_eq!(stamp(tx)?, stamps[1], "a mark is no key");
        let part = tx.savepoint()?;
        observe(tx, &bob(), &[2; 32])?;
        stamps.push(stamp(tx)?);
        part.undo()?;
        assert_eq!(stamp(tx)?, stamps[1], "undone");
        observe(tx, &bob(), &[2; 32])?;
        stamps.push(stamp(tx)?);
        Ok::<_, StoreError>(stamps)
    });
    let stamps = stamps.await.unwrap();
    for (at, stamp) in stamps.iter().enumerate() {
        assert!(!stamps[..at].contains(stamp), "each is drawn anew");
    }
}

/// What a later version is to do was said by whoever had the key then.
#[tokio::test]
async fn what_is_kept_of_somebody_goes_with_the_key_under_which_it_was_said() {
    let (_dir, store) = store();
    let kept = store.write(|tx| {
        let chat = crate::chats::ensure(tx, &crate::chats::ChatKind::Direct { peer: bob() }, 1)?;
        let carol = UserId::new("carol").unwrap();
        let keep = |sender_id: &UserId| {
            let origin = crate::unknown::Origin {
                chat,
                place: crate::position::Place::Here,
                message_id: privmsg_protocol::MessageId::from_bytes([1; 16]),
                sender_id,
                sender_device: &DeviceId::new("device").unwrap(),
                sender_key: None,
                received_at: 1,
                revision: 1,
            };
            crate::unknown::keep(tx, &origin, 99, b"unknown")
        };
        observe(tx, &bob(), &[1; 32])?;
        [&bob(), &carol].into_iter().try_for_each(keep)?;
        observe(tx, &bob(), &[1; 32])?;
        let before = crate::unknown::of_kind(tx, 99, 2, 10)?.len();
        link(tx, &bob(), &[2; 32], Some(1))?;
        accept_change(tx, &bob())?;
        Ok::<_, StoreError>((before, crate::unknown::of_kind(tx, 99, 2, 10)?))
    });
    let (before, after) = kept.await.unwrap();
    assert_eq!((before, after.len()), (2, 1));
    assert_eq!(after[0].sender_id.as_str(), "carol");
}
