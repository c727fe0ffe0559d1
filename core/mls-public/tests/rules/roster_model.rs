//! A world of one group: two owners, two admins and a member who are honest, an admin who is not, a thief with a copy
//! of an owner's first signing key, and a server that delivers what it likes, when it likes, as often as it likes, or
//! never.

use privmsg_mls_public::{KnownDevices, Learned, Participant, Role, Roster, RosterView};
use proptest::prelude::*;

use crate::roster_view::{olga, view};
use crate::world::{Account, fewer_cases, with};

const OLGA: Account = Account(1);
const OTTO: Account = Account(2);
const ADA: Account = Account(3);
const ABE: Account = Account(4);
const MAX: Account = Account(5);
const MIA: Account = Account(6);
const EVE: Account = Account(7);

const HONEST: [Account; 5] = [OLGA, OTTO, ADA, ABE, MAX];
const TARGETS: [Account; 6] = [ADA, ABE, MAX, MIA, Account(10), Account(11)];

pub(crate) fn founding() -> Roster {
    let (owner, admin, member) = (Role::Owner, Role::Admin, Role::Member);
    let people = [OLGA.is(owner, 5), OTTO.is(owner, 5), ADA.is(admin, 5), ABE.is(admin, 5), EVE.is(admin, 5)];
    OLGA.founds(5, &[&people[..], &[MAX.is(member, 0), MIA.is(member, 0)]].concat())
}

/// What somebody may wish.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    author: Account,
    who: Account,
    role: Option<Role>,
    nonce: u8,
}

pub(crate) fn wish() -> impl Strategy<Value = Wish> {
    let role = prop_oneof![Just(None), Just(Some(Role::Member)), Just(Some(Role::Admin))];
    let change = (prop::sample::select(&HONEST[..]), prop::sample::select(&TARGETS[..]), role);
    let change = change.prop_map(|(author, who, role)| (author, who, role));
    let leave = prop::sample::select(&[ADA, MAX][..]).prop_map(|author| (author, author, None));
    let promote = Just((OTTO, ABE, Some(Role::Owner)));
    (prop_oneof![8 => change, 1 => leave, 1 => promote], any::<u8>()).prop_map(|((author, who, role), nonce)| Wish {
        author,
        who,
        role,
        nonce,
    })
}

/// The same people, as somebody writes them who signs in this generation.
pub(crate) fn bound(mut people: Vec<Participant>, author: Account, generation: u64) -> Vec<Participant> {
    for place in &mut people {
        if *place.user_id() == author.user() && place.role() > Role::Member {
            *place = author.is(place.role(), generation);
        }
    }
    people
}

impl Wish {
    /// The roster that comes of it, if the author's role there allows it.
    fn on(self, before: &Roster, generation: u64) -> Option<Roster> {
        let people = with(before, &self.who.user(), self.role.map(|role| self.who.is(role, 5)));
        if !people.iter().any(|place| place.role() == Role::Owner) {
            return None;
        }
        let people = bound(people, self.author, generation);
        let roster = self.author.writes(generation, &[before], self.nonce, &people);
        roster.follows(before).is_ok().then_some(roster)
    }
}

/// Somebody who keeps what does not connect yet.
struct Learner {
    view: RosterView,
    kept: Vec<Roster>,
    /// What is known of Olga, also from what she signed.
    olga: KnownDevices,
}

impl Learner {
    fn new(first: &Roster) -> Self {
        Self { view: view(first), kept: Vec::new(), olga: olga(5) }
    }

    fn learn(&mut self, roster: &Roster) {
        // It says nothing new of others, who are all in their first generation.
        let _ = self.olga.learn_certificate(roster.author());
        self.kept.push(roster.clone());
        self.retry();
    }

    fn retry(&mut self) {
        loop {
            let mut changed = false;
            let kept = std::mem::take(&mut self.kept);
            for roster in kept {
                let waited = self.view.is_waiting(roster.hash());
                match self.view.learn(roster.clone(), Some(&self.olga)) {
                    Learned::Newer | Learned::Beside | Learned::Behind => changed = true,
                    Learned::Outdated => changed |= !waited,
                    Learned::Unconnected | Learned::Foreign | Learned::Disputed => self.kept.push(roster),
                    Learned::Known | Learned::Older | Learned::Overruled => {}
                }
            }
            if !changed {
                return;
            }
        }
    }
}

