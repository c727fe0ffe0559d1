use openmls::prelude::LeafNodeParameters;
use privmsg_e2ee::{CommitBundle, DeviceCertificate, Expected, ProcessError, Processed};

use super::edits::edited;
use super::verdict::{self, Verdict};
use super::world::{self, World, fields, signed};
use crate::people::direct;
use crate::rogue::{Rogue, context, credential, key_package, rogue_join};

/// Processing: messages and commits with what was changed on the way, and commits of a member, or somebody who joins,
/// whose client follows none of our rules.
///
/// ```text
/// input = 0 | edits of a message | or  1 | edits of a rotation | or  2 | edits of an addition | or
///         3 | edits of an external commit | or  4 | edits of the conversation info that a rogue sets | or
///         5 | edits of the certificate of a device that it adds | or  6 | edits of that certificate, signed | or
///         7 | edits of its own certificate, signed | or  8 | edits of the certificate of one who joins, signed
/// ```
pub fn commit(input: &[u8]) {
    let Some((what, edits)) = input.split_first() else { return };
    world::with(|world| {
        let (rotation, addition) = (&world.rotation.commit, &world.addition.commit);
        let alice =
            |device, edits| signed(&world.alice.signing_key, &edited(&fields(device), &fields(&world.bobs), edits));
        match what {
            0 => on_the_way(world, Expected::Application, &world.text, rotation, edits),
            1 => handed_on(world, &world.rotation, addition, MEMBERSHIP_TAG, edits),
            2 => handed_on(world, &world.addition, rotation, MEMBERSHIP_TAG, edits),
            3 => handed_on(world, &world.joining, addition, 0, edits),
            4 => other_info(world, &edited(&direct(&world.alice, &world.bob).encode(), b"", edits)),
            5 => {
                let (original, donor) = (world.tablet.certificate.encode(), world.bobs.certificate.encode());
                added(world, &edited(&original, &donor, edits));
            }
            6 => added(world, &alice(&world.tablet, edits)),
            7 => renewed(world, &alice(&world.phone, edits)),
            8 => joined(world, &alice(&world.tablet, edits)),
            _ => {}
        }
    });
}

/// Bytes at the end of a member's commit that only members can check.
const MEMBERSHIP_TAG: usize = 48;

/// A server takes only what was sent, too, as far as it can tell.
fn handed_on(world: &World, original: &CommitBundle, donor: &[u8], unchecked: usize, edits: &[u8]) {
    let bytes = edited(&original.commit, donor, edits);
    let accepted = world.server.chat().apply(&bytes, &original.group_info).is_ok();
    let checked = original.commit.len() - unchecked;
    assert_eq!(accepted, bytes.len() == original.commit.len() && bytes[..checked] == original.commit[..checked]);
    on_the_way(world, Expected::Commit, &original.commit, donor, edits);
}

/// Only what was sent is accepted.
fn on_the_way(world: &World, expected: Expected, original: &[u8], donor: &[u8], edits: &[u8]) {
    let bytes = edited(original, donor, edits);
    let processed = world.bobs.chat().process(&world.bobs.provider(), expected, &bytes);
    let accepted = match processed {
        Ok(Processed::Application { sender, plaintext, .. }) => {
            assert_eq!((sender.device_id, plaintext.as_slice()), (world.phone.device_id().clone(), &b"hello"[..]));
            true
        }
        Ok(Processed::Commit(_)) => true,
        Err(error) => {
            assert!(!matches!(error, ProcessError::Storage(_)), "{error:?}");
            false
        }
    };
    // Of a commit that is not the one expected, a donor may have made the other one.
    assert!(accepted == (bytes == original) || bytes == donor && expected == Expected::Commit);
}

/// No info is changed by a commit; whether it is a newer one or only another one has to be told apart.
fn other_info(world: &World, info: &[u8]) {
    let commit = Rogue::of(&world.phone).commit(Vec::new(), LeafNodeParameters::default(), Some(context(info)));
    let due = match verdict::of_group(world, info) {
        Verdict::UpdateNeeded => Verdict::UpdateNeeded,
        _ => Verdict::Rejected,
    };
    assert_eq!(process(world, &commit.commit, &commit.group_info), due);
}

fn added(world: &World, certificate: &[u8]) {
    let package = key_package(&world.tablet, certificate);
    let commit = Rogue::of(&world.phone).commit(vec![package], LeafNodeParameters::default(), None);
    let members = [world.phone.address(), world.bobs.address()];
    assert_eq!(
        process(world, &commit.commit, &commit.group_info),
        verdict::of_leaf(world, &world.tablet, certificate, &members)
    );
}

/// A leaf may get another certificate, but neither another device nor another identity.
fn renewed(world: &World, certificate: &[u8]) {
    let leaf = LeafNodeParameters::builder().with_credential_with_key(credential(&world.phone, certificate)).build();
    let commit = Rogue::of(&world.phone).commit(Vec::new(), leaf, None);
    let same = DeviceCertificate::decode(certificate).is_ok_and(|new| {
        let old = &world.phone.certificate;
        (new.user_id(), new.device_id(), new.identity_key()) == (old.user_id(), old.device_id(), old.identity_key())
    });
    let due = match verdict::of_leaf(world, &world.phone, certificate, &[]) {
        Verdict::Accepted if !same => Verdict::Rejected,
        due => due,
    };
    assert_eq!(process(world, &commit.commit, &commit.group_info), due);
}

fn joined(world: &World, certificate: &[u8]) {
    let (commit, group_info) = rogue_join(&world.tablet, certificate, &world.opened);
    let members = [world.phone.address(), world.bobs.address()];
    assert_eq!(process(world, &commit, &group_info), verdict::of_leaf(world, &world.tablet, certificate, &members));
}

/// What Bob's device and the server say, which is the same.
fn process(world: &World, commit: &[u8], group_info: &[u8]) -> Verdict {
    let before = world.bobs.disk();
    let server = verdict::of_server(&world.server.chat().apply(commit, group_info));
    let verdict = match world.bobs.process_commit(commit) {
        Ok(_) => {
            assert_eq!(server, Verdict::Accepted);
            return Verdict::Accepted;
        }
        Err(ProcessError::UpdateNeeded(_)) => Verdict::UpdateNeeded,
        Err(ProcessError::Rejected(_)) => Verdict::Rejected,
        Err(error) => panic!("{error:?}"),
    };
    assert_eq!(server, verdict);
    assert!(world.bobs.disk() == before, "what is not accepted changes nothing");
    verdict
}
