//! Steps under a generation that their author has called back: of whoever was away, they are the past; of a thief, they
//! are dated back.

use privmsg_mls_public::{KnownDevices, Learned, Role, Roster, RosterView};
use proptest::prelude::*;

use crate::roster_model::{bound, founding, history, wish};
use crate::roster_steps::group;
use crate::roster_view::{step, view};
use crate::world::{Account, fewer_cases, with};

const OLGA: Account = Account(1);
const OTTO: Account = Account(2);
const ADA: Account = Account(3);
const ABE: Account = Account(4);
const MAX: Account = Account(5);
const MIA: Account = Account(6);
const NEW: Account = Account(9);
const PUPPET: Account = Account(12);

/// What is known of an account that is in this generation.
fn knows(account: Account, generation: u64) -> KnownDevices {
    let mut known = KnownDevices::new(account.user(), account.identity());
    known.learn_certificate(&account.certificate(generation)).unwrap();
    known
}

/// Binds its author to a generation.
fn raised(author: Account, before: &Roster, generation: u64) -> Roster {
    author.writes(generation, &[before], 0, &bound(before.participants().to_vec(), author, generation))
}

/// As [`step`], also where the author is bound to a newer generation.
fn dated_back(author: Account, before: &Roster, who: Account, role: Option<Role>) -> Roster {
    let people = with(before, &who.user(), role.map(|role| who.is(role, 5)));
    author.writes(5, &[before], 0, &bound(people, author, 5))
}

/// Learns all of them, in this order, and what does not connect as often as it takes.
fn learns(view: &mut RosterView, rosters: &[Roster], known: &[KnownDevices]) {
    for _ in rosters {
        for roster in rosters {
            view.learn(roster.clone(), known);
        }
    }
}

/// A member was away while an admin let somebody in and then began a new generation, which the member heard of first.
#[test]
fn what_an_admin_did_before_a_new_generation_counts_once_she_has_gone_on_from_it() {
    let first = group();
    let lets_in = step(ADA, &first, NEW, Some(Role::Member));
    let goes_on = raised(ADA, &lets_in, 6);
    let known = [knows(ADA, 6)];
    let mut away = view(&first);
    assert_eq!(away.learn(goes_on.clone(), &known), Learned::Unconnected, "the step before it is not known");
    assert_eq!(away.learn(lets_in.clone(), &known), Learned::Outdated);
    assert_eq!(away.heads(), std::slice::from_ref(&first), "a thief may have dated it back");
    assert!(away.is_waiting(lets_in.hash()));
    let bytes = away.encode();
    away = RosterView::decode(&bytes, &first.conversation_id()).unwrap();
    assert_eq!(away.learn(goes_on.clone(), &known), Learned::Newer);
    assert_eq!((away.heads(), away.waiting()), (std::slice::from_ref(&goes_on), &[][..]));
    let late = dated_back(ADA, &goes_on, MAX, None);
    assert_ne!(late.follows(&goes_on), Ok(()), "from then on the former key signs nothing");
    assert_eq!(away.learn(late, &known), Learned::Unconnected);
}

/// Who was let in by a step that waits is there for whoever asks about it; not who was let in beside what has put them out.
#[test]
fn who_was_let_in_by_what_waits_is_known_by_it() {
    let first = group();
    let known = [knows(ADA, 6)];
    let lets_in = step(ADA, &first, NEW, Some(Role::Member));
    let mut away = view(&first);
    assert_eq!(away.learn(lets_in.clone(), &known), Learned::Outdated);
    let is_in = |away: &RosterView, roster: &Roster, who: Account| {
        away.has_in_waiting(roster.hash(), &who.user(), &who.identity())
    };
    assert!(is_in(&away, &lets_in, NEW) && is_in(&away, &lets_in, MAX));
    assert!(!is_in(&away, &lets_in, PUPPET) && !is_in(&away, &first, MAX), "the head does not wait");
    assert!(!away.has_in_waiting(lets_in.hash(), &NEW.user(), &PUPPET.identity()), "under another key");

    let without = step(OLGA, &first, MAX, None);
    let dated_back = step(ADA, &first, PUPPET, Some(Role::Member));
    let mut away = view(&first);
    assert_eq!(away.learn(without, &known), Learned::Newer);
    away.learn(dated_back.clone(), &known);
    assert!(!is_in(&away, &dated_back, MAX) && !is_in(&away, &dated_back, PUPPET));
}

