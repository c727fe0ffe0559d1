//! Which roster may follow which.

use privmsg_mls_public::{Participant, Role, Roster, StepError};

use crate::world::{Account, with};

const OLGA: Account = Account(1);
const OTTO: Account = Account(2);
const ADA: Account = Account(3);
const MAX: Account = Account(5);
const MIA: Account = Account(6);
const NEW: Account = Account(9);

/// Two owners, two admins, two members, all in their generation 5.
pub(crate) fn group() -> Roster {
    let (owner, admin, member) = (Role::Owner, Role::Admin, Role::Member);
    OLGA.founds(
        5,
        &[
            OLGA.is(owner, 5),
            OTTO.is(owner, 5),
            ADA.is(admin, 5),
            Account(4).is(admin, 5),
            MAX.is(member, 0),
            MIA.is(member, 0),
        ],
    )
}

/// What comes of it when `author` makes `place` of `who`.
fn change(author: Account, who: Account, place: Option<Participant>) -> Result<(), StepError> {
    let before = group();
    author.writes(5, &[&before], 0, &with(&before, &who.user(), place)).follows(&before)
}

const NOT_ALLOWED: Result<(), StepError> = Err(StepError::NotAllowed);

#[test]
fn owners_do_everything() {
    for place in [None, Some(Role::Member), Some(Role::Admin), Some(Role::Owner)] {
        for who in [OTTO, ADA, MAX, NEW] {
            assert_eq!(change(OLGA, who, place.map(|role| who.is(role, 5))), Ok(()), "{who:?} {place:?}");
        }
    }
    assert_eq!(change(OLGA, OLGA, None), Ok(()), "also leave");
}

/// Whoever was made the only owner against their will must not be bound to a group that they have never let in: their leaving is good
/// as it is, and of all changes it alone leaves a group without an owner.
#[test]
fn the_last_owner_may_leave_and_do_nothing_else_that_leaves_none() {
    let before = OLGA.founds(5, &[OLGA.is(Role::Owner, 5), ADA.is(Role::Admin, 5), MAX.is(Role::Member, 0)]);
    let gone = OLGA.writes(5, &[&before], 0, &with(&before, &OLGA.user(), None));
    assert_eq!((gone.follows(&before), gone.replaces(&before)), (Ok(()), Ok(())));
    for place in [Role::Admin, Role::Member] {
        let down = OLGA.writes(5, &[&before], 0, &with(&before, &OLGA.user(), Some(OLGA.is(place, 5))));
        assert_eq!(down.follows(&before), NOT_ALLOWED, "{place:?}");
    }
    let thrown_out = ADA.writes(5, &[&before], 0, &with(&before, &OLGA.user(), None));
    assert_eq!(thrown_out.follows(&before), NOT_ALLOWED);
    // She takes no other owner along.
    let two = group();
    let both = with(&two, &OLGA.user(), None).into_iter().filter(|place| *place.user_id() != OTTO.user());
    let both = OLGA.writes(5, &[&two], 0, &both.collect::<Vec<_>>());
    assert_eq!(both.follows(&two), NOT_ALLOWED);

    // It goes on as it is: admins do what they did, and nobody becomes an owner.
    let added = ADA.writes(5, &[&gone], 0, &with(&gone, &NEW.user(), Some(NEW.is(Role::Member, 0))));
    assert_eq!(added.follows(&gone), Ok(()));
    let left = MAX.writes(5, &[&added], 0, &with(&added, &MAX.user(), None));
    assert_eq!(left.follows(&added), Ok(()));
    for who in [ADA, MAX, NEW, OLGA] {
        let seized = ADA.writes(5, &[&added], 0, &with(&added, &who.user(), Some(who.is(Role::Owner, 5))));
        assert_eq!(seized.follows(&added), NOT_ALLOWED, "{who:?}");
    }
    // Whoever is behind comes to it by her word, and no further but step by step.
    let earlier = OLGA.founds(5, before.participants());
    let next = ADA.writes(5, &[&earlier], 0, earlier.participants());
    let later = OLGA.writes(5, &[&next], 0, &with(&next, &OLGA.user(), None));
    assert_eq!(later.replaces(&earlier), Ok(()));
    let after = ADA.writes(5, &[&later], 0, later.participants());
    assert_eq!(after.replaces(&earlier), Err(StepError::NotNext));
}

#[test]
fn admins_let_members_in_and_send_members_away() {
    assert_eq!(change(ADA, NEW, Some(NEW.is(Role::Member, 0))), Ok(()));
    assert_eq!(change(ADA, MAX, None), Ok(()));
    assert_eq!(change(ADA, ADA, None), Ok(()), "leave");
    assert_eq!(change(ADA, ADA, Some(ADA.is(Role::Member, 0))), Ok(()), "step down");
    for (who, place) in
        [(NEW, Role::Admin), (NEW, Role::Owner), (MAX, Role::Admin), (ADA, Role::Owner), (OTTO, Role::Admin)]
    {
        assert_eq!(change(ADA, who, Some(who.is(place, 5))), NOT_ALLOWED, "{who:?} {place:?}");
    }
    for who in [OLGA, Account(4)] {
        assert_eq!(change(ADA, who, None), NOT_ALLOWED, "{who:?}");
        assert_eq!(change(ADA, who, Some(who.is(Role::Member, 0))), NOT_ALLOWED, "{who:?}");
    }
}

