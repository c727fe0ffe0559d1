//! In which group a conversation goes on.

use privmsg_mls_public::incarnations::{
    MAX_AHEAD, MAX_SKIPPED, MAX_STARTS_A_DAY, StartError, check_start, comes_down, is_followed, is_offered,
    next_incarnation,
};
use privmsg_mls_public::numbers::DAY;
use privmsg_protocol::Incarnation;
use proptest::prelude::*;

const NOW: u64 = 1_700_000_000;

fn n(number: u32) -> Option<Incarnation> {
    Some(Incarnation(number))
}

#[test]
fn only_upwards() {
    assert!(is_followed(None, Incarnation(1)));
    assert!(is_followed(None, Incarnation(4)), "a new device is told");
    assert!(!is_followed(None, Incarnation(0)));
    assert!(is_followed(n(3), Incarnation(5)));
    assert!(!is_followed(n(3), Incarnation(3)));
    assert!(!is_followed(n(3), Incarnation(2)));
}

#[test]
fn of_two_at_once_the_first_counts_and_the_other_follows() {
    let both = next_incarnation(n(3), n(3)).unwrap();
    assert_eq!(check_start(n(3), both, &[], NOW), Ok(()));
    assert_eq!(check_start(Some(both), both, &[], NOW), Err(StartError::Taken(both)));
    assert!(is_followed(n(3), both));
}

#[test]
fn three_a_day_for_each() {
    let check = |begun: &[u64]| check_start(n(3), Incarnation(4), begun, NOW);
    assert_eq!(check(&[NOW - 9; MAX_STARTS_A_DAY]), Err(StartError::TooMany));
    assert_eq!(check(&[NOW - DAY, NOW - 9, NOW - 1]), Ok(()));
    assert_eq!(check(&[NOW + 5000 * DAY; MAX_STARTS_A_DAY]), Ok(()), "under a clock that was wrong");
}

#[test]
fn the_first_is_the_first() {
    assert_eq!(next_incarnation(None, None), n(1));
    assert_eq!(check_start(None, Incarnation(1), &[], NOW), Ok(()));
    assert_eq!(check_start(None, Incarnation(0), &[], NOW), Err(StartError::Ahead));
    assert_eq!(check_start(None, Incarnation(5), &[], NOW), Ok(()), "the server has lost all of them");
}

#[test]
fn nobody_takes_the_last_number() {
    for latest in [None, n(3)] {
        assert_eq!(check_start(latest, Incarnation(u32::MAX), &[], NOW), Err(StartError::Ahead));
    }
    assert!(!is_followed(n(3), Incarnation(u32::MAX)), "whatever the server says");
    assert_eq!(next_incarnation(n(3), n(u32::MAX)), None, "it is not built upon either");
    assert!(is_followed(n(3), Incarnation(3 + MAX_AHEAD)));
}

#[test]
fn who_was_away_can_follow_whatever_others_did_meanwhile() {
    let farthest = Incarnation(3 + MAX_SKIPPED);
    assert_eq!(check_start(n(3), farthest, &[], NOW), Ok(()));
    assert_eq!(check_start(n(3), farthest.next(), &[], NOW), Err(StartError::Ahead));
    let a_year = 365 * u32::try_from(MAX_STARTS_A_DAY).unwrap() * MAX_SKIPPED;
    assert!(is_followed(n(3), Incarnation(3 + 100 * a_year)), "of a hundred participants who do nothing else");
    assert!(u32::MAX / a_year > 3000, "years to the last number");
}

/// One answer with a number that nobody had signed, and every honest server refused what came after it.
#[test]
fn what_a_server_says_is_taken_moves_nobody_far() {
    assert!(is_offered(n(3), Incarnation(4)) && is_offered(None, Incarnation(1)));
    assert!(is_offered(n(3), Incarnation(3 + MAX_SKIPPED)) && !is_offered(n(3), Incarnation(4 + MAX_SKIPPED)));
    assert!(!is_offered(n(3), Incarnation(3)) && !is_offered(n(3), Incarnation(2)));
    assert!(!is_offered(n(3), Incarnation(MAX_AHEAD)) && !is_offered(None, Incarnation(MAX_AHEAD)));
}

