//! The account's own devices, as its signed list has them.

use privmsg_e2ee::DeviceKeys;
use privmsg_mls_public::KnownDevices;
use privmsg_protocol::{DeviceId, rest};
use serde::Serialize;

use super::Client;
use crate::error::ClientError;
use crate::own_devices::learn;
use crate::own_devices::publish::Publisher;
use crate::own_devices::unseen::unseen_since;

/// A device of the account. Which there are says the signed list that this device knows; what they are called and when they came the
/// server says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnDevice {
    /// Device.
    pub device_id: DeviceId,
    /// As given at its sign-in.
    pub device_name: Option<String>,
    /// As given at its sign-in.
    pub device_type: Option<String>,
    /// Its public key: of one in the list the one that stands there.
    pub device_public_key: Option<String>,
    /// When it was let in, seconds since 1970, as whoever has signed the list says; of those that do not stand in it nobody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_at: Option<u64>,
    /// First sign-in, `YYYY-MM-DD HH:MM:SS`, UTC.
    pub created_at: Option<String>,
    /// Last connection, `YYYY-MM-DD HH:MM:SS`, UTC.
    pub last_seen_at: Option<String>,
    /// Whether it is this one.
    pub current: bool,
    /// Whether it waits to be let in: the server names it, and the list does not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
    /// Whether it stands in the list, and the server does not name it, or not by the key that stands there: it reads what the account's
    /// devices read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unknown_to_server: bool,
    /// Whether it stands in the list and was not there for sixty days, as the server says.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unseen: bool,
}

impl Client {
    /// The account's devices: those of its signed list, whatever the server says of them, and those that it says wait.
    ///
    /// # Errors
    /// [`ClientError`] of the requests.
    pub async fn devices(&self) -> Result<Vec<OwnDevice>, ClientError> {
        let account = self.context.account().await?;
        match Publisher::of(&self.context, &account).learn_theirs().await {
            // Told, and not followed: what is known here counts.
            Ok(()) | Err(ClientError::AnotherOwnIdentity) => {}
            Err(error) => return Err(error),
        }
        let served = self.context.api.devices().await?.devices;
        let own = account.clone();
        let known = self.context.store.read(move |at| learn::known(at, &own)).await?;
        let key = DeviceKeys::from_bytes(&account.device_key).public().to_string();
        let now_s = self.context.clock.now_ms() / 1000;
        Ok(joined(&known, served, now_s, |id, of| account.device_id.as_ref() == Some(id) && of == Some(key.as_str())))
    }
}

/// In the order of the server, and then those of which it does not speak.
fn joined(
    known: &KnownDevices,
    served: Vec<rest::Device>,
    now_s: i64,
    is_this: impl Fn(&DeviceId, Option<&str>) -> bool,
) -> Vec<OwnDevice> {
    let mut left: Vec<_> = known.devices().iter().collect();
    let mut devices: Vec<_> = served
        .into_iter()
        .map(|one| {
            let key = one.device_public_key.as_deref();
            let is_it = |listed: &&privmsg_mls_public::Device| {
                listed.device_id == one.device_id && Some(listed.device_key.to_string().as_str()) == key
            };
            let listed = left.iter().position(is_it).map(|at| left.remove(at));
            let current = is_this(&one.device_id, key);
            OwnDevice {
                current,
                waiting: listed.is_none(),
                unseen: !current && listed.is_some_and(|it| unseen_since(&one, it.added_at, now_s).is_some()),
                added_at: listed.map(|listed| listed.added_at),
                unknown_to_server: false,
                device_id: one.device_id,
                device_name: one.device_name,
                device_type: one.device_type,
                device_public_key: one.device_public_key,
                created_at: Some(one.created_at),
                last_seen_at: one.last_seen_at,
            }
        })
        .collect();
    devices.extend(left.into_iter().map(|listed| OwnDevice {
        current: is_this(&listed.device_id, Some(listed.device_key.to_string().as_str())),
        device_id: listed.device_id.clone(),
        device_name: None,
        device_type: None,
        device_public_key: Some(listed.device_key.to_string()),
        added_at: Some(listed.added_at),
        created_at: None,
        last_seen_at: None,
        waiting: false,
        unseen: false,
        unknown_to_server: true,
    }));
    devices
}
