//! Which roster counts.

use privmsg_mls_public::roster::in_all;
use privmsg_mls_public::{KnownDevices, Learned, Participant, Role, Roster, RosterView, StatementError, StepError};

use crate::roster_steps::group;
use crate::world::{Account, with};

const OLGA: Account = Account(1);
const OTTO: Account = Account(2);
const ADA: Account = Account(3);
const ABE: Account = Account(4);
const MAX: Account = Account(5);
const MIA: Account = Account(6);
const NEW: Account = Account(9);

pub(crate) fn view(roster: &Roster) -> RosterView {
    RosterView::new(&roster.conversation_id(), roster.clone()).unwrap()
}

/// What is known of Olga, who is in this generation.
pub(crate) fn olga(generation: u64) -> KnownDevices {
    let mut known = KnownDevices::new(OLGA.user(), OLGA.identity());
    known.learn_certificate(&OLGA.certificate(generation)).unwrap();
    known
}

/// What `author`, in generation 5, makes of a roster when `who` becomes `role`.
pub(crate) fn step(author: Account, before: &Roster, who: Account, role: Option<Role>) -> Roster {
    author.writes(5, &[before], who.0, &with(before, &who.user(), role.map(|role| who.is(role, 5))))
}

fn numbers(view: &RosterView) -> Vec<u64> {
    view.heads().iter().map(Roster::number).collect()
}

fn people(view: &RosterView) -> Vec<(Account, Role)> {
    let account =
        |user: &privmsg_protocol::UserId| (1..20).map(Account).find(|account| account.user() == *user).unwrap();
    view.participants().iter().map(|place| (account(place.user_id()), place.role())).collect()
}

#[test]
fn steps_lead_on_and_owners_lead_over_gaps() {
    let first = group();
    let second = step(ADA, &first, MAX, None);
    let third = step(ABE, &second, NEW, Some(Role::Member));
    let fourth = step(OTTO, &third, ADA, None);
    let mut known = view(&first);
    assert_eq!(known.learn(third.clone(), None), Learned::Unconnected, "an admin's word needs the steps before");
    assert_eq!(known.learn(second.clone(), None), Learned::Newer);
    assert_eq!(known.learn(third.clone(), None), Learned::Newer);
    assert_eq!(known.learn(second.clone(), None), Learned::Older);
    assert_eq!(known.learn(third.clone(), None), Learned::Known);
    let mut away = view(&first);
    assert_eq!(away.learn(fourth.clone(), None), Learned::Newer);
    assert_eq!(known.learn(fourth, None), Learned::Newer);
    assert_eq!((numbers(&away), away.heads()), (vec![4], known.heads()));
}

#[test]
fn nothing_is_taken_from_another_group() {
    let first = group();
    let other = OLGA.founds(5, &[OLGA.is(Role::Owner, 5)]);
    assert_eq!(RosterView::new(&first.conversation_id(), other.clone()).unwrap_err(), StatementError::Other);
    assert_eq!(view(&first).learn(step(OLGA, &other, MAX, Some(Role::Member)), None), Learned::Foreign);
}

#[test]
fn of_two_heads_only_what_stands_in_both_counts_until_an_owner_joins_them() {
    let first = group();
    let mine = step(OLGA, &first, MAX, None);
    let yours = step(OTTO, &first, ADA, Some(Role::Member));
    let mut known = view(&first);
    assert_eq!(known.learn(mine.clone(), None), Learned::Newer);
    assert_eq!(known.learn(yours.clone(), None), Learned::Beside);
    assert!(known.is_newest(mine.hash()) && known.is_newest(yours.hash()));
    let both = [(OLGA, Role::Owner), (OTTO, Role::Owner), (ADA, Role::Member), (ABE, Role::Admin), (MIA, Role::Member)];
    assert_eq!(people(&known), both);

    assert_eq!(known.learn(step(ABE, &mine, MIA, None), None), Learned::Unconnected, "no admin chooses between owners");
    let joined = OLGA.writes(5, &known.predecessors(&[], &OLGA.certificate(5)), 0, &known.participants());
    let mut only_yours = view(&yours);
    for view in [&mut known, &mut only_yours] {
        assert_eq!(view.learn(joined.clone(), None), Learned::Newer);
        assert_eq!((numbers(view), people(view)), (vec![3], both.to_vec()));
    }
}

