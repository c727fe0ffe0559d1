//! Device lists as this device keeps them, and as the server has them.

use privmsg_e2ee::{AccountPublicKey, SigningKeyCertificate};
use privmsg_mls_public::{DeviceList, KnownDevices};
use privmsg_protocol::UserId;
use privmsg_protocol::rest::PublishedDeviceList;
use privmsg_store::{Snapshot, known_devices};

use crate::error::ClientError;

/// What is known of a user's devices under an identity; nothing, where nothing was learnt.
pub(crate) fn load(at: &Snapshot<'_>, user: &UserId, identity: AccountPublicKey) -> Result<KnownDevices, ClientError> {
    match known_devices::load(at, user, identity.as_bytes())? {
        Some(bytes) => KnownDevices::decode(&bytes, user.clone(), identity).map_err(|error| match error {
            privmsg_e2ee::StatementError::UpdateNeeded(newer) => newer.into(),
            _ => ClientError::Damaged("device list"),
        }),
        None => Ok(KnownDevices::new(user.clone(), identity)),
    }
}

/// Reads a list as the server has it, genuine under the identity that it names.
pub(crate) fn read(user: &UserId, published: &PublishedDeviceList) -> Result<DeviceList, ClientError> {
    const NO_LIST: ClientError = ClientError::Protocol("a device list that is none");
    let (certificate, list) = (published.certificate.decode().ok_or(NO_LIST)?, published.list.decode().ok_or(NO_LIST)?);
    let read = SigningKeyCertificate::decode(&certificate).and_then(|by| DeviceList::decode(&list, by));
    let list = read.map_err(|error| match error {
        privmsg_e2ee::StatementError::UpdateNeeded(newer) => ClientError::UpdateNeeded(newer),
        _ => NO_LIST,
    })?;
    if list.user_id() == user { Ok(list) } else { Err(NO_LIST) }
}
