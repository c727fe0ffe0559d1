//! A world of one account: three devices of its owner, a thief who has a copy of the keys of the first generation, two
//! contacts, and a server that delivers what it likes, when it likes, as often as it likes, or loses it.

use privmsg_mls_public::{DeviceList, KnownDevices, SigningKeyCertificate, Verdict, check_published};
use privmsg_protocol::limits::MAX_COUNTER;
use proptest::prelude::*;

use crate::accounts::{counting, known};
use crate::world::{Account, Generation, fewer_cases};

const AL: Account = Account(1);
const NOW: u64 = 1_700_000_000;

/// The owner's devices have the numbers 0 to 2, and the contacts come after them in the list of those who learn.
const DEVICES: usize = 3;
const LEARNERS: usize = DEVICES + 2;
const THIEF: u8 = 9;

#[derive(Debug, Clone)]
enum Statement {
    List(DeviceList),
    Certificate(SigningKeyCertificate),
    Screen(u64),
}

impl Statement {
    fn teach(&self, known: &mut KnownDevices) {
        match self {
            Self::List(list) => drop(known.learn(list.clone()).unwrap()),
            Self::Certificate(certificate) => drop(known.learn_certificate(certificate).unwrap()),
            Self::Screen(generation) => known.require_generation(*generation),
        }
    }
}

/// Whatever anybody who has any key of the account could sign.
fn statement() -> impl Strategy<Value = Statement> {
    let generation = (1..4_u64, 0..3_u8).prop_map(|(number, variant)| Generation { number, variant });
    let devices = prop::sample::subsequence(vec![1_u8, 2, 3, 4], 0..=4);
    prop_oneof![
        6 => (generation.clone(), 1..4_u64, devices).prop_map(|(g, counter, d)| Statement::List(AL.list(g, counter, &d))),
        1 => generation.prop_map(|generation| Statement::Certificate(AL.certificate(generation))),
        1 => (1..4_u64).prop_map(Statement::Screen),
    ]
}

fn two_orders() -> impl Strategy<Value = (Vec<Statement>, Vec<Statement>)> {
    prop::collection::vec(statement(), 1..10).prop_flat_map(|statements| {
        let again = prop::collection::vec(prop::sample::select(statements.clone()), 0..5);
        let other = again.prop_map({
            let statements = statements.clone();
            move |again| [statements.clone(), again].concat()
        });
        (Just(statements).prop_shuffle(), other.prop_shuffle())
    })
}

#[derive(Debug, Clone)]
enum Event {
    /// A device lets another in or throws one out, if it can sign.
    Publish {
        device: usize,
        about: u8,
    },
    /// The owner begins a new generation with the words, on a device that knows what it knows.
    Recover {
        device: usize,
    },
    /// A device that is kept is given the key of the generation that it knows.
    Give {
        device: usize,
    },
    /// The thief signs with the key of the first generation.
    Steal {
        counter: u64,
        devices: Vec<u8>,
    },
    Deliver {
        to: usize,
        which: prop::sample::Index,
    },
    Wait {
        seconds: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let counter = prop_oneof![1..9_u64, NOW..NOW + 100, Just(MAX_COUNTER - 1), Just(MAX_COUNTER)];
    let devices = prop::sample::subsequence(vec![0_u8, 1, 2, THIEF], 0..=4);
    prop_oneof![
        4 => (0..DEVICES, 0..DEVICES as u8).prop_map(|(device, about)| Event::Publish { device, about }),
        1 => (0..DEVICES).prop_map(|device| Event::Recover { device }),
        2 => (0..DEVICES).prop_map(|device| Event::Give { device }),
        2 => (counter, devices).prop_map(|(counter, devices)| Event::Steal { counter, devices }),
        9 => (0..LEARNERS, any::<prop::sample::Index>()).prop_map(|(to, which)| Event::Deliver { to, which }),
        2 => (0..200_u64).prop_map(|seconds| Event::Wait { seconds }),
    ]
}

struct World {
    now: u64,
    /// Clocks of the owner's devices, in seconds from the right time.
    skew: [i64; DEVICES],
    known: Vec<KnownDevices>,
    keys: [Option<Generation>; DEVICES],
    said: Vec<DeviceList>,
}

impl World {
    fn new(skew: [i64; DEVICES]) -> Self {
        let mut world =
            Self { now: NOW, skew, known: vec![known(AL); LEARNERS], keys: [None; DEVICES], said: Vec::new() };
        world.say(AL.list(1, 1, &[0, 1, 2, THIEF]));
        world.deliver_all();
        world.keys = [Some(1.into()); DEVICES];
        world
    }

    fn say(&mut self, list: DeviceList) {
        self.said.push(list);
    }

    fn deliver_all(&mut self) {
        for known in &mut self.known {
            for list in &self.said {
                known.learn(list.clone()).unwrap();
            }
        }
    }