#[test]
fn others_may_have_gone_on_in_between_and_a_second_generation_have_begun() {
    let first = group();
    let one = step(ADA, &first, NEW, Some(Role::Member));
    let two = step(ABE, &one, MAX, None);
    let three = raised(ADA, &two, 6);
    let four = step(ABE, &three, MIA, None);
    let five = raised(ADA, &four, 7);
    let known = [knows(ADA, 7)];
    let mut away = view(&first);
    for waits in [&one, &two, &three, &four] {
        assert_eq!(away.learn(waits.clone(), &known), Learned::Outdated);
    }
    assert_eq!(away.learn(five.clone(), &known), Learned::Newer);
    assert_eq!(away.heads(), [five]);
}

#[test]
fn an_owner_leads_over_what_waits() {
    let first = group();
    let lets_in = step(ADA, &first, NEW, Some(Role::Member));
    let owners = step(OLGA, &lets_in, ADA, Some(Role::Member));
    let mut away = view(&first);
    assert_eq!(away.learn(lets_in, &[knows(ADA, 6)]), Learned::Outdated);
    assert_eq!(away.learn(owners.clone(), &[knows(ADA, 6)]), Learned::Newer);
    assert_eq!((away.heads(), away.waiting()), (&[owners][..], &[][..]));
}

/// The thief has an admin's former key and the server: nothing of it counts, whoever it lets in goes on from it.
#[test]
fn nobody_whom_a_stolen_key_has_let_in_answers_for_it() {
    let first = group();
    let known = [knows(ADA, 6)];
    let theft = step(ADA, &first, PUPPET, Some(Role::Member));
    let left = PUPPET.writes(5, &[&theft], 0, first.participants());
    let by_admin = step(ABE, &theft, MAX, None);
    let again = step(ADA, &by_admin, NEW, Some(Role::Member));
    let mut away = view(&first);
    learns(&mut away, &[theft, left, by_admin, again], &known);
    assert_eq!(away.heads(), [first]);
}

/// The thief has an owner's former key: the owners that it makes are none.
#[test]
fn an_owner_by_a_stolen_key_answers_for_nothing() {
    let first = group();
    let known = [knows(OLGA, 6)];
    let theft = step(OLGA, &first, PUPPET, Some(Role::Owner));
    let on = step(PUPPET, &theft, OTTO, None);
    let higher = PUPPET.renumbers(5, &step(PUPPET, &on, MAX, None), on.number() + 1000);
    let joined = PUPPET.writes(5, &[&on, &higher], 0, on.participants());
    let mut away = view(&first);
    learns(&mut away, &[theft, on, higher, joined], &known);
    assert_eq!(away.heads(), [first]);
}

/// What the robbed admin has signed herself stands beside, and she has gone on from nothing else.
#[test]
fn a_stolen_key_does_not_hang_its_step_on_an_honest_one() {
    let first = group();
    let known = [knows(ADA, 6)];
    let honest = raised(ADA, &first, 6);
    let theft = step(ADA, &first, PUPPET, Some(Role::Member));
    for order in [[&theft, &honest], [&honest, &theft]] {
        let mut away = view(&first);
        learns(&mut away, &order.map(Clone::clone), &known);
        assert_eq!(away.heads(), std::slice::from_ref(&honest));
    }
    // Not even where somebody, who is no owner, claims to have joined the two.
    let joined = ABE.writes(5, &[&theft, &honest], 0, theft.participants());
    let claims = ADA.writes(6, &[&joined], 0, &bound(joined.participants().to_vec(), ADA, 6));
    let mut away = view(&first);
    learns(&mut away, &[theft, joined, claims, honest.clone()], &known);
    assert_eq!(away.heads(), [honest]);
}

