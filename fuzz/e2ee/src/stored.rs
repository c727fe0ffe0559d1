//! A conversation as a server stores it, and the commit that comes next.

use crate::people::{direct, open_chat, person};
use crate::server::Server;

/// Files by their names.
#[must_use]
pub fn stored() -> [(&'static str, Vec<u8>); 5] {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, laptop, bobs) = (alice.device("phone"), alice.device("laptop"), bob.device("phone"));
    let mut server = Server::begin(&open_chat(direct(&alice, &bob), &[&phone, &laptop, &bobs]));
    let state = server.chat().encoded().to_vec();
    let removal = bobs.commit(&[], &[&laptop]);
    server.accept(&removal);
    [
        ("state.bin", state),
        ("commit.bin", removal.commit),
        ("group_info.bin", removal.group_info),
        ("after.bin", server.chat().encoded().to_vec()),
        ("tree.bin", server.chat().ratchet_tree()),
    ]
}
