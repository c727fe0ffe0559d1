//! Devices of one's own that have not come back for long: they read everything that is said, and nobody knows whether anybody has them.
//!
//! When a device was last there only the server knows, and it may say anything. So it is told, and nothing is signed out for it:
//! that is the user's to decide.

use privmsg_mls_public::{Device, KnownDevices};
use privmsg_protocol::rest;
use privmsg_store::account::Account;
use privmsg_store::messages::Kind;
use privmsg_store::{Tx, listed_devices};

use super::learn;
use crate::clock::server_time;
use crate::error::ClientError;
use crate::events::Event;

/// Longer than holidays: a device that is away for so long is in a drawer, or in somebody else's hands.
pub(crate) const LONG_S: i64 = 60 * 24 * 3600;

/// Before this program was written there was no such server, s.
const EARLIEST_S: i64 = 1_735_689_600;

/// When a device was last there that was let in at `added_at`, where that is long ago, s. One that never was counts from its first
/// sign-in. Who was let in lately was there, whatever the server says.
pub(crate) fn unseen_since(device: &rest::Device, added_at: u64, now_s: i64) -> Option<i64> {
    let last = server_time(device.last_seen_at.as_deref().unwrap_or(&device.created_at))?;
    let since = last.max(i64::try_from(added_at).unwrap_or(i64::MAX));
    (last >= EARLIEST_S && now_s.saturating_sub(since) >= LONG_S).then_some(since)
}

/// A line in the notes for each device of the list that was not there for long, by the server's word; another one only after it has
/// been there since, and so never sooner than that long after.
pub(crate) fn tell(
    tx: &Tx<'_>,
    account: &Account,
    served: &[rest::Device],
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let known = learn::known(tx, account)?;
    let mut events = Vec::new();
    for device in served.iter().filter(|device| Some(&device.device_id) != account.device_id.as_ref()) {
        let Some(listed) = listed(&known, device) else { continue };
        let Some(since) = unseen_since(device, listed.added_at, now_ms / 1000) else { continue };
        if !listed_devices::note_unseen(tx, &listed.device_id, listed.device_key.as_bytes(), since, now_ms / 1000)? {
            continue;
        }
        events.extend(learn::announce_one(tx, account, Kind::DEVICE_UNSEEN, &device.device_id, since * 1000, now_ms)?);
    }
    Ok(events)
}

/// What stands in the list by the name and key that the server gives.
fn listed<'a>(known: &'a KnownDevices, served: &rest::Device) -> Option<&'a Device> {
    known.devices().iter().find(|listed| {
        let key = Some(listed.device_key.to_string());
        listed.device_id == served.device_id && key == served.device_public_key
    })
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::DeviceId;

    use super::*;

    #[test]
    fn sixty_days_are_long() {
        let device = |last_seen_at: Option<&str>| rest::Device {
            device_id: DeviceId::new("tablet").unwrap(),
            device_name: None,
            device_type: None,
            device_public_key: None,
            created_at: "2026-01-01 00:00:00".to_owned(),
            last_seen_at: last_seen_at.map(ToOwned::to_owned),
            current: false,
            waiting: false,
        };
        let seen = server_time("2026-02-01 00:00:00").unwrap();
        for (last, ago, expected) in [
            (Some("2026-02-01 00:00:00"), LONG_S - 1, None),
            (Some("2026-02-01 00:00:00"), LONG_S, Some(seen)),
            (None, LONG_S - 31 * 24 * 3600, Some(seen - 31 * 24 * 3600)),
            (Some("1970-01-01 00:00:00"), LONG_S, None),
            (Some("2999-01-01 00:00:00"), LONG_S, None),
        ] {
            assert_eq!(unseen_since(&device(last), 0, seen + ago), expected, "{last:?}");
        }
        let last = device(Some("2026-02-01 00:00:00"));
        let let_in = |days: i64| u64::try_from(seen + days * 24 * 3600).unwrap();
        assert_eq!(unseen_since(&last, let_in(1), seen + LONG_S), None, "it was let in after that");
        assert_eq!(unseen_since(&last, let_in(-1), seen + LONG_S), Some(seen));
    }
}
