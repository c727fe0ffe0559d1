//! Who is connected, and how what has been committed reaches them.

mod outbox;

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use privmsg_protocol::UserId;
use privmsg_protocol::frames::PresenceStatus;

use outbox::Notice;
pub(crate) use outbox::{CloseReason, Outbox, Rank};

use crate::secrets::random_bytes;
use crate::storage::{Delivery, DeviceKey, Observer, Session, UserKey};

/// Nobody is asked back sooner than a restart takes.
const SOONEST_RETURN_MS: u64 = 500;

/// How many clients are asked back in each second after a stop. A small machine signs a few hundred in and catches them
/// up while it serves.
const RETURNS_PER_SECOND: u64 = 500;

/// The returns are spread over so long at least, and at most: who waits for minutes thinks that something is broken.
const SPREAD_MS: RangeInclusive<u64> = 1_000..=60_000;

/// All connections of this server.
#[derive(Default)]
pub(crate) struct Hub {
    connected: Mutex<Connected>,
    /// Connections at the moment when the server began to stop: later there are fewer and fewer.
    at_farewell: OnceLock<u64>,
}

#[derive(Default)]
struct Connected {
    devices: HashMap<DeviceKey, Arc<Outbox>>,
    users: HashMap<UserId, Present>,
}

/// A user with at least one connection.
struct Present {
    status: PresenceStatus,
    devices: Vec<(DeviceKey, Arc<Outbox>)>,
}

/// What is connected, and what waits for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) users: u64,
    pub(crate) devices: u64,
    /// Messages that wait to be written.
    pub(crate) queued: u64,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Connected> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection. An older one of the same device is closed. Returns whether the user has just come.
    pub(crate) fn enter(&self, session: &Session, outbox: &Arc<Outbox>) -> bool {
        let mut connected = self.lock();
        if let Some(older) = connected.devices.insert(session.device, Arc::clone(outbox)) {
            older.close(CloseReason::Replaced);
        }
        let mut has_come = false;
        let present = connected.users.entry(session.user_id.clone()).or_insert_with(|| {
            has_come = true;
            Present { status: PresenceStatus::Online, devices: Vec::with_capacity(1) }
        });
        present.devices.retain(|(device, _)| *device != session.device);
        present.devices.push((session.device, Arc::clone(outbox)));
        has_come
    }

    /// Removes a connection, unless a newer one has taken its place. Returns whether the user has gone.
    pub(crate) fn leave(&self, session: &Session, outbox: &Arc<Outbox>) -> bool {
        let mut connected = self.lock();
        let is_this = |other: &Arc<Outbox>| Arc::ptr_eq(other, outbox);
        if connected.devices.get(&session.device).is_some_and(is_this) {
            connected.devices.remove(&session.device);
        }
        let Some(present) = connected.users.get_mut(&session.user_id) else {
            return false;
        };
        present.devices.retain(|(_, other)| !is_this(other));
        let has_gone = present.devices.is_empty();
        if has_gone {
            connected.users.remove(&session.user_id);
        }
        has_gone
    }

    /// Closes the connections of these devices.
    pub(crate) fn close(&self, devices: &[DeviceKey], reason: CloseReason) {
        let connected = self.lock();
        for outbox in devices.iter().filter_map(|device| connected.devices.get(device)) {
            outbox.close(reason);
        }
    }

    /// What a connection is told when the server stops: to come back at a moment of its own, drawn at random, the later
    /// the more there are.
    pub(crate) fn farewell(&self) -> CloseReason {
        let connections = *self.at_farewell.get_or_init(|| self.lock().devices.len() as u64);
        CloseReason::GoingAway { retry_after_ms: return_after_ms(connections, u32::from_le_bytes(random_bytes())) }
    }

    pub(crate) fn set_status(&self, user_id: &UserId, status: PresenceStatus) {
        if let Some(present) = self.lock().users.get_mut(user_id) {
            present.status = status;
        }
    }

    /// What others may see of a user: offline when not connected, or when the user says so.
    pub(crate) fn status(&self, user_id: &UserId) -> PresenceStatus {
        self.lock().users.get(user_id).map_or(PresenceStatus::Offline, |present| present.status.clone())
    }

    pub(crate) fn is_online(&self, user_id: &UserId) -> bool {
        self.lock().users.contains_key(user_id)
    }

    pub(crate) fn is_connected(&self, device: DeviceKey) -> bool {
        self.lock().devices.contains_key(&device)
    }

    pub(crate) fn online_users(&self) -> u64 {
        self.lock().users.len() as u64
    }

    /// How much there is of what.
    pub(crate) fn load(&self) -> Load {
        let connected = self.lock();
        Load {
            users: connected.users.len() as u64,
            devices: connected.devices.len() as u64,
            queued: connected.devices.values().map(|outbox| outbox.queued()).sum(),
        }
    }

    /// Sends something that nobody stores, and of which this user is the cause, to all connections of these users.
    pub(crate) fn send_ephemeral<'a>(
        &self,
        users: impl IntoIterator<Item = &'a UserId>,
        rank: Rank,
        from: UserKey,
        frame: String,
    ) {
        // Once for all of them.
        let frame = Bytes::from(frame);
        let connected = self.lock();
        for present in users.into_iter().filter_map(|user| connected.users.get(user)) {
            for (_, outbox) in &present.devices {
                outbox.push_ephemeral(Notice { rank, from, frame: frame.clone() });
            }
        }
    }
}

impl Observer for Hub {
    fn committed(&self, deliveries: Vec<Delivery>) {
        let connected = self.lock();
        for delivery in deliveries {
            if let Some(outbox) = connected.devices.get(&delivery.device) {
                outbox.push(delivery);
            }
        }
    }
}

/// When one of so many connections is to come back; `random` is anything, evenly distributed.
fn return_after_ms(connections: u64, random: u32) -> u64 {
    let spread = (connections.saturating_mul(1_000) / RETURNS_PER_SECOND).clamp(*SPREAD_MS.start(), *SPREAD_MS.end());
    SOONEST_RETURN_MS + spread * u64::from(random) / u64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_come_back_over_a_longer_time() {
        assert_eq!(return_after_ms(1, 0), 500);
        assert_eq!(return_after_ms(1, u32::MAX), 1_500);
        assert_eq!(return_after_ms(5_000, u32::MAX), 10_500);
        assert_eq!(return_after_ms(5_000, u32::MAX / 2), 5_499);
        assert_eq!(return_after_ms(u64::MAX, u32::MAX), 60_500, "but not for ever");
    }
}
