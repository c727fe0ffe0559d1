use openmls::prelude::LeafNodeParameters;
use privmsg_e2ee::{Conversation, ExternalJoinError, JoinError};
use privmsg_mls_public::PublicConversation;

use super::edits::edited;
use super::verdict::{self, Verdict};
use super::world::{self, World, fields, signed};
use crate::people::{CHAT, direct, made_at};
use crate::rogue::{Forged, Rogue, context, key_package};

/// Joining: by welcome and by external commit, with what was changed on the way, and into groups of a client that
/// follows none of our rules.
///
/// ```text
/// input = 0 | edits of a welcome | or  1 | edits of its ratchet tree | or  2 | edits of a GroupInfo | or
///         3 | edits of its ratchet tree | or  4 | edits of the conversation info of a rogue's group | or
///         5 | edits of the certificate of a device in it | or  6 | edits of that certificate, signed
/// ```
pub fn welcome(input: &[u8]) {
    let Some((what, edits)) = input.split_first() else { return };
    world::with(|world| {
        let (opened, later) = (&world.opened, &world.addition);
        let (welcome, donor) = (&opened.welcomes()[0].1, &later.welcomes()[0].1);
        world.uninvite();
        match what {
            0 => {
                let bytes = edited(welcome, donor, edits);
                assert_eq!(join(world, &bytes, &opened.ratchet_tree) == Verdict::Accepted, bytes == *welcome);
            }
            1 => {
                let bytes = edited(&opened.ratchet_tree, &later.ratchet_tree, edits);
                assert_eq!(join(world, welcome, &bytes) == Verdict::Accepted, bytes == opened.ratchet_tree);
            }
            2 => {
                let bytes = edited(&opened.group_info, &later.group_info, edits);
                assert_eq!(come(world, &bytes, &opened.ratchet_tree) == Verdict::Accepted, bytes == opened.group_info);
                assert_eq!(begun(&bytes, &opened.ratchet_tree) == Verdict::Accepted, bytes == opened.group_info);
            }
            3 => {
                let bytes = edited(&opened.ratchet_tree, &later.ratchet_tree, edits);
                assert_eq!(come(world, &opened.group_info, &bytes) == Verdict::Accepted, bytes == opened.ratchet_tree);
                assert_eq!(begun(&opened.group_info, &bytes) == Verdict::Accepted, bytes == opened.ratchet_tree);
            }
            4 => other_info(world, &edited(&direct(&world.alice, &world.bob).encode(), b"", edits)),
            5 => {
                let (original, donor) = (world.tablet.certificate.encode(), world.bobs.certificate.encode());
                other_device(world, &edited(&original, &donor, edits));
            }
            6 => {
                let certificate = edited(&fields(&world.tablet), &fields(&world.bobs), edits);
                other_device(world, &signed(&world.alice.signing_key, &certificate));
            }
            _ => {}
        }
    });
}

/// Alice's client makes a group that says of itself what it likes.
fn other_info(world: &World, info: &[u8]) {
    let group = group(world, info, None);
    let due = verdict::of_group(world, info);
    assert_eq!(join(world, &group.welcome, &group.tree), due);
    assert_eq!(come(world, &group.group_info, &group.tree), due);
    assert_eq!(begun(&group.group_info, &group.tree), due);
}

/// Alice's client lets a device in that has any certificate.
fn other_device(world: &World, certificate: &[u8]) {
    let group = group(world, &direct(&world.alice, &world.bob).encode(), Some(certificate));
    let mut members = vec![world.phone.address(), world.bobs.address()];
    let invited = verdict::of_leaf(world, &world.tablet, certificate, &members);
    assert_eq!(join(world, &group.welcome, &group.tree), invited);
    assert_eq!(begun(&group.group_info, &group.tree), invited);
    members.push(world.laptop.address());
    let comes = verdict::of_leaf(world, &world.tablet, certificate, &members);
    assert_eq!(come(world, &group.group_info, &group.tree), comes);
}

fn group(world: &World, info: &[u8], certificate: Option<&[u8]>) -> Forged {
    let mut add = vec![key_package(&world.bobs, &world.bobs.certificate.encode())];
    add.extend(certificate.map(|certificate| key_package(&world.tablet, certificate)));
    world.phone.restore(Default::default());
    Rogue::create(&world.phone, CHAT.as_bytes(), context(info)).commit(add, LeafNodeParameters::default(), None)
}

/// Bob's device is invited.
fn join(world: &World, welcome: &[u8], tree: &[u8]) -> Verdict {
    match Conversation::join(&world.bobs.provider(), welcome, tree, None) {
        Ok(conversation) => {
            assert!(
                world.bobs.has_chat() && conversation.members().iter().filter(|member| member.is_self).count() == 1
            );
            Verdict::Accepted
        }
        Err(JoinError::UpdateNeeded(_)) => Verdict::UpdateNeeded,
        Err(JoinError::Rejected(_) | JoinError::Malformed(_) | JoinError::NoKeyPackage) => Verdict::Rejected,
        Err(error @ (JoinError::AlreadyMember | JoinError::Storage(_))) => panic!("{error:?}"),
    }
}

/// The server hears of the group.
fn begun(group_info: &[u8], tree: &[u8]) -> Verdict {
    verdict::of_server(&PublicConversation::begin(group_info, tree, None))
}

/// Bob's other device comes by itself.
fn come(world: &World, group_info: &[u8], tree: &[u8]) -> Verdict {
    let (keys, certificate) = (&world.laptop.keys, &world.laptop.certificate);
    match Conversation::join_external(&world.laptop.provider(), keys, certificate, group_info, tree, None, made_at()) {
        Ok(_) => Verdict::Accepted,
        Err(ExternalJoinError::UpdateNeeded(_)) => Verdict::UpdateNeeded,
        Err(ExternalJoinError::Rejected(_) | ExternalJoinError::Malformed(_)) => Verdict::Rejected,
        Err(error @ (ExternalJoinError::Storage(_) | ExternalJoinError::Mls(_))) => panic!("{error:?}"),
    }
}