/// Steps that honest people took one after the other.
pub(crate) fn history(wishes: &[Wish]) -> Vec<Roster> {
    let mut rosters = vec![founding()];
    for wish in wishes {
        rosters.extend(rosters.last().and_then(|last| wish.on(last, 5)));
    }
    rosters
}

fn heads_after(first: &Roster, rosters: &[Roster]) -> Vec<Roster> {
    let mut learner = Learner::new(first);
    rosters.iter().for_each(|roster| learner.learn(roster));
    learner.view.heads().to_vec()
}

fn two_orders(rosters: Vec<Roster>) -> impl Strategy<Value = (Vec<Roster>, Vec<Roster>)> {
    let again = prop::collection::vec(prop::sample::select(rosters.clone()), 0..4);
    let all = rosters.clone();
    (Just(rosters).prop_shuffle(), again.prop_map(move |again| [all.clone(), again].concat()).prop_shuffle())
}

fn straight() -> impl Strategy<Value = (Roster, (Vec<Roster>, Vec<Roster>))> {
    prop::collection::vec(wish(), 1..8).prop_flat_map(|wishes| {
        let rosters = history(&wishes);
        (Just(rosters[rosters.len() - 1].clone()), two_orders(rosters))
    })
}

/// Several went on from the same roster, each without knowing of the others.
fn forked() -> impl Strategy<Value = (Vec<Roster>, Vec<Roster>)> {
    (prop::collection::vec(wish(), 0..5), prop::collection::vec(wish(), 2..4)).prop_flat_map(|(wishes, apart)| {
        let mut rosters = history(&wishes);
        let last = rosters[rosters.len() - 1].clone();
        rosters.extend(apart.iter().filter_map(|wish| wish.on(&last, 5)));
        two_orders(rosters)
    })
}

#[derive(Debug, Clone)]
enum Event {
    Wish(Wish),
    Deliver {
        to: usize,
        which: prop::sample::Index,
    },
    /// Somebody learns that Olga has begun generation 6, in which she signs from then on.
    Recover {
        who: usize,
    },
    /// The admin who is not honest writes whatever she likes after whatever there is.
    Eve {
        after: prop::sample::Index,
        also: prop::sample::Index,
        gone: Account,
        ahead: u64,
    },
    /// The thief writes as Olga. To send owners away, too, would be to take the group.
    Thief {
        after: prop::sample::Index,
        gone: Account,
        ahead: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let index = any::<prop::sample::Index>;
    let ahead = || prop_oneof![Just(1_u64), 1..4_u64, Just(1 << 20), Just((1 << 20) + 1), Just(1 << 45)];
    let gone = prop::sample::select(&TARGETS[..]);
    prop_oneof![
        6 => wish().prop_map(Event::Wish),
        9 => (0..HONEST.len(), index()).prop_map(|(to, which)| Event::Deliver { to, which }),
        1 => (0..HONEST.len()).prop_map(|who| Event::Recover { who }),
        2 => (index(), index(), prop::sample::select(vec![OLGA, OTTO, MIA]), ahead())
            .prop_map(|(after, also, gone, ahead)| Event::Eve { after, also, gone, ahead }),
        2 => (index(), gone, ahead()).prop_map(|(after, gone, ahead)| Event::Thief { after, gone, ahead }),
    ]
}

struct World {
    learners: Vec<Learner>,
    said: Vec<Roster>,
}

impl World {
    fn new() -> Self {
        let first = founding();
        Self { learners: HONEST.map(|_| Learner::new(&first)).into(), said: vec![first] }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wish(wish) => {
                let own = HONEST.iter().position(|account| *account == wish.author).unwrap();
                let learner = &mut self.learners[own];
                let generation = if own == 0 { learner.olga.generation() } else { 5 };
                if let Some(roster) = wish.on(&learner.view.heads()[0], generation) {
                    learner.learn(&roster);
                    if learner.view.is_newest(roster.hash()) {
                        self.said.push(roster);
                    }
                }
            }
            Event::Deliver { to, which } => self.learners[to].learn(&self.said[which.index(self.said.len())]),
            Event::Recover { who } => self.learners[who].olga.require_generation(6),
            Event::Eve { after, also, gone, ahead } => {
                let (after, also) = (&self.said[after.index(self.said.len())], &self.said[also.index(self.said.len())]);
                let previous = if after.hash() == also.hash() { vec![after] } else { vec![after, also] };
                let people = with(after, &gone.user(), None);
                let people = with(&EVE.writes(5, &previous, 0, &people), &EVE.user(), Some(EVE.is(Role::Owner, 5)));
                let roster = EVE.writes(5, &previous, 0, &people);
                self.said.push(EVE.renumbers(5, &roster, after.number() + ahead));
            }
            Event::Thief { after, gone, ahead } => {
                let after = &self.said[after.index(self.said.len())];
                let owns = |account: Account| after.is_owner(&account.certificate(5));
                if owns(OLGA) && owns(OTTO) && !owns(EVE) {
                    let roster = OLGA.writes(5, &[after], 0, &bound(with(after, &gone.user(), None), OLGA, 5));
                    self.said.push(OLGA.renumbers(5, &roster, after.number() + ahead));
                }
            }
        }
    }