#[test]
fn a_client_comes_down_where_an_honest_server_would_not_take_its_next_one_and_nowhere_else() {
    for (known, newest) in
        [(None, None), (n(3), None), (n(3), n(2)), (n(3), n(9)), (n(MAX_SKIPPED), n(1)), (None, n(7))]
    {
        let next = next_incarnation(known, None).unwrap();
        assert_ne!(check_start(newest, next, &[], NOW), Err(StartError::Ahead));
        assert!(!comes_down(known, newest), "{known:?} {newest:?}");
    }
    for (known, newest) in [(n(MAX_AHEAD), n(2)), (n(MAX_SKIPPED), None), (n(3 + MAX_SKIPPED), n(3))] {
        let next = next_incarnation(known, None).unwrap();
        assert_eq!(check_start(newest, next, &[], NOW), Err(StartError::Ahead));
        assert!(comes_down(known, newest), "{known:?} {newest:?}");
        assert_eq!(check_start(newest, next_incarnation(newest, None).unwrap(), &[], NOW), Ok(()));
    }
}

/// What happens to a conversation between honest clients. `who` is a client.
#[derive(Debug, Clone)]
enum Event {
    Begin {
        who: usize,
    },
    Look {
        who: usize,
    },
    /// The server goes back to what it had before its last takings.
    Restore {
        lost: usize,
    },
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (0..3_usize).prop_map(|who| Event::Begin { who }),
        4 => (0..3_usize).prop_map(|who| Event::Look { who }),
        1 => (1..4_usize).prop_map(|lost| Event::Restore { lost }),
    ];
    prop::collection::vec(event, 0..40)
}

proptest! {
    /// The server's log of (number, who began it). Clients never go back, and whatever was lost, whoever begins the
    /// next one brings all together.
    #[test]
    fn everybody_comes_together_in_the_next_one(events in events(), last in 0..3_usize) {
        let mut log: Vec<(Incarnation, usize)> = Vec::new();
        let mut known: [Option<(Incarnation, usize)>; 3] = [None; 3];
        let look = |log: &[(Incarnation, usize)], known: &mut Option<(Incarnation, usize)>| {
            if let Some(newest) = log.last().filter(|newest| is_followed(known.map(|known| known.0), newest.0)) {
                *known = Some(*newest);
            }
        };
        let begin = |log: &mut Vec<(Incarnation, usize)>, known: &mut Option<(Incarnation, usize)>, who| {
            let latest = log.last().map(|newest| newest.0);
            let next = next_incarnation(known.map(|known| known.0), latest).unwrap();
            check_start(latest, next, &[], NOW).unwrap();
            log.push((next, who));
            *known = Some((next, who));
        };
        for event in events {
            let before = known;
            match event {
                Event::Begin { who } => begin(&mut log, &mut known[who], who),
                Event::Look { who } => look(&log, &mut known[who]),
                Event::Restore { lost } => log.truncate(log.len().saturating_sub(lost)),
            }
            for (before, after) in before.iter().zip(&known) {
                prop_assert!(before.map(|known| known.0) <= after.map(|known| known.0));
            }
        }
        // Two may have taken one number for different groups, each from another state of the server, and neither
        // follows the other. The server is honest from here on and everybody looks.
        for known in &mut known {
            look(&log, known);
        }
        // Who knows a higher number than the server begins another: at most one round for each client.
        for who in 0..3 {
            let latest = log.last().map(|newest| newest.0);
            if known[who].map(|known| known.0) > latest {
                begin(&mut log, &mut known[who], who);
            }
        }
        begin(&mut log, &mut known[last], last);
        for known in &mut known {
            look(&log, known);
            prop_assert_eq!(*known, log.last().copied());
        }
    }
}
