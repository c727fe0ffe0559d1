//! A device renews its leaf, joins anew, and has its clock set; a server goes back to what was, whenever it likes. Whoever has seen
//! a later leaf of the device knows an earlier one, and nobody ever takes what the device has made last for one.

use privmsg_mls_public::numbers::{following, is_stale};
use proptest::prelude::*;

const START: u64 = 1_700_000_000;
const WATCHERS: usize = 3;

#[derive(Debug, Clone)]
enum Event {
    /// The device makes a leaf, by a clock that shows so many seconds more or less.
    Makes(i64),
    /// The server goes back to the state of one of the commits before.
    GoesBack(prop::sample::Index),
    /// Somebody looks at the tree.
    Looks(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let clock = prop_oneof![4 => 0..5_i64, 1 => -2_000_000..2_000_000_i64];
    let event = prop_oneof![
        3 => clock.prop_map(Event::Makes),
        1 => any::<prop::sample::Index>().prop_map(Event::GoesBack),
        3 => (0..WATCHERS).prop_map(Event::Looks),
    ];
    prop::collection::vec(event, 0..60)
}

struct World {
    clock: u64,
    /// The latest that the device has made.
    last: u64,
    /// In the tree that the server shows.
    shown: u64,
    past: Vec<u64>,
    seen: [u64; WATCHERS],
}

impl World {
    fn new() -> Self {
        Self { clock: START, last: START, shown: START, past: vec![START], seen: [0; WATCHERS] }
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Makes(seconds) => {
                self.clock = self.clock.saturating_add_signed(*seconds);
                let made_at = following(self.last, self.clock).unwrap().max(self.shown + 1);
                (self.last, self.shown) = (made_at, made_at);
                self.past.push(made_at);
                assert!(self.seen.iter().all(|seen| !is_stale(made_at, *seen)), "what is new is never taken out");
            }
            Event::GoesBack(to) => self.shown = *to.get(&self.past),
            Event::Looks(watcher) => self.seen[*watcher] = self.seen[*watcher].max(self.shown),
        }
    }
}

proptest! {
    #[test]
    fn what_came_back_is_known_and_what_is_new_is_not_taken_for_it(events in events()) {
        let mut world = World::new();
        for event in &events {
            world.happens(event);
            for seen in world.seen {
                let has_seen_later = world.past.iter().any(|made_at| *made_at <= seen && *made_at > world.shown);
                prop_assert_eq!(is_stale(world.shown, seen), has_seen_later);
            }
        }
        let unique: std::collections::BTreeSet<_> = world.past.iter().collect();
        prop_assert_eq!(unique.len(), world.past.len(), "no two leaves of a device are of one time");
        world.happens(&Event::Makes(0));
        prop_assert!(world.seen.iter().all(|seen| !is_stale(world.shown, *seen)), "it has a way back");
    }
}