    fn run(events: Vec<Event>) -> Self {
        let mut world = Self::new();
        for event in events {
            let before: Vec<_> = world.learners.iter().map(|learner| learner.view.number()).collect();
            world.happen(event);
            for (learner, before) in world.learners.iter().zip(before) {
                assert!(learner.view.number() >= before, "nothing goes back");
            }
        }
        world.deliver_all();
        world
    }

    fn deliver_all(&mut self) {
        for learner in &mut self.learners {
            self.said.iter().for_each(|roster| learner.learn(roster));
        }
    }

    /// What an owner does who has seen everything: one roster above all others. A commit may bring each group there, at
    /// whichever of them it is.
    fn heal(&mut self, owner: usize, generation: u64) -> Roster {
        let (account, view) = (HONEST[owner], &self.learners[owner].view);
        let previous = view.predecessors(&self.said, &account.certificate(generation));
        let roster = account.writes(generation, &previous, 0, &bound(view.participants(), account, generation));
        for learner in &mut self.learners {
            let again = RosterView::decode(&learner.view.encode(), &roster.conversation_id()).unwrap();
            assert_eq!(again, learner.view);
            learner.view = again;
        }
        for head in self.learners.iter().flat_map(|learner| learner.view.heads()) {
            assert_eq!(roster.replaces(head), Ok(()));
        }
        self.said.push(roster.clone());
        roster
    }
}

proptest! {
    #![proptest_config(fewer_cases())]

    #[test]
    fn a_straight_history_leads_to_its_end_in_any_order((last, (one, other)) in straight()) {
        let first = founding();
        prop_assert_eq!(heads_after(&first, &one), [last.clone()]);
        prop_assert_eq!(heads_after(&first, &other), [last]);
    }

    #[test]
    fn what_a_fork_comes_to_does_not_depend_on_the_order((one, other) in forked()) {
        let first = founding();
        prop_assert_eq!(heads_after(&first, &one), heads_after(&first, &other));
    }

    /// Whatever Eve and the server did, and however far honest people have gone separate ways.
    #[test]
    fn any_owner_brings_all_together(events in prop::collection::vec(event(), 0..25), owner in 0..2_usize) {
        let honest_keys = events.into_iter().filter(|event| !matches!(event, Event::Thief { .. } | Event::Recover { .. }));
        let mut world = World::run(honest_keys.collect());
        let roster = world.heal(owner, 5);
        world.deliver_all();
        for learner in &world.learners {
            prop_assert_eq!(learner.view.heads(), std::slice::from_ref(&roster));
        }
    }

    /// Whatever was signed with the stolen key, before whomever, and whoever knew that it was.
    #[test]
    fn an_owner_who_was_robbed_brings_all_together(events in prop::collection::vec(event(), 0..25)) {
        let mut world = World::run(events);
        let roster = world.heal(0, 7);
        world.deliver_all();
        for learner in &world.learners {
            prop_assert_eq!(learner.view.heads(), std::slice::from_ref(&roster));
            let thief = OLGA.certificate(6);
            prop_assert!(learner.view.heads()[0].signer(&thief).is_none(), "her former keys sign nothing more");
        }
    }
}
