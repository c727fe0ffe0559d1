//! The faults of an earlier draft, and the rule that answers each.

use privmsg_mls_public::incarnations::{MAX_STARTS_A_DAY, StartError, check_start, is_followed, next_incarnation};
use privmsg_mls_public::numbers::{following, is_stale};
use privmsg_mls_public::{
    KnownDevices, Learned, MAX_LISTS_A_DAY, Participant, Role, Roster, RosterView, SignIn, StepError, Verdict,
    check_published, direct_chat_id, self_chat_id,
};
use privmsg_protocol::Incarnation;
use privmsg_protocol::limits::MAX_COUNTER;

use crate::accounts::{counting, known};
use crate::roster_steps::group;
use crate::roster_view::{olga, step, view};
use crate::world::{Account, Generation, with};

const OLGA: Account = Account(1);
const OTTO: Account = Account(2);
const ADA: Account = Account(3);
const MAX: Account = Account(5);
const MIA: Account = Account(6);
const NOW: u64 = 1_700_000_000;

/// Olga binds herself to a generation.
fn raised(before: &[&Roster], people: &Roster, generation: u64) -> Roster {
    OLGA.writes(generation, before, 0, &with(people, &OLGA.user(), Some(OLGA.is(Role::Owner, generation))))
}

/// P2 i: a thief's old signing key back-dates a step for a member who was offline since before.
#[test]
fn p2_a_stolen_key_back_dates_nothing_once_its_owner_has_bound_herself() {
    let first = group();
    let above = raised(&[&first], &first, 6);
    let theft = step(OLGA, &first, OTTO, None);
    let later = step(OLGA, &theft, ADA, None);
    let mut knows_list = view(&first);
    assert_eq!(knows_list.learn(theft.clone(), Some(&olga(6))), Learned::Outdated);
    let mut knows_roster = view(&first);
    assert_eq!(knows_roster.learn(above.clone(), Some(&olga(5))), Learned::Newer);
    assert_eq!(knows_roster.learn(theft.clone(), Some(&olga(5))), Learned::Overruled);
    assert_eq!(knows_roster.learn(later.clone(), Some(&olga(5))), Learned::Unconnected);
    // Who knows neither cannot be protected, but is brought back.
    let mut knows_nothing = view(&first);
    assert_eq!(knows_nothing.learn(theft.clone(), Some(&olga(5))), Learned::Newer);
    assert_eq!(knows_nothing.learn(later.clone(), Some(&olga(5))), Learned::Newer);
    let seen = [theft, later];
    let healed = raised(&knows_roster.predecessors(&seen, &OLGA.certificate(7)), &first, 7);
    for view in [&mut knows_list, &mut knows_roster, &mut knows_nothing] {
        assert_eq!(view.learn(healed.clone(), Some(&olga(7))), Learned::Newer);
    }
}

/// P2 ii: if signatures of old generations were refused, every honest roster would be unverifiable after a recovery.
#[test]
fn p2_honest_rosters_of_old_generations_hold_after_a_recovery() {
    let first = group();
    let second = step(OLGA, &first, MAX, None);
    let third = step(ADA, &second, MIA, None);
    assert_eq!((second.follows(&first), third.follows(&second)), (Ok(()), Ok(())), "in a commit nothing else counts");
    // Between the new generation and the roster that binds to it, who hears of the generation first has to wait...
    let mut away = view(&first);
    assert_eq!(away.learn(second, Some(&olga(6))), Learned::Outdated);
    assert_eq!(away.learn(third.clone(), Some(&olga(6))), Learned::Outdated);
    // ...and that roster, which is made at once, leads over all that is in between.
    assert!(view(&third).has_to_raise(&OLGA.user(), &OLGA.identity(), 6));
    let above = raised(&[&third], &third, 6);
    assert_eq!(away.learn(above.clone(), Some(&olga(6))), Learned::Newer);
    assert!(!away.has_to_raise(&OLGA.user(), &OLGA.identity(), 6));
    assert_eq!(above.follows(&third), Ok(()));
}

