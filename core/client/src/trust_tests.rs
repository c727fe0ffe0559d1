//! The rule, in all its cases, and that what is noted of contacts follows it.

use privmsg_store::Store;
use privmsg_store::contacts::{ChangedBy, Observation, accept_change, link, observe, refuse_change, set_verified};
use privmsg_store::key::DatabaseKey;

use super::*;

const A: Key = [1; 32];
const B: Key = [2; 32];
const C: Key = [3; 32];

fn contact(by_link: bool, verified: bool, to_confirm: bool, waiting: Option<Key>) -> Contact {
    let changed_by = waiting.map(|_| ChangedBy::Seen);
    Contact { identity: A, by_link, verified, changed_identity: waiting, changed_by, to_confirm, floor: 0 }
}

#[test]
fn whom_nobody_knows() {
    for refused in [false, true] {
        assert_eq!(judge(None, refused, None), Trust::Nobody);
        assert_eq!(judge(None, refused, Some(B)), Trust::First(B));
    }
}

#[test]
fn each_combination_of_marks_and_of_what_waits() {
    let both = [false, true];
    for (by_link, verified, to_confirm) in
        both.into_iter().flat_map(|a| both.into_iter().flat_map(move |b| both.into_iter().map(move |c| (a, b, c))))
    {
        let is_vouched_for = by_link || verified || to_confirm;
        for waiting in [None, Some(B), Some(C)] {
            let contact = contact(by_link, verified, to_confirm, waiting);
            for refused in both {
                let judged = |shown| judge(Some(&contact), refused, shown);
                let pinned = if waiting.is_some() { Trust::Doubted(A) } else { Trust::Pinned(A) };
                assert_eq!((judged(None), judged(Some(A))), (pinned, pinned), "{contact:?}");
                let expected = match (refused, is_vouched_for || waiting.is_some()) {
                    (true, _) => Trust::Refused { pinned: A },
                    (false, true) => Trust::ToBeAsked { pinned: A },
                    (false, false) => Trust::Taken(B),
                };
                assert_eq!(judged(Some(B)), expected, "{contact:?}");
            }
        }
    }
}

#[test]
fn what_follows_from_it() {
    // As (key that counts, pinned, as known, held back).
    for (trust, expected) in [
        (Trust::Nobody, (None, false, false, false)),
        (Trust::First(B), (Some(B), false, true, false)),
        (Trust::Pinned(A), (Some(A), true, true, false)),
        (Trust::Doubted(A), (Some(A), true, false, false)),
        (Trust::Taken(B), (Some(B), false, false, false)),
        (Trust::ToBeAsked { pinned: A }, (Some(A), false, false, true)),
        (Trust::Refused { pinned: A }, (Some(A), false, false, true)),
    ] {
        assert_eq!((trust.key(), trust.is_pinned(), trust.is_as_known(), trust.is_held_back()), expected, "{trust:?}");
    }
}

/// A database in which Bob has come to stand as the name says.
fn came_to(tx: &privmsg_store::Tx<'_>, bob: &UserId, state: &str) -> Result<(), StoreError> {
    if state == "unknown" {
        return Ok(());
    }
    observe(tx, bob, &A)?;
    match state {
        "seen" => {}
        "linked" => drop(link(tx, bob, &A, None)?),
        "verified" => set_verified(tx, bob, true)?,
        "refused" | "waits" | "waits_unmarked" => {
            set_verified(tx, bob, true)?;
            observe(tx, bob, &B)?;
            match state {
                "refused" => drop(refuse_change(tx, bob)?),
                "waits_unmarked" => set_verified(tx, bob, false)?,
                _ => {}
            }
        }
        "contradicted_by_a_link" => drop(link(tx, bob, &B, None)?),
        "refused_of_a_link" => {
            link(tx, bob, &B, Some(1))?;
            refuse_change(tx, bob)?;
        }
        "accepted" => {
            link(tx, bob, &B, Some(1))?;
            accept_change(tx, bob)?;
        }
        other => unreachable!("{other}"),
    }
    Ok(())
}

/// What is noted when a key is met is what the rule says of it: no place takes another key for somebody's than the others do.
#[tokio::test]
async fn a_key_that_is_met_is_noted_as_the_rule_has_it() {
    let states = [
        "unknown",
        "seen",
        "linked",
        "verified",
        "refused",
        "waits",
        "waits_unmarked",
        "contradicted_by_a_link",
        "refused_of_a_link",
        "accepted",
    ];
    for (state, shown) in states.into_iter().flat_map(|state| [A, B, C].map(|key| (state, key))) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let seen = store.write(move |tx| {
            let bob = UserId::new("bob").unwrap();
            came_to(tx, &bob, state)?;
            let trust = of(tx, &bob, Some(shown))?;
            let observed = observe(tx, &bob, &shown)?;
            let pinned = contacts::load(tx, &bob)?.map(|contact| contact.identity);
            Ok::<_, StoreError>((trust, observed, pinned))
        });
        let (trust, observed, pinned) = seen.await.unwrap();
        assert_eq!(pinned, trust.key(), "{state}, {shown:?}: {trust:?}, {observed:?}");
        let fits = match trust {
            Trust::Nobody => false,
            Trust::First(_) => observed == Observation::Pinned,
            Trust::Taken(_) => observed == Observation::Changed,
            Trust::ToBeAsked { .. } => matches!(observed, Observation::Blocked | Observation::Known),
            Trust::Pinned(_) | Trust::Doubted(_) | Trust::Refused { .. } => observed == Observation::Known,
        };
        assert!(fits, "{state}, {shown:?}: {trust:?}, {observed:?}");
    }
}

/// Whoever has a key that is not the known one is a namesake, whether the user has to decide, has decided, or will only be told; the
/// user's own name is nobody else's.
#[tokio::test]
async fn whoever_has_another_key_than_the_known_one_is_a_namesake() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let keys = [(); 2].map(|()| privmsg_e2ee::AccountKey::generate(&mut privmsg_e2ee::OsRng).public());
    let seen = store.write(move |tx| {
        let (own, bob) = (UserId::new("alice").unwrap(), UserId::new("bob").unwrap());
        let is_namesake = |user: &UserId| {
            let own = (&own, Some(*keys[0].as_bytes()));
            Ok::<_, StoreError>(keys.map(|key| is_namesake(tx, own, user, &key).unwrap()))
        };
        let unknown = is_namesake(&bob)?;
        observe(tx, &bob, keys[0].as_bytes())?;
        let seen_first = is_namesake(&bob)?;
        set_verified(tx, &bob, true)?;
        let verified = is_namesake(&bob)?;
        observe(tx, &bob, keys[1].as_bytes())?;
        let doubted = is_namesake(&bob)?;
        refuse_change(tx, &bob)?;
        Ok::<_, StoreError>([unknown, seen_first, verified, doubted, is_namesake(&bob)?, is_namesake(&own)?])
    });
    let other = [false, true];
    assert_eq!(seen.await.unwrap(), [[false, false], other, other, other, other, other]);
}