#[test]
fn an_owners_head_is_above_an_admins() {
    let first = group();
    let (admins, owners) = (step(ADA, &first, MAX, None), step(OLGA, &first, MIA, None));
    let (mut one, mut other) = (view(&first), view(&first));
    assert_eq!(one.learn(admins.clone(), None), Learned::Newer);
    assert_eq!(one.learn(owners.clone(), None), Learned::Newer);
    assert_eq!(other.learn(owners.clone(), None), Learned::Newer);
    assert_eq!(other.learn(admins, None), Learned::Overruled);
    assert_eq!((one.heads(), other.heads()), (&[owners.clone()][..], &[owners][..]));
}

#[test]
fn whoever_has_been_sent_away_takes_nobody_along() {
    let first = group();
    let gone = step(OLGA, &first, OTTO, None);
    let late = step(OTTO, &first, OLGA, None);
    let later = step(OTTO, &late, MAX, None);
    let mut known = view(&step(OLGA, &gone, MIA, Some(Role::Admin)));
    assert_eq!(known.learn(late, None), Learned::Older);
    assert_eq!(known.learn(later.clone(), None), Learned::Unconnected);
    assert_eq!(
        known.learn(step(OTTO, &later, ADA, None), None),
        Learned::Unconnected,
        "though its number is the higher"
    );
}

/// The answer to a commit was lost, and the owner who steps down signs it again.
#[test]
fn who_steps_down_twice_has_thrown_nobody_out() {
    let first = group();
    let people = with(&first, &OTTO.user(), Some(OTTO.is(Role::Member, 0)));
    let twice = [1, 2].map(|nonce| OTTO.writes(5, &[&first], nonce, &people));
    for [seen, late] in [[0, 1], [1, 0]] {
        let mut known = view(&first);
        assert_eq!(known.learn(twice[seen].clone(), None), Learned::Newer);
        assert_eq!(known.learn(twice[late].clone(), None), Learned::Beside);
        assert_eq!(known.participants(), twice[0].participants());
        let by_admin = step(ADA, &twice[seen], MAX, None);
        assert_eq!(known.learn(by_admin, None), Learned::Unconnected, "the other may be the one in which she is gone");
        let by_owner = OLGA.writes(5, &known.predecessors(&[], &OLGA.certificate(5)), 0, &known.participants());
        assert_eq!(known.learn(by_owner, None), Learned::Newer);
    }
}

/// Who is away sees an owner's roster first, and what it follows later.
#[test]
fn a_predecessor_that_comes_late_tells_what_stands_beside() {
    let first = group();
    let second = step(OLGA, &first, ABE, Some(Role::Owner));
    let twice = [1, 2].map(|nonce| {
        let people = with(&second, &ABE.user(), Some(ABE.is(Role::Admin, 5)));
        ABE.writes(5, &[&second], nonce, &people)
    });
    let third = step(OTTO, &second, MAX, None);
    let mut known = view(&first);
    assert_eq!(known.learn(third, None), Learned::Newer);
    assert_eq!(known.learn(twice[0].clone(), None), Learned::Beside);
    assert_eq!(known.learn(twice[1].clone(), None), Learned::Unconnected);
    assert_eq!(known.learn(second.clone(), None), Learned::Behind);
    assert_eq!(known.learn(second, None), Learned::Older);
    assert_eq!(known.learn(twice[1].clone(), None), Learned::Beside);
    assert_eq!(numbers(&known), [3, 3, 3]);
}

#[test]
fn the_lower_role_and_the_higher_generation_stand_in_both() {
    let first = group();
    let one = with(&first, &ADA.user(), Some(ADA.is(Role::Owner, 5)));
    let other = with(&first, &ADA.user(), Some(ADA.is(Role::Admin, 8)));
    let (one, other) = (OLGA.writes(5, &[&first], 0, &one), OLGA.writes(5, &[&first], 0, &other));
    for both in [[&one, &other], [&other, &one]] {
        assert_eq!(in_all(&both), with(&first, &ADA.user(), Some(ADA.is(Role::Admin, 8))));
    }
    let member = step(OLGA, &first, ADA, Some(Role::Member));
    assert!(in_all(&[&one, &member]).contains(&ADA.is(Role::Member, 0)));
    let renamed = Participant::with_role(ADA.user(), NEW.identity(), Role::Admin, 5);
    let renamed = OLGA.writes(5, &[&first], 0, &with(&first, &ADA.user(), Some(renamed)));
    assert!(in_all(&[&one, &renamed]).iter().all(|place| *place.user_id() != ADA.user()), "not the same person");
}