/// P2 iii: whoever runs the server replaces an owner's identity and inherits the role.
#[test]
fn p2_a_new_identity_inherits_no_role() {
    let first = group();
    // Another account whose user id is Olga's.
    let mallory = Account(99);
    let inherits = Participant::with_role(OLGA.user(), mallory.identity(), Role::Owner, 5);
    let step = OTTO.writes(5, &[&first], 0, &with(&first, &OLGA.user(), Some(inherits)));
    assert!(!step.is_owner(&OLGA.certificate(5)));
    assert!(step.is_owner(&OTTO.certificate(5)), "an owner may let the new identity in, and nobody else");
    assert_eq!(mallory.writes(5, &[&first], 0, first.participants()).follows(&first), Err(StepError::Stranger));
}

/// P2 iv: version 1 may be written by anybody.
#[test]
fn p2_who_knows_no_roster_knows_the_one_that_the_chat_is_named_after() {
    let (real, fake) = (group(), MAX.founds(5, &[MAX.is(Role::Owner, 5), OLGA.is(Role::Member, 0)]));
    assert!(RosterView::new(&real.conversation_id(), fake.clone()).is_err());
    let continued = MAX.writes(5, &[&fake], 0, fake.participants());
    assert!(RosterView::new(&real.conversation_id(), continued.clone()).is_err());
    assert_eq!(view(&real).learn(continued, None), Learned::Foreign);
}

/// P3: whether a commit is good depends on what a receiver happens to know, and honest people are locked out. What
/// would come of it is shown, too: the same step, learnt with more and with less knowledge, has two answers.
#[test]
fn p3_what_somebody_knows_decides_about_no_commit() {
    let first = group();
    let step = step(OLGA, &first, MAX, None);
    let (mut knows_more, mut knows_less) = (view(&first), view(&first));
    let verdicts = (knows_more.learn(step.clone(), Some(&olga(6))), knows_less.learn(step.clone(), Some(&olga(5))));
    assert_eq!(verdicts, (Learned::Outdated, Learned::Newer));
    assert_eq!(step.follows(&first), Ok(()), "both merge the commit");
    assert!(!knows_more.is_newest(step.hash()), "one of them sends nothing until Olga has bound herself");
    let above = raised(&[&step], &step, 6);
    for view in [&mut knows_more, &mut knows_less] {
        assert_eq!(view.learn(above.clone(), Some(&olga(6))), Learned::Newer);
        assert!(view.is_newest(above.hash()));
    }
}

/// P4 i: a new device, from which the server withholds generation 5, makes another 5, or 4.
#[test]
fn p4_a_generation_that_was_withheld_is_overtaken() {
    let (mut contact, mut fresh) = (known(OLGA), known(OLGA));
    contact.learn(OLGA.list(NOW, NOW, &[1, 9])).unwrap();
    let next = fresh.next_generation(NOW + 60).unwrap();
    let list = OLGA.list(next, fresh.next_counter(next, NOW + 60).unwrap(), &[2]);
    assert_eq!(fresh.learn(list.clone()), Ok(Verdict::Newer));
    assert_eq!(contact.learn(list), Ok(Verdict::Newer));
    assert_eq!(counting(&contact, OLGA), [2]);
    // In the same second: told as an alarm, and the next one ends it.
    let other = OLGA.list(Generation { number: next, variant: 1 }, NOW + 61, &[3]);
    for known in [&mut contact, &mut fresh] {
        assert_eq!(known.learn(other.clone()), Ok(Verdict::Conflict));
        let next = known.next_generation(NOW).unwrap();
        assert_eq!(known.clone().learn(OLGA.list(next, 1, &[2])), Ok(Verdict::Newer));
    }
}

/// P4 ii: an old list of the server's puts the stolen device back.
#[test]
fn p4_an_old_list_puts_no_device_back() {
    let mut own = known(OLGA);
    own.learn(OLGA.list(5, 8, &[1])).unwrap();
    assert_eq!(own.learn(OLGA.list(5, 7, &[1, 9])), Ok(Verdict::Older));
    assert_eq!(counting(&own, OLGA), [1]);
}