#[test]
fn members_leave_and_do_nothing_else() {
    assert_eq!(change(MAX, MAX, None), Ok(()));
    assert_eq!(change(MAX, MIA, None), NOT_ALLOWED);
    assert_eq!(change(MAX, NEW, Some(NEW.is(Role::Member, 0))), NOT_ALLOWED);
    assert_eq!(change(MAX, MAX, Some(MAX.is(Role::Admin, 5))), NOT_ALLOWED);
    assert_eq!(change(MAX, NEW, None), NOT_ALLOWED, "a step that changes nothing is noise");
}

#[test]
fn strangers_have_no_say() {
    assert_eq!(change(NEW, NEW, Some(NEW.is(Role::Owner, 5))), Err(StepError::Stranger));
    let before = group();
    let gone = OLGA.writes(5, &[&before], 0, &with(&before, &ADA.user(), None));
    let late = ADA.writes(5, &[&gone], 0, &with(&gone, &MAX.user(), None));
    assert_eq!(late.follows(&gone), Err(StepError::Stranger));
}

#[test]
fn the_same_name_under_another_identity_is_somebody_else() {
    let before = group();
    // Whoever runs the server gives owner and member new identities.
    let renamed = |role| Participant::with_role(OTTO.user(), NEW.identity(), role, 5);
    let step = |author: Account, people: &[Participant]| author.writes(5, &[&before], 0, people).follows(&before);
    assert_eq!(step(OLGA, &with(&before, &OTTO.user(), Some(renamed(Role::Owner)))), Ok(()), "an owner may");
    assert_eq!(
        step(ADA, &with(&before, &OTTO.user(), Some(renamed(Role::Member)))),
        NOT_ALLOWED,
        "it unseats an owner"
    );
    let member = Participant::member(MAX.user(), NEW.identity());
    assert_eq!(step(ADA, &with(&before, &MAX.user(), Some(member.clone()))), Ok(()), "asked to be let in again");
    assert_eq!(step(MAX, &with(&before, &MAX.user(), Some(member))), NOT_ALLOWED, "not by oneself");
}

#[test]
fn a_key_that_was_called_back_signs_nothing_and_no_generation_goes_down() {
    let before = group();
    let raised = OTTO.writes(6, &[&before], 0, &with(&before, &OTTO.user(), Some(OTTO.is(Role::Owner, 6))));
    assert_eq!(raised.follows(&before), Ok(()));
    let old = OTTO.writes(5, &[&raised], 0, before.participants());
    assert_eq!(old.follows(&raised), Err(StepError::Stranger));
    let lowered = OLGA.writes(5, &[&raised], 0, &with(&raised, &OTTO.user(), Some(OTTO.is(Role::Owner, 5))));
    assert_eq!(lowered.follows(&raised), NOT_ALLOWED);
    let admin = ADA.writes(6, &[&before], 0, &with(&before, &ADA.user(), Some(ADA.is(Role::Admin, 6))));
    assert_eq!(admin.follows(&before), Ok(()), "everybody raises the own");
    assert_eq!(change(ADA, OTTO, Some(OTTO.is(Role::Owner, 6))), NOT_ALLOWED, "only owners that of others");
}

/// A group is some steps behind, or on one of several ways that were joined.
#[test]
fn an_owners_roster_brings_a_group_up_from_wherever_it_is() {
    let first = group();
    let second = ADA.writes(5, &[&first], 0, &with(&first, &MAX.user(), None));
    let (third, by_admin) =
        (OLGA.writes(5, &[&second], 0, second.participants()), ADA.writes(5, &[&second], 0, second.participants()));
    assert_eq!((third.follows(&first), third.replaces(&first)), (Err(StepError::NotNext), Ok(())));
    assert_eq!(by_admin.replaces(&first), Err(StepError::NotNext), "an admin's is good after the steps before");
    assert_eq!(by_admin.replaces(&second), Ok(()));
    assert_eq!(second.replaces(&third), Err(StepError::NotNext), "nothing goes back");
    assert_eq!(third.replaces(&third), Err(StepError::NotNext));
    let other = OTTO.founds(5, first.participants());
    assert_eq!(third.replaces(&other), Err(StepError::OtherGroup));
    let raised = with(&second, &OLGA.user(), Some(OLGA.is(Role::Owner, 6)));
    let raised = OLGA.writes(6, &[&second], 0, &raised);
    assert_eq!(third.replaces(&raised), Err(StepError::NotNext));
    let later = OLGA.writes(5, &[&third], 0, third.participants());
    assert_eq!(later.replaces(&raised), Err(StepError::NotNext), "a key that was called back signs nothing");
}

#[test]
fn it_comes_next_in_the_same_group() {
    let before = group();
    let other = OTTO.founds(5, before.participants());
    let people = before.participants();
    let (second, third) = (OLGA.writes(5, &[&before], 0, people), ADA.writes(5, &[&before], 1, people));
    assert_eq!(second.follows(&other), Err(StepError::OtherGroup));
    assert_eq!(OLGA.writes(5, &[&second], 0, people).follows(&before), Err(StepError::NotNext));
    assert_eq!(OLGA.writes(5, &[&second], 0, people).follows(&third), Err(StepError::NotNext));
    assert_eq!(before.follows(&second), Err(StepError::NotNext));
    let joined = OLGA.writes(5, &[&second, &third], 0, people);
    assert_eq!((joined.follows(&second), joined.follows(&third)), (Ok(()), Ok(())));
    assert_eq!(ADA.writes(5, &[&second, &third], 0, people).follows(&second), NOT_ALLOWED, "only owners join");
}
