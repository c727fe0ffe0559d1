//! Which devices this one has ever seen in the account's list, and who of them stays when some were stolen.
//!
//! Whoever has a device of the account signs lists: with what dates they like, and without that device. So neither the newest
//! list nor its dates alone say who came before it.

use privmsg_mls_public::{Device, KnownDevices};
use privmsg_protocol::DeviceId;
use privmsg_store::listed_devices::{self, Entry, Listed};
use privmsg_store::{Snapshot, Tx};

use crate::error::ClientError;

/// Remembers who stands in the newest list, the `list`-th that this device has seen.
pub(super) fn note(tx: &Tx<'_>, known: &KnownDevices, list: i64) -> Result<(), ClientError> {
    let entry = |device: &Device| Entry {
        device_id: device.device_id.clone(),
        device_key: *device.device_key.as_bytes(),
        added_at: device.added_at,
    };
    Ok(listed_devices::note(tx, list, &known.devices().iter().map(entry).collect::<Vec<_>>())?)
}

/// What this device remembers.
pub(crate) struct Remembered {
    /// Who stands in the newest list that it knows.
    now: KnownDevices,
    /// Whoever did.
    ever: Vec<Listed>,
}

impl Remembered {
    pub(crate) fn load(at: &Snapshot<'_>, known: KnownDevices) -> Result<Self, ClientError> {
        Ok(Self { now: known, ever: listed_devices::all(at)? })
    }

    /// Whether a device stands in the account's list, or has.
    pub(crate) fn has_seen(&self, device: &DeviceId) -> bool {
        let mut listed = self.now.lists().iter().flat_map(|list| list.devices());
        self.ever.iter().any(|one| one.device_id == *device) || listed.any(|one| one.device_id == *device)
    }

    /// Whether a device stands in the newest list, as it does there.
    pub(crate) fn stands(&self, device: &Device) -> bool {
        self.now.devices().contains(device)
    }

    /// Whether a device stays when these go: it stands there since before the first of them was seen, in the order of the lists and by
    /// their dates. Where nothing is remembered of one or the other it does not.
    pub(crate) fn stays(&self, device: &Device, gone: &[DeviceId]) -> bool {
        let is_it =
            |one: &&Listed| one.device_id == device.device_id && one.device_key == *device.device_key.as_bytes();
        let Some(here) = self.ever.iter().find(is_it) else { return false };
        let before = |gone: &DeviceId| {
            let mut seen = self.ever.iter().filter(|one| one.device_id == *gone).peekable();
            seen.peek().is_some()
                && seen.all(|one| {
                    here.came_list <= one.first_list && here.last_added.max(device.added_at) <= one.first_added
                })
        };
        !gone.contains(&device.device_id) && self.stands(device) && gone.iter().all(before)
    }
}

#[cfg(test)]
#[path = "remembered_tests.rs"]
mod tests;