/// P4 iv: a copied device is still in the list, under the same key.
#[test]
fn p4_a_copied_device_enrols_under_another_key_and_the_copy_does_not_count() {
    let mut known = known(OLGA);
    known.learn(OLGA.list(6, 1, &[2])).unwrap();
    let (copy, fresh) = (OLGA.device(1), OLGA.device(2));
    assert!(known.counts(&fresh.device_id, &fresh.device_key));
    assert!(!known.counts(&fresh.device_id, &copy.device_key));
}

/// P5: two lists with one counter; and a thief who signs the last counter that there is.
#[test]
fn p5_of_two_lists_with_one_number_what_stands_in_both_counts() {
    let (mut one, mut other) = (known(OLGA), known(OLGA));
    let (a, b) = (OLGA.list(5, 7, &[1, 2]), OLGA.list(5, 7, &[1, 9]));
    one.learn(a.clone()).unwrap();
    other.learn(b.clone()).unwrap();
    assert_eq!((one.learn(b), other.learn(a)), (Ok(Verdict::Conflict), Ok(Verdict::Conflict)));
    assert_eq!((counting(&one, OLGA), counting(&other, OLGA)), (vec![1], vec![1]));
    let next = OLGA.list(5, one.next_counter(5, 0).unwrap(), &[1, 2]);
    assert_eq!((one.learn(next.clone()), other.learn(next)), (Ok(Verdict::Newer), Ok(Verdict::Newer)));
    assert_eq!(one, other);
}

#[test]
fn p5_the_last_counter_ends_with_the_thiefs_generation() {
    let mut known = known(OLGA);
    let last = OLGA.list(5, MAX_COUNTER, &[9]);
    assert_eq!(check_published(None, None, &last, &[], NOW), Err(privmsg_mls_public::PublishError::Ahead));
    known.learn(last.clone()).unwrap();
    assert_eq!(known.next_counter(5, NOW), None);
    let next = known.next_generation(NOW).unwrap();
    let list = OLGA.list(next, known.next_counter(next, NOW).unwrap(), &[1]);
    // A server that was in league with the thief and is honest now.
    assert_eq!(check_published(Some(&last), Some(&last.hash()), &list, &[], NOW), Ok(()));
    assert_eq!(known.learn(list), Ok(Verdict::Newer));
    assert_eq!(counting(&known, OLGA), [1]);
}

/// The thief uses up the day. Counted over the whole account, the owner could not call the theft back until tomorrow.
#[test]
fn p5_a_thief_uses_up_the_own_generations_lists_only() {
    let mut stored = OLGA.list(5, NOW, &[9]);
    let mut published = vec![NOW];
    for counter in 1.. {
        let next = OLGA.list(5, NOW + counter, &[9]);
        if check_published(Some(&stored), Some(&stored.hash()), &next, &published, NOW).is_err() {
            break;
        }
        stored = next;
        published.push(NOW);
    }
    assert_eq!(published.len(), MAX_LISTS_A_DAY);
    let recovery = OLGA.list(NOW, NOW, &[1]);
    let of_this_generation = [];
    assert_eq!(check_published(Some(&stored), Some(&stored.hash()), &recovery, &of_this_generation, NOW), Ok(()));
}

/// P6: a sign-out in the server's table alone is undone by a restore.
#[test]
fn p6_a_restore_lets_no_device_back_in() {
    let (before, after) = (OLGA.list(5, NOW, &[1, 9]), OLGA.list(5, NOW + 1, &[1]));
    let mut own = known(OLGA);
    own.learn(before.clone()).unwrap();
    own.learn(after.clone()).unwrap();
    // The server is back at the list before; the owner's device gives it the one that it knows.
    assert_eq!(own.learn(before.clone()), Ok(Verdict::Older));
    let (newest, hash) = (&own.lists()[0], before.hash());
    assert_eq!(check_published(Some(&before), Some(&hash), newest, &[], NOW), Ok(()));
    assert_eq!(newest, &after);
}

