//! Every decoder that meets foreign bytes, with noise, cut and changed messages.

use privmsg_e2ee::{ClaimedKeyPackage, Conversation, Expected};
use proptest::prelude::*;

use crate::people::{direct, now, person};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every decoder that meets foreign bytes, with noise, cut and changed messages.
    #[test]
    fn foreign_bytes_never_panic_and_never_pass(
        noise in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255u8,
    ) {
        let (alice, bob) = (person("alice"), person("bob"));
        let (phone, bobs, laptop) = (alice.device("phone"), bob.device("phone"), alice.device("laptop"));
        let package = bobs.key_package();
        let bundle = phone.create(direct(&alice, &bob), &[&bobs]);
        phone.accepted();
        let (text, rotation) = (phone.encrypt("hello"), phone.commit(&[], &[]));
        let change = |bytes: &[u8]| {
            let at = at.index(bytes.len());
            let mut flipped = bytes.to_vec();
            flipped[at] ^= flip;
            [noise.clone(), bytes[..at].to_vec(), flipped]
        };

        for bytes in change(&package) {
            prop_assert!(ClaimedKeyPackage::validate(&bytes, bobs.user_id(), bobs.device_id(), now()).is_err());
        }
        let uninvited = bobs.disk();
        let join = |welcome: &[u8], tree: &[u8]| {
            bobs.restore(uninvited.clone());
            Conversation::join(&bobs.provider(), welcome, tree).is_err()
        };
        for bytes in change(&bundle.welcomes[0].1) {
            prop_assert!(join(&bytes, &bundle.ratchet_tree));
        }
        for bytes in change(&bundle.ratchet_tree) {
            prop_assert!(join(&bundle.welcomes[0].1, &bytes));
        }
        prop_assert!(!join(&bundle.welcomes[0].1, &bundle.ratchet_tree));

        for bytes in change(&text) {
            prop_assert!(bobs.process(&bytes).is_err());
        }
        for bytes in change(&rotation.commit) {
            prop_assert!(bobs.chat().process(&bobs.provider(), Expected::Commit, &bytes).is_err());
        }
        let external = |info: &[u8], tree: &[u8]| {
            Conversation::join_external(&laptop.provider(), &laptop.keys, &laptop.certificate, info, tree).is_err()
        };
        for bytes in change(&bundle.group_info) {
            prop_assert!(external(&bytes, &bundle.ratchet_tree));
        }
        for bytes in change(&bundle.ratchet_tree) {
            prop_assert!(external(&bundle.group_info, &bytes));
        }
        prop_assert_eq!(bobs.read(&text).1, "hello");
        bobs.follow(&rotation);
    }
}