/// Two owners throw each other out. Cryptography does not know who was first: each member stays with what it saw, and
/// is told. An owner of both would end it, here there is none: people found the group anew, or one of the two lets go.
#[test]
fn where_two_owners_throw_each_other_out_people_decide() {
    let first = group();
    let (mine, yours) = (step(OLGA, &first, OTTO, None), step(OTTO, &first, OLGA, None));
    let (mut one, mut other) = (view(&first), view(&first));
    for (view, seen, late) in [(&mut one, &mine, &yours), (&mut other, &yours, &mine)] {
        assert_eq!(view.learn(seen.clone(), None), Learned::Newer);
        assert_eq!(view.learn(late.clone(), None), Learned::Disputed);
        assert_eq!(view.heads(), std::slice::from_ref(seen));
    }
    // Otto lets go: he lets Olga in again as owner in his, and she joins both.
    let peace = step(OTTO, &yours, OLGA, Some(Role::Owner));
    let joined = OLGA.writes(5, &[&mine, &peace], 0, &with(&mine, &OTTO.user(), None));
    assert_eq!(other.learn(peace, None), Learned::Newer);
    for view in [&mut one, &mut other] {
        assert_eq!(view.learn(joined.clone(), None), Learned::Newer);
    }
}

/// The highest number that there is would end the group.
#[test]
fn nobody_takes_the_last_number() {
    let first = group();
    let last = |author: Account, roster| author.renumbers(5, roster, (1 << 53) - 1);
    let second = step(OTTO, &first, MAX, None);
    let mut known = view(&first);
    assert_eq!(known.learn(last(OTTO, &second), None), Learned::Foreign);
    let joined = OTTO.writes(5, &[&first, &second], 0, first.participants());
    assert_eq!(last(OTTO, &joined).follows(&first), Err(StepError::NotNext), "nor in a commit");
    let others = [last(OTTO, &second)];
    assert_eq!(known.predecessors(&others, &OLGA.certificate(5)), [&first], "nor does an owner go after it");
}

/// A thief has an owner's key and goes up step by step before somebody who knows nothing better. In a new generation
/// the owner comes out above all of it.
#[test]
fn a_new_generation_reaches_above_what_was_signed_with_a_stolen_key() {
    let first = group();
    let mut robbed = view(&first);
    let mut thiefs = vec![first.clone()];
    for _ in 0..5 {
        let before = &thiefs[thiefs.len() - 1];
        let next = OLGA.renumbers(5, &step(OLGA, before, MAX, None), before.number() + (1 << 20));
        assert_eq!(robbed.learn(next.clone(), Some(&olga(5))), Learned::Newer);
        thiefs.push(next);
    }
    let mut owner = view(&first);
    assert_eq!(owner.predecessors(&thiefs[1..], &OLGA.certificate(5)), [&first], "nobody would follow her there");
    let people = with(&first, &OLGA.user(), Some(OLGA.is(Role::Owner, 6)));
    let above = OLGA.writes(6, &owner.predecessors(&thiefs, &OLGA.certificate(6)), 0, &people);
    for view in [&mut owner, &mut robbed] {
        assert_eq!(view.learn(above.clone(), Some(&olga(6))), Learned::Newer);
    }
}

#[test]
fn what_is_known_of_one_group_is_not_taken_for_another() {
    let (here, there) = (group(), OLGA.founds(5, &[OLGA.is(Role::Owner, 5)]));
    let bytes = view(&here).encode();
    assert_eq!(RosterView::decode(&bytes, &here.conversation_id()), Ok(view(&here)));
    assert_eq!(RosterView::decode(&bytes, &there.conversation_id()), Err(StatementError::Other));
    assert_eq!(RosterView::decode(&[1, 0, 0], &here.conversation_id()), Err(StatementError::Malformed), "no head");
}