#[test]
fn who_leaves_answers_for_nothing() {
    let first = group();
    let theft = step(ADA, &first, PUPPET, Some(Role::Member));
    let leaves = ADA.writes(6, &[&theft], 0, &with(&theft, &ADA.user(), None));
    assert_eq!(leaves.follows(&theft), Ok(()));
    let mut away = view(&first);
    learns(&mut away, &[theft, leaves], &[knows(ADA, 6)]);
    assert_eq!(away.heads(), [first]);
}

/// The generation was called back only after the step had begun to wait: it is judged by what is known then.
#[test]
fn who_has_answered_must_not_have_been_called_back_since() {
    let first = group();
    let lets_in = step(ADA, &first, NEW, Some(Role::Member));
    let by_abe = step(ABE, &lets_in, MAX, None);
    let goes_on = raised(ADA, &by_abe, 6);
    let mut away = view(&first);
    for waits in [&lets_in, &by_abe] {
        assert_eq!(away.learn(waits.clone(), &[knows(ADA, 6)]), Learned::Outdated);
    }
    let known = [knows(ADA, 6), knows(ABE, 6)];
    assert_eq!(away.learn(goes_on.clone(), &known), Learned::Outdated);
    let abe_too = raised(ABE, &goes_on, 6);
    assert_eq!(away.learn(abe_too.clone(), &known), Learned::Newer);
    assert_eq!(away.heads(), [abe_too]);
}

#[test]
fn no_more_waits_than_there_is_room_for() {
    let first = group();
    let known = [knows(ADA, 6)];
    let mut away = view(&first);
    for nonce in 0..100 {
        let people = with(&first, &PUPPET.user(), Some(PUPPET.is(Role::Member, 0)));
        away.learn(ADA.writes(5, &[&first], nonce, &people), &known);
    }
    assert_eq!(away.waiting().len(), 32);
    let owners = step(OLGA, &first, MAX, None);
    assert_eq!(away.learn(owners, &known), Learned::Newer);
    assert!(away.waiting().len() <= 32);
    let higher = step(OLGA, &away.heads()[0].clone(), MIA, None);
    assert_eq!(away.learn(higher, &known), Learned::Newer);
    assert_eq!(away.waiting(), &[], "and it does not stay in the way");
}

proptest! {
    #![proptest_config(fewer_cases())]

    /// Whoever was away, whatever happened meanwhile, and in whatever order they hear of it, comes to where the others are;
    /// and what a thief has dated back somewhere on the way changes nothing.
    #[test]
    fn who_was_away_comes_to_where_the_others_are(
        wishes in prop::collection::vec(wish(), 0..8),
        at in any::<prop::sample::Index>(),
        order in Just((0..24_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut rosters = history(&wishes);
        for admin in [ADA, ABE] {
            let last = rosters[rosters.len() - 1].clone();
            if last.signer(&admin.certificate(5)).is_some_and(|place| place.role() > Role::Member) {
                rosters.push(raised(admin, &last, 6));
            }
        }
        let (first, last) = (founding(), rosters[rosters.len() - 1].clone());
        let is_bound = |admin: Account| rosters.iter().any(|roster| {
            roster.author() == &admin.certificate(5)
        }) && last.signer(&admin.certificate(6)).is_none_or(|place| place.role() == Role::Member);
        // Who has left, or lost the role, goes on from nothing: only an owner's next step helps then.
        prop_assume!(!is_bound(ADA) && !is_bound(ABE));
        let known = [knows(ADA, 6), knows(ABE, 6)];
        let before = at.get(&rosters);
        let theft = dated_back(ADA, before, PUPPET, Some(Role::Member));
        let on = dated_back(ABE, &theft, MIA, None);
        let mut said = rosters.clone();
        if theft.follows(before).is_ok() && before.hash() != last.hash() {
            said.extend([theft.clone(), on]);
        }
        let said: Vec<_> = order.iter().filter_map(|at| said.get(*at).cloned()).collect();
        let mut away = view(&first);
        learns(&mut away, &said, &known);
        prop_assert_eq!(away.heads(), [last]);
    }
}
