//! A server that has stored a conversation and is then built anew, perhaps with another OpenMLS.

use std::path::{Path, PathBuf};

use privmsg_mls_public::PublicConversation;
use privmsg_protocol::Epoch;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2ee/stored").join(name)
}

/// If it fails, servers cannot read what they have: the state needs another version, and a way from the old one. The files are
/// written by `cargo run --example stored` in `fuzz/e2ee`.
#[test]
fn what_an_earlier_build_has_stored_is_read() {
    let read = |name| std::fs::read(file(name)).unwrap();
    let mut chat = PublicConversation::decode(read("state.bin")).unwrap();
    assert_eq!((chat.epoch(), chat.leaves()), (Epoch(1), 3));
    let change = chat.apply(&read("commit.bin"), &read("group_info.bin")).unwrap();
    assert_eq!(change.committer.device_id.as_str(), "bob-phone");
    assert_eq!(change.removed.iter().map(|leaf| leaf.member.device_id.as_str()).collect::<Vec<_>>(), ["alice-laptop"]);
    assert_eq!((chat.epoch(), chat.leaves()), (Epoch(2), 2));
    assert!(chat.encoded() == read("after.bin"), "and written in the same way");
    assert!(chat.ratchet_tree() == read("tree.bin"));
}
