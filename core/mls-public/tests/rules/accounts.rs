//! What is known of an account, and what a server takes.

use privmsg_mls_public::numbers::DAY;
use privmsg_mls_public::{
    DeviceList, KnownDevices, ListNumber, MAX_LISTS_A_DAY, OtherIdentity, PublishError, RosterView, StatementError,
    Verdict, check_published, self_chat_id,
};
use proptest::prelude::*;

use crate::world::{Account, Generation};

const AL: Account = Account(1);
const NOW: u64 = 1_700_000_000;

pub(crate) fn known(account: Account) -> KnownDevices {
    KnownDevices::new(account.user(), account.identity())
}

pub(crate) fn counting(known: &KnownDevices, of: Account) -> Vec<u8> {
    (0..20).filter(|number| known.counts(&of.device(*number).device_id, &of.device(*number).device_key)).collect()
}

#[test]
fn only_the_newest_list_counts() {
    let mut known = known(AL);
    assert_eq!(known.learn(AL.list(5, 7, &[1, 2])), Ok(Verdict::Newer));
    assert_eq!(known.learn(AL.list(5, 7, &[1, 2])), Ok(Verdict::Known));
    assert_eq!(known.learn(AL.list(5, 8, &[1])), Ok(Verdict::Newer));
    assert_eq!(known.learn(AL.list(5, 7, &[1, 2])), Ok(Verdict::Older));
    assert_eq!(known.learn(AL.list(4, 900, &[1, 2])), Ok(Verdict::Older));
    assert_eq!(counting(&known, AL), [1]);
    assert_eq!(known.learn(AL.list(6, 1, &[3])), Ok(Verdict::Newer));
    assert_eq!(counting(&known, AL), [3]);
    let other = AL.device(1);
    assert!(!known.counts(&AL.device(3).device_id, &other.device_key), "the same name under another key");
}

#[test]
fn another_identity_teaches_nothing() {
    let mut of_al = known(AL);
    of_al.learn(AL.list(5, 7, &[1])).unwrap();
    let before = of_al.clone();
    assert_eq!(of_al.learn(Account(2).list(9, 9, &[1])), Err(OtherIdentity));
    let renamed = KnownDevices::new(AL.user(), Account(2).identity());
    assert_eq!(renamed.clone().learn(AL.list(5, 7, &[1])), Err(OtherIdentity), "the same name under another identity");
    assert_eq!(of_al, before);
}

#[test]
fn a_generation_without_its_list_calls_back_the_one_before() {
    let mut known = known(AL);
    known.learn(AL.list(5, 7, &[1, 2])).unwrap();
    assert!(!known.misses(None));
    assert_eq!(known.learn_certificate(&AL.certificate(6)), Ok(Verdict::Newer));
    assert_eq!(counting(&known, AL), [0; 0]);
    assert!(known.misses(None));
    assert_eq!(known.learn(AL.list(5, 8, &[1, 2])), Ok(Verdict::Newer), "it is read, and counts for nothing");
    assert_eq!(counting(&known, AL), [0; 0]);
    assert_eq!(known.learn(AL.list(6, 1, &[1])), Ok(Verdict::Newer));
    assert_eq!(counting(&known, AL), [1]);
}

#[test]
fn a_generation_seen_on_the_persons_own_screen_is_the_least_that_counts() {
    let mut known = known(AL);
    known.require_generation(6);
    known.learn(AL.list(5, 7, &[1, 2])).unwrap();
    assert_eq!(counting(&known, AL), [0; 0]);
    known.learn(AL.list(6, 1, &[1])).unwrap();
    assert_eq!(counting(&known, AL), [1]);
    assert!(!known.is_in_conflict());
}

#[test]
fn a_number_that_the_account_names_is_missed_until_its_list_comes() {
    let mut known = known(AL);
    known.learn(AL.list(5, 7, &[1])).unwrap();
    let named = Some(ListNumber { generation: 5, counter: 8 });
    assert!(known.misses(named));
    assert_eq!(counting(&known, AL), [1], "what is only named takes nothing away");
    known.learn(AL.list(5, 8, &[1])).unwrap();
    assert!(!known.misses(named));
}

#[test]
fn two_keys_in_one_generation_are_an_alarm() {
    let mut known = known(AL);
    known.learn(AL.list(5, 7, &[1])).unwrap();
    let other = Generation { number: 5, variant: 1 };
    assert_eq!(known.learn(AL.list(other, 6, &[2])), Ok(Verdict::Conflict), "though its list is an older one");
    assert!(known.is_in_conflict());
    assert_eq!(known.learn(AL.list(other, 7, &[1])), Ok(Verdict::Known), "the same devices");
    assert_eq!(known.lists().len(), 1);
    assert_eq!(counting(&known, AL), [1]);
    known.learn(AL.list(6, 1, &[1])).unwrap();
    assert!(!known.is_in_conflict());
}