    fn clock(&self, device: usize) -> u64 {
        self.now.saturating_add_signed(self.skew[device])
    }

    /// A device signs the next list, if it has the key of the newest generation and there is a next one.
    fn publish(&mut self, device: usize, devices: &[u8]) -> bool {
        let newest = self.known[device].generation();
        let Some(key) = self.keys[device].filter(|key| key.number == newest) else { return false };
        let Some(counter) = self.known[device].next_counter(newest, self.clock(device)) else { return false };
        let list = AL.list(key, counter, devices);
        // A conflict where two devices began a generation in one second, and this one signs with the other key.
        assert_ne!(self.known[device].learn(list.clone()), Ok(Verdict::Older));
        assert_eq!(self.known[device].number(), Some(list.number()), "the own next list is the newest");
        self.say(list);
        true
    }

    /// Begins a generation with all of the owner's devices, which the person knows.
    fn recover(&mut self, device: usize) -> DeviceList {
        let number = self.known[device].next_generation(self.clock(device)).unwrap();
        let key = Generation { number, variant: device as u8 };
        let list = AL.list(key, self.known[device].next_counter(number, self.clock(device)).unwrap(), &[0, 1, 2]);
        self.keys[device] = Some(key);
        assert_eq!(self.known[device].learn(list.clone()), Ok(Verdict::Newer));
        self.say(list.clone());
        list
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Publish { device, about } => {
                let mut devices = counting(&self.known[device], AL);
                let before = devices.len();
                devices.retain(|number| *number != about);
                if devices.len() == before {
                    devices.push(about);
                }
                self.publish(device, &devices);
            }
            Event::Recover { device } => drop(self.recover(device)),
            Event::Give { device } => {
                let newest = self.known[device].generation();
                let key = self.keys.iter().flatten().find(|key| key.number == newest).copied();
                self.keys[device] = key.or(self.keys[device]);
            }
            Event::Steal { counter, devices } => self.say(AL.list(1, counter, &devices)),
            Event::Deliver { to, which } => {
                let list = self.said[which.index(self.said.len())].clone();
                self.known[to].learn(list).unwrap();
            }
            Event::Wait { seconds } => self.now += seconds,
        }
    }

    fn assert_all_agree(&self) {
        for known in &self.known {
            assert_eq!(*known, self.known[0]);
            assert!(!known.is_in_conflict());
        }
    }
}

fn worlds(events: Vec<Event>, skew: [i64; DEVICES]) -> World {
    let mut world = World::new(skew);
    for event in events {
        let before: Vec<_> = world.known.iter().map(|known| (known.generation(), known.number())).collect();
        world.happen(event);
        for (known, before) in world.known.iter().zip(before) {
            assert!(known.generation() >= before.0 && known.number() >= before.1, "nothing goes back");
        }
    }
    world.deliver_all();
    world
}

const HOUR: i64 = 3600;

proptest! {
    #![proptest_config(fewer_cases())]

    #[test]
    fn what_is_known_does_not_depend_on_order_or_repetition((one, other) in two_orders()) {
        let (mut a, mut b) = (known(AL), known(AL));
        one.iter().for_each(|statement| statement.teach(&mut a));
        other.iter().for_each(|statement| statement.teach(&mut b));
        let again = KnownDevices::decode(&a.encode(), AL.user(), AL.identity());
        prop_assert_eq!(again.as_ref(), Ok(&b), "also across a restart");
        prop_assert_eq!(a, b);
    }

    /// Whatever the thief signed and the server did, and whatever state the server has been put back to.
    #[test]
    fn the_words_bring_the_owner_back(
        events in prop::collection::vec(event(), 0..25),
        skew in prop::array::uniform3(-HOUR..HOUR),
        device in 0..DEVICES,
        stored in any::<prop::sample::Index>(),
    ) {
        let mut world = worlds(events, skew);
        let stored = world.said[stored.index(world.said.len())].clone();
        let list = world.recover(device);
        prop_assert_eq!(check_published(Some(&stored), Some(&stored.hash()), &list, &[], world.now), Ok(()));
        world.deliver_all();
        world.assert_all_agree();
        prop_assert_eq!(counting(&world.known[LEARNERS - 1], AL), [0, 1, 2]);
    }

    /// Nobody was robbed; the server may still have shown each device another past.
    #[test]
    fn without_a_thief_any_device_that_signs_brings_all_together(
        events in prop::collection::vec(event(), 0..25),
        skew in prop::array::uniform3(-HOUR..HOUR),
        device in 0..DEVICES,
    ) {
        let honest = events.into_iter().filter(|event| !matches!(event, Event::Steal { .. } | Event::Recover { .. }));
        let mut world = worlds(honest.collect(), skew);
        prop_assert!(world.publish(device, &[0, 1]));
        world.deliver_all();
        world.assert_all_agree();
        prop_assert_eq!(counting(&world.known[LEARNERS - 1], AL), [0, 1]);
    }
}
