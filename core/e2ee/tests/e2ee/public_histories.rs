//! Long stories of honest devices under the eyes of a server that checks.

use privmsg_e2ee::{CommitBundle, ConversationInfo};
use privmsg_mls_public::{PublicConversation, Refused};
use privmsg_protocol::{Epoch, Incarnation};
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore as _, SeedableRng as _};

use crate::people::{Device, all_talk, direct, open_chat, person};
use crate::server::{Server, tree_of};

/// All devices of Alice and Bob, of which some are in the chat.
struct World {
    devices: Vec<Device>,
    inside: Vec<bool>,
    server: Server,
    latest: CommitBundle,
    random: ChaCha20Rng,
}

impl World {
    fn new(seed: u64) -> Self {
        let (alice, bob) = (person("alice"), person("bob"));
        let names = ["phone", "laptop", "tablet", "watch", "desk"];
        let devices: Vec<_> = names.iter().flat_map(|name| [alice.device(name), bob.device(name)]).collect();
        let latest = open_chat(direct(&alice, &bob), &[&devices[0], &devices[1]]);
        let inside = (0..devices.len()).map(|at| at < 2).collect();
        let server = Server::begin(&latest);
        Self { devices, inside, server, latest, random: ChaCha20Rng::seed_from_u64(seed) }
    }

    fn pick(&mut self, inside: bool) -> Option<usize> {
        let found: Vec<_> = (0..self.devices.len()).filter(|&at| self.inside[at] == inside).collect();
        let at = usize::try_from(self.random.next_u32()).unwrap();
        (!found.is_empty()).then(|| found[at % found.len()])
    }

    /// Any one thing that honest devices do.
    fn step(&mut self) {
        let member = self.pick(true).unwrap();
        let other = self.pick(true).filter(|&other| other != member);
        match (self.random.next_u32() % 7, self.pick(false), other) {
            (0, Some(new), _) => self.commit(member, &[new], &[]),
            (1, Some(new), Some(old)) => self.commit(member, &[new], &[old]),
            (2, _, Some(old)) => self.commit(member, &[], &[old]),
            (3, _, Some(broken)) => self.commit(member, &[broken], &[broken]),
            (4, Some(new), _) => self.join(new),
            (5, ..) => self.join(member),
            _ => self.commit(member, &[], &[]),
        }
    }

    fn commit(&mut self, by: usize, add: &[usize], remove: &[usize]) {
        let devices = |which: &[usize]| which.iter().map(|&at| &self.devices[at]).collect::<Vec<_>>();
        let bundle = self.devices[by].commit(&devices(add), &devices(remove));
        self.devices[by].accepted();
        for &at in remove {
            self.inside[at] = false;
        }
        self.follow(by, &bundle);
        for &at in add {
            self.devices[at].join(&bundle);
            self.inside[at] = true;
        }
        self.take(bundle);
    }

    /// A device that never was in the chat, was removed, or has lost its state, comes in.
    fn join(&mut self, by: usize) {
        let seen = self.server.as_seen_by_joiners(&self.latest);
        let bundle = self.devices[by].join_external(&seen);
        self.follow(by, &bundle);
        self.inside[by] = true;
        self.take(bundle);
    }

    fn follow(&self, by: usize, bundle: &CommitBundle) {
        for (at, device) in self.devices.iter().enumerate() {
            if at != by && self.inside[at] {
                device.follow(bundle);
            }
        }
    }

    fn take(&mut self, bundle: CommitBundle) {
        let committed = self.server.accept(&bundle);
        assert_eq!(committed.external, bundle.welcomes().is_empty() && bundle.added.contains(&address(&committed)));
        for (device, _) in self.devices.iter().zip(&self.inside).filter(|(_, inside)| **inside) {
            assert_eq!(device.members(), self.server.members());
            assert_eq!(device.chat().epoch(), self.server.chat().epoch());
            assert!(tree_of(device) == bundle.ratchet_tree);
        }
        self.latest = bundle;
    }
}

fn address(change: &privmsg_mls_public::Change) -> (privmsg_protocol::UserId, privmsg_protocol::DeviceId) {
    (change.committer.user_id.clone(), change.committer.device_id.clone())
}

#[test]
fn whatever_honest_devices_do_is_accepted_and_derived() {
    for seed in 0..3 {
        let mut world = World::new(seed);
        for _ in 0..30 {
            world.step();
        }
        let inside: Vec<_> = world.devices.iter().zip(&world.inside).filter(|(_, inside)| **inside).collect();
        all_talk(&inside.into_iter().map(|(device, _)| device).collect::<Vec<_>>());
        assert!(world.server.chat().epoch() >= Epoch(31));
    }
}

#[test]
fn a_conversation_with_oneself_is_begun_alone() {
    let alice = person("alice");
    let info = ConversationInfo::notes(alice.in_chats(), Incarnation::FIRST);
    let device = |name| Device { chat: info.group_id(), ..alice.device(name) };
    let (phone, laptop) = (device("phone"), device("laptop"));
    let created = phone.create(info.clone(), &[]);
    phone.accepted();
    let (chat, creator) = PublicConversation::begin(&created.group_info, &created.ratchet_tree, None).unwrap();
    assert_eq!((chat.info(), chat.group_id(), chat.leaves()), (&info, info.group_id(), 1));
    assert_eq!((creator.device_id, creator.identity), (phone.device_id().clone(), alice.account.public()));
    let mut server = Server::begin(&created);
    let joined = laptop.join_external(&created);
    assert!(server.accept(&joined).external);
    assert_eq!(server.members(), ["alice-laptop", "alice-phone"]);
}

/// A commit that lost the race, and one that was sent twice.
#[test]
fn a_commit_of_another_epoch_is_named_so() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let mut server = Server::begin(&opened);
    let (won, lost) = (phone.commit(&[], &[]), bobs.commit(&[], &[]));
    server.accept(&won);
    for late in [&won, &lost] {
        let refused = server.refuse(&late.commit, &late.group_info);
        assert!(matches!(refused, Refused::OtherEpoch { found: Epoch(1), expected: Epoch(2) }), "{refused:?}");
    }
}

#[test]
fn a_device_that_was_removed_commits_no_more() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, lost, bobs) = (alice.device("phone"), alice.device("lost"), bob.device("phone"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &lost, &bobs]);
    let mut server = Server::begin(&opened);
    let removal = phone.commit(&[], &[&lost]);
    let revenge = lost.commit(&[], &[&phone]);
    server.accept(&removal);
    assert!(matches!(server.refuse(&revenge.commit, &revenge.group_info), Refused::OtherEpoch { .. }));
    // In the new epoch, too: it would need a leaf, whose place is empty.
    let mut renumbered = revenge.commit.clone();
    let epoch = 4 + 1 + 16;
    renumbered[epoch..epoch + 8].copy_from_slice(&2u64.to_be_bytes());
    let refused = server.refuse(&renumbered, &revenge.group_info);
    assert!(matches!(refused, Refused::Invalid(_)), "{refused:?}");
}
