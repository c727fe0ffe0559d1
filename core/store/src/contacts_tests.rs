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
                assert_eq!(link(tx, &bob(), &[1; 32])?, Linked::Pinned);
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
async fn a_link_pins_first_and_replaces_nothing() {
    let (_dir, store) = store();
    let steps = store.write(|tx| {
        assert_eq!(link(tx, &bob(), &[1; 32])?, Linked::Pinned);
        let pinned = load(tx, &bob())?.unwrap();
        assert_eq!(link(tx, &bob(), &[2; 32])?, Linked::AnotherKey);
        assert_eq!(load(tx, &bob())?.unwrap(), pinned);
        // Nor does a link for a key that waits to be accepted accept it.
        observe(tx, &bob(), &[2; 32])?;
        assert_eq!(link(tx, &bob(), &[2; 32])?, Linked::AnotherKey);
        assert!(is_held(tx, &bob())?);
        // Taking back that it was compared leaves what the link has said.
        set_verified(tx, &bob(), true)?;
        set_verified(tx, &bob(), false)?;
        assert_eq!(list(tx)?, [(bob(), pinned)]);
        Ok::<_, StoreError>(())
    });
    steps.await.unwrap();
}
