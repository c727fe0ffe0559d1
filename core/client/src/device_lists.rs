//! Device lists of all users: as this device keeps them, as the server has them, and what follows from them.
//!
//! | | |
//! |---|---|
//! | [`learn`] | a list has come, from the server or in a message |
//! | [`heard`] | what a message says of its author's list, and whether its device stands in it |
//! | [`gate`] | who must not be encrypted for |
//! | [`fetch`] | the server is asked |
//!
//! The highest list counts that was seen under the identity that the user is known by here ([`KnownDevices`]). A list decides
//! about nobody's commit: what is known differs from device to device. It says for whom this one encrypts, and what is shown.

pub(crate) mod fetch;
pub(crate) mod gate;
pub(crate) mod heard;
pub(crate) mod learn;

use privmsg_e2ee::{AccountPublicKey, SigningKeyCertificate, ToldList};
use privmsg_mls_public::{DeviceList, KnownDevices, ListNumber};
use privmsg_protocol::rest::PublishedDeviceList;
use privmsg_protocol::{Opaque, UserId};
use privmsg_store::{Snapshot, contacts, known_devices, wanted_lists};

use crate::error::ClientError;

/// What counts of a user's devices under an identity; nothing, where nothing was learnt. What was signed under an earlier generation
/// than the one that stood on the contact's own screen counts no more; not so of a link that came some other way: nobody has signed
/// it, and a number that does not exist would keep everything back.
pub(crate) fn load(at: &Snapshot<'_>, user: &UserId, identity: AccountPublicKey) -> Result<KnownDevices, ClientError> {
    with_floor(at, learnt(at, user, identity)?)
}

/// What was learnt of a user's devices from what the account has signed.
fn learnt(at: &Snapshot<'_>, user: &UserId, identity: AccountPublicKey) -> Result<KnownDevices, ClientError> {
    match known_devices::load(at, user, identity.as_bytes())? {
        Some(bytes) => KnownDevices::decode(&bytes, user.clone(), identity).map_err(|error| match error {
            privmsg_e2ee::StatementError::UpdateNeeded(newer) => newer.into(),
            _ => ClientError::Damaged("device list"),
        }),
        None => Ok(KnownDevices::new(user.clone(), identity)),
    }
}

/// What counts of it. The floor is the word of the user's own devices, and may turn out to be a thief's: it is not kept with what
/// the account has signed.
fn with_floor(at: &Snapshot<'_>, mut known: KnownDevices) -> Result<KnownDevices, ClientError> {
    known.require_generation(contacts::floor(at, known.user_id(), known.identity().as_bytes())?);
    Ok(known)
}

/// Reads a list as the server has it, genuine under the identity that it names.
pub(crate) fn read(user: &UserId, published: &PublishedDeviceList) -> Result<DeviceList, ClientError> {
    const NO_LIST: ClientError = ClientError::Protocol("a device list that is none");
    let (certificate, list) = (published.certificate.decode().ok_or(NO_LIST)?, published.list.decode().ok_or(NO_LIST)?);
    genuine(user, &certificate, &list)
}

/// Reads a list that came in a message.
fn read_told(user: &UserId, told: &ToldList) -> Result<DeviceList, ClientError> {
    genuine(user, &told.certificate, &told.list)
}

fn genuine(user: &UserId, certificate: &[u8], list: &[u8]) -> Result<DeviceList, ClientError> {
    const NO_LIST: ClientError = ClientError::Protocol("a device list that is none");
    let read = SigningKeyCertificate::decode(certificate).and_then(|by| DeviceList::decode(list, by));
    let list = read.map_err(|error| match error {
        privmsg_e2ee::StatementError::UpdateNeeded(newer) => ClientError::UpdateNeeded(newer),
        _ => NO_LIST,
    })?;
    if list.user_id() == user { Ok(list) } else { Err(NO_LIST) }
}

/// A list as it is shown to the server.
pub(crate) fn published(list: &DeviceList) -> PublishedDeviceList {
    let certificate = Opaque::encode(&list.certificate().encode());
    PublishedDeviceList { certificate, list: Opaque::encode(&list.encode()) }
}

/// The number of a list, as the store has it.
pub(crate) const fn stored(number: ListNumber) -> wanted_lists::Number {
    (number.generation, number.counter)
}
