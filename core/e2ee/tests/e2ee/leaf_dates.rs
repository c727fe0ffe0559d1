//! Every leaf says when it was made, and none comes in the place of a later one.

use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{Extensions, KeyPackage, LeafNode, LeafNodeParameters};
use privmsg_e2ee::{
    ClaimedKeyPackage, Conversation, JoinError, KeyPackageError, Malformed, ProcessError, RejectReason,
};
use privmsg_mls_public::PublicConversation;
use privmsg_protocol::limits::MAX_COUNTER;

use crate::people::{Device, direct, made_at, open_chat, person};
use crate::rogue::{Rogue, SUITE, build, context, extension, good, key_package, ours, rogue_join_at};
use crate::server::{Server, agree};

/// What is no time: nothing, of another length, and what nobody can follow.
fn undated() -> Vec<Extensions<LeafNode>> {
    let after_the_last = (MAX_COUNTER + 1).to_be_bytes();
    let bytes = [&[][..], &[0; 7], &[0; 9], &after_the_last, &[255; 8]];
    bytes.into_iter().map(extension).chain([Extensions::empty()]).collect()
}

fn leaf(extensions: Extensions<LeafNode>) -> LeafNodeParameters {
    LeafNodeParameters::builder().with_extensions(extensions).build()
}

/// When the device has made its leaf, as another one sees it.
fn seen(by: &Device, of: &Device) -> u64 {
    let dates = by.chat().dates();
    let date = dates.iter().find(|date| date.device_key == of.keys.public()).unwrap();
    assert_eq!(date.user_id, *of.user_id());
    date.made_at
}

fn refusal(device: &Device, commit: &[u8]) -> RejectReason {
    match device.process_commit(commit) {
        Err(ProcessError::Rejected(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_leaf_that_does_not_say_when_it_was_made_is_refused() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs, laptop) = (alice.device("phone"), bob.device("phone"), bob.device("laptop"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let server = Server::begin(&opened);
    let disk = bobs.disk();
    for extensions in undated() {
        let builder = KeyPackage::builder().key_package_lifetime(good()).leaf_node_capabilities(ours());
        let builder = builder.leaf_node_extensions(extensions.clone());
        let package = build(builder, &laptop, &laptop.certificate.encode(), SUITE);
        let bytes = package.tls_serialize_detached().unwrap();
        let claimed = ClaimedKeyPackage::validate(&bytes, laptop.user_id(), laptop.device_id(), crate::people::now());
        assert_eq!(claimed.unwrap_err(), KeyPackageError::Malformed(Malformed::new("time of a leaf")));

        let (added, renewed) = (vec![package], leaf(extensions.clone()));
        for (add, path) in [(added, LeafNodeParameters::default()), (Vec::new(), renewed)] {
            bobs.restore(disk.clone());
            let forged = Rogue::of(&bobs).commit(add, path, None);
            let reason = refusal(&phone, &forged.commit);
            assert!(matches!(reason, RejectReason::Undated), "{reason:?}");
            server.agrees(&reason, &forged.commit, &forged.group_info);
        }
        let (commit, group_info) = rogue_join_at(&laptop, &laptop.certificate.encode(), &opened, extensions.clone());
        let reason = refusal(&phone, &commit);
        assert!(matches!(reason, RejectReason::Undated), "{reason:?}");
        server.agrees(&reason, &commit, &group_info);

        // A group in which somebody has such a leaf is not joined, and begins nowhere.
        let carol = person("carol");
        let (carol, info) = (carol.device("phone"), direct(&alice, &carol));
        let package = key_package(&phone, &phone.certificate.encode());
        let mut group = Rogue::create(&carol, info.group_id().as_bytes(), context(&info.encode()));
        let founded = group.commit(vec![package], leaf(extensions), None);
        match Conversation::join(&phone.provider(), &founded.welcome, &founded.tree, None) {
            Err(JoinError::Rejected(reason @ RejectReason::Undated)) => {
                agree(&reason, &PublicConversation::begin(&founded.group_info, &founded.tree, None).unwrap_err());
            }
            other => panic!("{other:?}"),
        }
    }
}

/// However a device comes by a new leaf, it is later than the one before, also under a clock that was set back.
#[test]
fn every_leaf_of_a_device_is_later_than_the_one_before() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let mut server = Server::begin(&opened);
    let mut last = seen(&phone, &bobs);
    for clock in [last - 1_000, 0, last + 500, last + 499] {
        let rotation = bobs.chat().commit(&bobs.provider(), &bobs.keys, &[], &[], clock).unwrap();
        bobs.accepted();
        let change = phone.follow(&rotation);
        server.accept(&rotation);
        let made_at = seen(&phone, &bobs);
        assert_eq!(made_at, clock.max(last + 1));
        assert_eq!(change.dates.iter().map(|date| date.made_at).collect::<Vec<_>>(), [made_at]);
        last = made_at;
        let (keys, certificate) = (&bobs.keys, &bobs.certificate);
        let (info, tree) = (&rotation.group_info, &rotation.ratchet_tree);
        let (_, joined) =
            Conversation::join_external(&bobs.provider(), keys, certificate, info, tree, None, clock).unwrap();
        phone.follow(&joined);
        server.accept(&joined);
        assert_eq!(seen(&phone, &bobs), last + 1);
        last += 1;
    }
}

#[test]
fn no_commit_puts_an_earlier_leaf_in_the_place_of_a_later_one() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, tablet) = (alice.device("phone"), alice.device("tablet"));
    let (bobs, stock) = (bob.device("phone"), bob.device("stock"));
    let stock = Device { keys: bobs.keys.clone(), certificate: bobs.certificate.clone(), ..stock };
    let old = stock.claim();
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs, &tablet]);
    let (server, last) = (Server::begin(&opened), seen(&phone, &bobs));
    assert!(old.made_at() < last);
    let disk = bobs.disk();
    for made_at in [0, last - 1, last] {
        let extensions = extension(&made_at.to_be_bytes());
        let path = Rogue::of(&bobs).commit(Vec::new(), leaf(extensions.clone()), None);
        bobs.restore(disk.clone());
        let joined = rogue_join_at(&bobs, &bobs.certificate.encode(), &opened, extensions);
        bobs.restore(disk.clone());
        for (commit, group_info) in [(path.commit, path.group_info), joined] {
            let reason = refusal(&phone, &commit);
            assert!(matches!(reason, RejectReason::NotNewer), "{reason:?}");
            server.agrees(&reason, &commit, &group_info);
        }
    }
    // A device goes and comes again by one commit: with an older key package than the leaf, and with a later one.
    let swap = |package: &ClaimedKeyPackage| {
        let disk = phone.disk();
        let add = std::slice::from_ref(package);
        let swap = phone.chat().commit(&phone.provider(), &phone.keys, add, &[bobs.address()], made_at()).unwrap();
        phone.restore(disk);
        swap
    };
    let back = swap(&old);
    let reason = refusal(&tablet, &back.commit);
    assert!(matches!(reason, RejectReason::NotNewer), "{reason:?}");
    server.agrees(&reason, &back.commit, &back.group_info);
    let forward = stock.claim();
    tablet.follow(&swap(&forward));
    assert_eq!(seen(&tablet, &bobs), forward.made_at());
}
