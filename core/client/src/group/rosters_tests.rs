//! By whose word somebody is in a group.

use privmsg_e2ee::{AccountKey, OsRng};

use super::*;
use crate::group::roster_steps;

struct Somebody(AccountSigningKey);

impl Somebody {
    fn new(name: &str) -> Self {
        let name = UserId::new(name).unwrap();
        Self(AccountKey::generate(&mut OsRng).begin_generation(&name, 5, &mut OsRng).unwrap())
    }

    fn is(&self, role: Role) -> Participant {
        let certificate = self.0.certificate();
        Participant::with_role(certificate.user_id().clone(), *certificate.identity_key(), role, 5)
    }

    fn name(&self) -> UserId {
        self.0.certificate().user_id().clone()
    }

    fn writes(&self, before: &Roster, people: Vec<Participant>) -> Roster {
        self.0.next_roster(&[before], people, &mut OsRng).unwrap()
    }
}

#[test]
fn who_has_brought_somebody_in_is_who_has_signed_the_step_by_which_they_came() {
    let [mal, pal, vic] = ["mal", "pal", "vic"].map(Somebody::new);
    let (owner, admin, member) = (Role::Owner, Role::Admin, Role::Member);
    let founding = mal.0.found(vec![mal.is(owner), pal.is(admin), vic.is(member)], &mut OsRng).unwrap();
    let leaves = pal.writes(&founding, vec![mal.is(owner), vic.is(member)]);
    let own = vic.name();
    let by = |roster: &Roster, known: &[&Roster]| {
        let known: Vec<_> = known.iter().map(|&roster| roster.clone()).collect();
        brought_by(&own, roster, &known).map(|by| by.user_id.to_string())
    };
    assert_eq!(by(&founding, &[]).as_deref(), Some("mal"));
    assert_eq!(by(&leaves, &[&founding]).as_deref(), Some("mal"), "not who has left");
    assert_eq!(by(&leaves, &[]), None, "nobody says what was before");

    let without = mal.0.found(vec![mal.is(owner), pal.is(admin)], &mut OsRng).unwrap();
    let added = pal.writes(&without, vec![mal.is(owner), pal.is(admin), vic.is(member)]);
    let later = mal.writes(&added, vec![mal.is(owner), pal.is(member), vic.is(member)]);
    assert_eq!(by(&added, &[&without]).as_deref(), Some("pal"));
    assert_eq!(by(&later, &[&without, &added]).as_deref(), Some("pal"), "some steps back");
    assert_eq!(by(&later, &[&without, &founding]), None, "a step that does not lead there says nothing");
}

#[test]
fn who_has_let_somebody_in_under_another_identity_has_brought_them_in() {
    let [kate, leo, mia, anew] = ["kate", "leo", "mia", "mia"].map(Somebody::new);
    let (owner, member) = (Role::Owner, Role::Member);
    let founding = kate.0.found(vec![kate.is(owner), leo.is(owner), mia.is(member)], &mut OsRng).unwrap();
    let leaves = kate.writes(&founding, vec![leo.is(owner), mia.is(member)]);
    let lets_in = leo.writes(&leaves, vec![leo.is(owner), anew.is(member)]);
    let known = [founding, leaves];
    assert_eq!(brought_by(&mia.name(), &lets_in, &known).map(|by| by.user_id.to_string()).as_deref(), Some("leo"));
    assert_eq!(brought_by(&mia.name(), &lets_in, &known[..1]), None, "nobody says what was before");
}

/// Another owner goes on from a step that somebody has signed in this account's name: it is asked for, though theirs counts without it,
/// for only so it is listed if it was a thief's.
#[test]
fn a_step_that_another_owner_has_covered_is_asked_for() {
    let [mal, pal, vic] = ["mal", "pal", "vic"].map(Somebody::new);
    let founding = mal.0.found(vec![mal.is(Role::Owner), pal.is(Role::Owner)], &mut OsRng).unwrap();
    let step = mal.writes(&founding, vec![mal.is(Role::Owner), pal.is(Role::Owner), vic.is(Role::Member)]);
    let covers = pal.writes(&step, vec![mal.is(Role::Owner), pal.is(Role::Owner), vic.is(Role::Admin)]);
    let is_missing = |known: &Roster, shown: &Roster| {
        let view = RosterView::new(&founding.conversation_id(), known.clone()).unwrap();
        roster_steps::is_step_missing(view, shown.clone(), &[])
    };
    assert!(is_missing(&founding, &covers));
    assert!(!is_missing(&step, &covers) && !is_missing(&founding, &step) && !is_missing(&covers, &covers));
}
