//! Who is connected, and how what has been committed reaches them.

mod outbox;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use privmsg_protocol::UserId;
use privmsg_protocol::frames::PresenceStatus;

pub(crate) use outbox::{CloseReason, Outbox};

use crate::counters::Counters;
use crate::storage::{Delivery, DeviceKey, Observer, Session};

/// All connections of this server.
#[derive(Default)]
pub(crate) struct Hub {
    connected: Mutex<Connected>,
    /// Here because it is the hub that the storage tells.
    counters: Arc<Counters>,
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

impl Hub {
    pub(crate) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

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

    pub(crate) fn set_status(&self, user_id: &UserId, status: PresenceStatus) {
        if let Some(present) = self.lock().users.get_mut(user_id) {
            present.status = status;
        }
    }

    /// What others may see of a user: offline when not connected, or when the user says so.
    pub(crate) fn status(&self, user_id: &UserId) -> PresenceStatus {
        self.lock().users.get(user_id).map_or(PresenceStatus::Offline, |present| present.status.clone())
    }

    pub(crate) fn online_users(&self) -> u64 {
        self.lock().users.len() as u64
    }

    /// Sends something that nobody stores to all connections of these users. Returns whether there was any.
    pub(crate) fn send_ephemeral<'a>(&self, users: impl IntoIterator<Item = &'a UserId>, frame: String) -> bool {
        // Once for all of them.
        let frame = Bytes::from(frame);
        let connected = self.lock();
        let mut any = false;
        for present in users.into_iter().filter_map(|user| connected.users.get(user)) {
            for (_, outbox) in &present.devices {
                outbox.push_ephemeral(frame.clone());
                any = true;
            }
        }
        any
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

    fn accepted(&self, messages: u64) {
        self.counters.messages.add(messages);
    }
}
