//! The wire contract, seen from outside: exact bytes, round trips, hostile input, and the document that describes it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod any;
mod client_frames;
mod document;
mod group_bodies;
mod hostile;
mod identity_bodies;
mod rest_bodies;
mod round_trip;
mod server_frames;

use privmsg_protocol::{DeviceId, FileId, GroupId, MessageId, Opaque, Secret, UserId};

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

fn device(name: &str) -> DeviceId {
    name.parse().unwrap()
}

fn file(name: &str) -> FileId {
    name.parse().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn opaque(bytes: &[u8]) -> Opaque {
    Opaque::encode(bytes)
}

/// `01890a5d-ac96-774b-bcce-b302099a80` and the two digits of `n`.
fn message_id(n: u8) -> MessageId {
    let mut bytes = [0x01, 0x89, 0x0a, 0x5d, 0xac, 0x96, 0x77, 0x4b, 0xbc, 0xce, 0xb3, 0x02, 0x09, 0x9a, 0x80, 0];
    bytes[15] = n;
    MessageId::from_bytes(bytes)
}

/// `AAECAwQFBgcICQoLDA0ODw` on the wire.
fn group_id() -> GroupId {
    GroupId::from_bytes(std::array::from_fn(|i| i as u8))
}