/// P6: with accounts on two servers, an evil one passes the other's challenge on.
#[test]
fn p6_a_sign_in_is_good_for_one_account() {
    let (here, there) = (OLGA.user(), OTTO.user());
    let sign_in = |user_id| SignIn { user_id, device_id: OLGA.device(1).device_id, challenge: [7; 32] };
    assert_ne!(sign_in(here).by_device(), sign_in(there).by_device());
}

/// P9: the identifier of a chat of two is taken for a group; and nobody knows who may go on, or from where.
#[test]
fn p9_no_group_has_the_name_of_another_kind_and_restored_servers_are_overtaken() {
    let group = group().conversation_id();
    assert_ne!(group, direct_chat_id(&OLGA.user(), &OTTO.user()));
    assert_ne!(group, self_chat_id(&OLGA.user()));
    let (four, three) = (Some(Incarnation(4)), Some(Incarnation(3)));
    let next = next_incarnation(four, three).unwrap();
    assert_eq!((next, check_start(three, next, &[], NOW)), (Incarnation(5), Ok(())));
    assert!(!is_followed(four, Incarnation(1)), "an old tree is not served again");
}

/// A participant who begins groups that nobody can use. Counted over the whole conversation, nobody else could go on.
#[test]
fn p9_who_spoils_incarnations_uses_up_the_own_share_only() {
    let (mut latest, mut begun) = (Incarnation(1), Vec::new());
    while check_start(Some(latest), latest.next(), &begun, NOW).is_ok() {
        latest = latest.next();
        begun.push(NOW);
    }
    assert_eq!(begun.len(), MAX_STARTS_A_DAY);
    assert_eq!(check_start(Some(latest), latest.next(), &begun, NOW), Err(StartError::TooMany));
    assert_eq!(check_start(Some(latest), latest.next(), &[], NOW), Ok(()), "another participant");
}

/// P12 i: a leaf that came back with a backup looks like one that was updated since. (All orders of events: `leaf_dates.rs`; that
/// leaves carry it, and no commit goes back: `core/e2ee/tests/e2ee/leaf_dates.rs`.)
#[test]
fn p12_a_leaf_says_when_it_was_made() {
    let made = following(0, NOW).unwrap();
    let updated = following(made, NOW).unwrap();
    assert!(updated > made, "also in the same second");
    assert!(is_stale(made, updated));
    assert!(!is_stale(following(updated, NOW - 500).unwrap(), updated), "also under a clock that was set back");
    assert!(!is_stale(updated, updated));
}

/// P16: one admin signs twice after a lost answer, or the server is restored; holders of 7 and 7' never agree.
#[test]
fn p16_two_versions_are_joined_by_an_owner() {
    let first = group();
    let (seven, again) = (step(ADA, &first, MAX, None), step(ADA, &first, MIA, None));
    let (mut one, mut other) = (view(&first), view(&first));
    for (view, seen, late) in [(&mut one, &seven, &again), (&mut other, &again, &seven)] {
        assert_eq!(view.learn(seen.clone(), None), Learned::Newer);
        assert_eq!(view.learn(late.clone(), None), Learned::Beside);
    }
    assert_eq!(one.heads(), other.heads());
    let gone = |user: Account| one.participants().iter().all(|place| *place.user_id() != user.user());
    assert!(gone(MAX) && gone(MIA), "who was sent away in either is out");
    let joined = OLGA.writes(5, &one.predecessors(&[], &OLGA.certificate(5)), 0, &one.participants());
    for (view, head) in [(&mut one, &seven), (&mut other, &again)] {
        assert_eq!(joined.follows(head), Ok(()), "whichever of both the GroupContext is at");
        assert_eq!(view.learn(joined.clone(), None), Learned::Newer);
    }
}

