use super::*;
use crate::Store;
use crate::key::DatabaseKey;

const TASK: TaskName = TaskName::new("probe");

#[tokio::test]
async fn nothing_waits_for_ever_whoever_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let hold =
        store.write(|tx| put(tx, &TASK, Scope::Device, &Reason::Network, 1_000, |_| Duration::MAX)).await.unwrap();
    assert_eq!(hold.until, 1_000 + LONGEST_MS);
    assert!(hold.holds_at(2_000) && !hold.holds_at(hold.until));
    assert!(!hold.holds_at(0), "the clock was ahead when it was put, and is right now");
    let second = store.write(|tx| put(tx, &TASK, Scope::Device, &Reason::Network, 60_000, |_| Duration::from_secs(1)));
    assert!(!second.await.unwrap().holds_at(0), "nor a second for as long as the clock was wrong");
}

#[test]
fn reasons_survive_the_database() {
    let reasons = Unreachable::ALL.map(Reason::Unreachable).into_iter().chain([
        Reason::Refused(ErrorCode::MailboxFull),
        Reason::Network,
        Reason::Disk,
        Reason::JoinedTooOften,
        Reason::IdentityToAccept,
        Reason::IdentityRefused,
        Reason::Unusable,
        Reason::UpdateNeeded,
    ]);
    for reason in reasons {
        assert_eq!(Reason::parse(reason.as_str()), reason);
    }
    let server = ErrorCode::ALL.iter().map(ErrorCode::as_str);
    assert!(server.clone().all(|code| Reason::parse(code) == Reason::Refused(code.into())), "no name is used twice");
}

#[tokio::test]
async fn a_hold_grows_with_each_attempt_until_it_is_lifted() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let seconds = |attempts| Duration::from_secs(u64::from(attempts));
    let scopes = [Scope::Device, Scope::Chat(ChatId(3)), Scope::Group(GroupId::from_bytes([9; 16])), Scope::File(-1)];
    let held = store.write(move |tx| {
        for scope in scopes {
            put(tx, &TASK, scope, &Reason::Network, 0, seconds)?;
            put(tx, &TASK, scope, &Reason::Refused(ErrorCode::RateLimited), 10, seconds)?;
        }
        all(tx)
    });
    let held = held.await.unwrap();
    assert_eq!(held.len(), scopes.len());
    for hold in &held {
        assert!(scopes.contains(&hold.scope));
        assert_eq!((hold.until, hold.attempts), (2010, 2));
        assert_eq!(hold.reason, Reason::Refused(ErrorCode::RateLimited));
    }
    let (first, second) = (held[0].clone(), held[1].scope);
    let left = store.write(move |tx| {
        lift(tx, &Hold { attempts: 1, ..first.clone() })?;
        assert_eq!(all(tx)?.len(), scopes.len(), "it was put anew meanwhile");
        lift(tx, &first)?;
        put(tx, &TASK, second, &Reason::Network, 20, seconds)?;
        release_network(tx, 5)?;
        all(tx)
    });
    let left = left.await.unwrap();
    assert_eq!(left.len(), scopes.len() - 1);
    for hold in left {
        // What was refused is so on every network.
        assert_eq!(hold.until, if hold.scope == second { 5 } else { 2010 });
    }
}

/// Somebody on a bad line was taken for somebody whom the server had refused as often.
#[tokio::test]
async fn a_broken_line_is_no_refusal() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([0; 32])).unwrap();
    let counts = store.write(|tx| {
        let refused = Reason::Refused(ErrorCode::InvalidHandshake);
        let reasons = [Reason::Network, Reason::Network, refused, Reason::Network, Reason::Unusable];
        let counted = reasons.iter().map(|reason| {
            put(tx, &TASK, Scope::Device, reason, 0, |_| Duration::ZERO)?;
            refusals(tx, &TASK, Scope::Device)
        });
        counted.collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(counts.await.unwrap(), [0, 0, 1, 1, 2]);
}