#[test]
fn the_server_takes_the_next_list_only() {
    let (old, new) = (AL.list(NOW, NOW, &[1]), AL.list(NOW, NOW + 1, &[1, 2]));
    let check = |stored: Option<&DeviceList>, replaces: Option<[u8; 32]>, list: &DeviceList| {
        check_published(stored, replaces.as_ref(), list, &[], NOW)
    };
    assert_eq!(check(None, None, &old), Ok(()));
    assert_eq!(check(Some(&old), Some(old.hash()), &new), Ok(()));
    assert_eq!(check(Some(&old), None, &new), Err(PublishError::Changed));
    assert_eq!(check(Some(&new), Some(old.hash()), &AL.list(NOW, NOW + 2, &[3])), Err(PublishError::Changed));
    assert_eq!(check(Some(&new), Some(new.hash()), &old), Err(PublishError::NotNewer));
    assert_eq!(check(Some(&old), Some(old.hash()), &AL.list(NOW, NOW, &[3])), Err(PublishError::NotNewer));
    assert_eq!(
        check(Some(&old), Some(old.hash()), &Account(2).list(NOW, NOW + 1, &[1])),
        Err(PublishError::OtherIdentity)
    );
}

#[test]
fn the_server_takes_no_number_from_the_future() {
    let old = AL.list(NOW, NOW, &[1]);
    let check = |list| check_published(Some(&old), Some(&old.hash()), &list, &[], NOW);
    assert_eq!(check(AL.list(NOW, NOW + DAY, &[1])), Ok(()));
    assert_eq!(check(AL.list(NOW, NOW + DAY + 1, &[1])), Err(PublishError::Ahead));
    assert_eq!(check(AL.list(NOW + DAY + 1, 1, &[1])), Err(PublishError::Ahead));
}

/// The clock was right when these numbers were taken, as far as anybody knew.
#[test]
fn a_clock_that_was_set_back_by_years_ends_no_account() {
    let years = NOW + 5000 * DAY;
    let old = AL.list(years, years, &[1, 2]);
    let mut known = known(AL);
    known.learn(old.clone()).unwrap();
    let counter = known.next_counter(years, NOW).unwrap();
    let generation = known.next_generation(NOW).unwrap();
    for next in [AL.list(years, counter, &[1]), AL.list(generation, NOW, &[1])] {
        assert_eq!(check_published(Some(&old), Some(&old.hash()), &next, &[years; MAX_LISTS_A_DAY], NOW), Ok(()));
    }
}

#[test]
fn so_many_lists_a_day_and_no_more() {
    let (old, new) = (AL.list(NOW, NOW, &[1]), AL.list(NOW, NOW + 1, &[1]));
    let check = |published: &[u64]| check_published(Some(&old), Some(&old.hash()), &new, published, NOW);
    assert_eq!(check(&[NOW - 5; MAX_LISTS_A_DAY]), Err(PublishError::TooMany));
    assert_eq!(check(&[NOW - 5; MAX_LISTS_A_DAY - 1]), Ok(()));
    assert_eq!(check(&[NOW - DAY; MAX_LISTS_A_DAY]), Ok(()));
}

/// Three lists of one number: two are kept, and the third took away what stands in both.
#[test]
fn what_was_taken_away_stays_away_across_a_restart() {
    let mut known = known(AL);
    for devices in [&[1, 2, 3][..], &[1, 2, 4], &[2, 9]] {
        known.learn(AL.list(5, 7, devices)).unwrap();
    }
    let bytes = known.encode();
    let again = KnownDevices::decode(&bytes, AL.user(), AL.identity()).unwrap();
    assert_eq!((again.lists().len(), counting(&again, AL)), (2, vec![2]));
    assert_eq!(again, known);
    let other = Account(2);
    assert_eq!(KnownDevices::decode(&bytes, other.user(), other.identity()), Err(StatementError::Other));
    assert_eq!(KnownDevices::decode(&bytes[1..], AL.user(), AL.identity()).ok(), None);
    assert_eq!(KnownDevices::decode(&bytes[..9], AL.user(), AL.identity()), Err(StatementError::Malformed));
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut known = known(AL);
        known.learn(AL.list(5, 7, &[1])).unwrap();
        let mut flipped = known.encode();
        let at = at.index(flipped.len());
        flipped[at] ^= flip;
        for bytes in [[&[1][..], &bytes].concat(), flipped] {
            let _ = KnownDevices::decode(&bytes, AL.user(), AL.identity());
            let _ = RosterView::decode(&bytes, &self_chat_id(&AL.user()));
        }
    }
}