/// A fork that goes on apart under admins does not join by itself: neither side can check the other's steps. It is
/// shown, nothing that one side sent away comes back, and an owner ends it.
#[test]
fn p16_what_admins_go_on_with_apart_is_ended_by_an_owner() {
    let first = group();
    let left = step(ADA, &step(ADA, &first, MAX, None), Account(9), Some(Role::Member));
    let right = step(Account(4), &step(Account(4), &first, MIA, None), Account(8), Some(Role::Member));
    let (mut one, mut other) = (view(&left), view(&right));
    assert_eq!(one.learn(right.clone(), None), Learned::Unconnected);
    assert_eq!(other.learn(left.clone(), None), Learned::Unconnected);
    let seen = [right];
    let previous = one.predecessors(&seen, &OTTO.certificate(5));
    let people = privmsg_mls_public::roster::in_all(&previous);
    let joined = OTTO.writes(5, &previous, 0, &people);
    assert_eq!((one.learn(joined.clone(), None), other.learn(joined, None)), (Learned::Newer, Learned::Newer));
}

/// An owner who did not know that she was sent away goes on. Who saw only that has the higher number, and the other
/// owner's next roster must come out above a roster that does not count.
#[test]
fn p16_who_was_sent_away_without_knowing_is_overtaken() {
    let first = group();
    let gone = step(OLGA, &first, OTTO, None);
    let on = step(OTTO, &step(OTTO, &step(OTTO, &first, MAX, None), MIA, None), MAX, Some(Role::Member));
    let (mut knows, mut misled) = (view(&gone), view(&on));
    assert_eq!(knows.learn(on.clone(), None), Learned::Unconnected);
    assert_eq!(misled.learn(gone.clone(), None), Learned::Older);
    assert_eq!(misled.learn(step(OLGA, &gone, ADA, None), None), Learned::Older, "its own next one is not enough");
    let seen = [on];
    let previous = knows.predecessors(&seen, &OLGA.certificate(5));
    let above = OLGA.writes(5, &previous, 0, &knows.participants());
    assert_eq!((knows.learn(above.clone(), None), misled.learn(above, None)), (Learned::Newer, Learned::Newer));
}

/// P17: the last owner leaves, and the server says who comes next.
#[test]
fn p17_nobody_takes_the_last_owners_place_but_whom_they_name() {
    let alone = OLGA.founds(5, &[OLGA.is(Role::Owner, 5), ADA.is(Role::Admin, 5), MAX.is(Role::Member, 0)]);
    let people = with(&alone, &OLGA.user(), None);
    let named = people.iter().filter(|place| *place.user_id() != ADA.user()).cloned().chain([ADA.is(Role::Owner, 5)]);
    let named = named.collect::<Vec<_>>();
    assert_eq!(OLGA.writes(5, &[&alone], 0, &named).follows(&alone), Ok(()));
    assert_eq!(ADA.writes(5, &[&alone], 0, &named).follows(&alone), Err(StepError::NotAllowed), "nobody takes it");
    let gone = OLGA.writes(5, &[&alone], 0, &people);
    let (mut knows, seized) = (view(&alone), ADA.writes(5, &[&gone], 0, &named));
    assert_eq!((knows.learn(gone, None), knows.learn(seized, None)), (Learned::Newer, Learned::Unconnected));
}

/// A link that came by any channel names a generation that does not exist: what it says must not silence the account.
/// Only what was read from the person's own screen is the least that counts.
#[test]
fn p14_a_number_that_nobody_has_signed_silences_nobody() {
    let mut contact: KnownDevices = known(OLGA);
    contact.learn(OLGA.list(5, 7, &[1])).unwrap();
    let named = privmsg_mls_public::ListNumber { generation: MAX_COUNTER, counter: 1 };
    assert!(contact.misses(Some(named)), "it is asked for");
    assert_eq!(counting(&contact, OLGA), [1]);
    contact.require_generation(MAX_COUNTER);
    assert_eq!(counting(&contact, OLGA), [0; 0]);
    assert_eq!(contact.next_generation(NOW), None, "for good");
}
