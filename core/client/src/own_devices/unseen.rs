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
use crate::error::ClientError;
use crate::events::Event;

/// Longer than holidays: a device that is away for so long is in a drawer, or in somebody else's hands.
pub(crate) const LONG_S: i64 = 60 * 24 * 3600;

/// Before this program was written there was no such server, s.
const EARLIEST_S: i64 = 1_735_689_600;

/// When a device was last there, where that is long ago, s. One that never was counts from its first sign-in.
pub(crate) fn unseen_since(device: &rest::Device, now_s: i64) -> Option<i64> {
    let last = seconds(device.last_seen_at.as_deref().unwrap_or(&device.created_at))?;
    (last >= EARLIEST_S && now_s.saturating_sub(last) >= LONG_S).then_some(last)
}

/// A line in the notes for each device of the list that was not there for long, by the server's word; one for each time that it stays away.
pub(crate) fn tell(
    tx: &Tx<'_>,
    account: &Account,
    served: &[rest::Device],
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let known = learn::known(tx, account)?;
    let mut events = Vec::new();
    for device in served.iter().filter(|device| Some(&device.device_id) != account.device_id.as_ref()) {
        let Some((since, listed)) = unseen_since(device, now_ms / 1000).zip(listed(&known, device)) else { continue };
        if !listed_devices::note_unseen(tx, &listed.device_id, listed.device_key.as_bytes(), since)? {
            continue;
        }
        events.extend(learn::note_of(tx, account, Kind::DEVICE_UNSEEN, &device.device_id, since * 1000, now_ms)?);
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

/// `YYYY-MM-DD HH:MM:SS`, UTC, in seconds since 1970.
fn seconds(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let three = |text: &str, between| {
        let mut numbers = text.splitn(3, between).map(|number| number.parse::<i64>().ok());
        Some((numbers.next()??, numbers.next()??, numbers.next()??))
    };
    let ((year, month, day), (hour, minute, second)) = (three(date, '-')?, three(time, ':')?);
    let are_fine = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !are_fine {
        return None;
    }
    // Years that begin in March have their odd day at the end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use privmsg_protocol::DeviceId;

    use super::*;

    #[test]
    fn times_of_the_server_are_read() {
        for (text, expected) in [
            ("1970-01-01 00:00:00", Some(0)),
            ("2000-02-29 12:00:00", Some(951_825_600)),
            ("2024-12-31 23:59:59", Some(1_735_689_599)),
            ("2026-11-27 14:10:00", Some(1_795_788_600)),
            ("2026-13-27 14:10:00", None),
            ("2026-11-27T14:10:00", None),
            ("9223372036854775807-11-27 14:10:00", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

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
        let seen = seconds("2026-02-01 00:00:00").unwrap();
        for (last, ago, expected) in [
            (Some("2026-02-01 00:00:00"), LONG_S - 1, None),
            (Some("2026-02-01 00:00:00"), LONG_S, Some(seen)),
            (None, LONG_S - 31 * 24 * 3600, Some(seen - 31 * 24 * 3600)),
            (Some("1970-01-01 00:00:00"), LONG_S, None),
            (Some("2999-01-01 00:00:00"), LONG_S, None),
        ] {
            assert_eq!(unseen_since(&device(last), seen + ago), expected, "{last:?}");
        }
    }
}
