//! What has been changed in groups of people in the account's name while a device was there that was removed as stolen.
//!
//! Rosters are signed with the account's key, which each of its devices has: nothing says which of them has signed one. So all is
//! listed since the first of those came that do not stay, once for each group, for the user to say what is right. It goes by the rosters
//! that this device has learnt, however they came, and not by what the chat tells.

use privmsg_mls_public::{Device, KnownDevices};
use privmsg_store::account::Account;
use privmsg_store::listed_devices::{self, Listed};
use privmsg_store::messages::Kind;
use privmsg_store::{Tx, group_chats, group_steps};

use super::learn::insert_content;
use crate::error::{ClientError, During as _};
use crate::events::Event;
use crate::group::news::StepsToConfirm;
use crate::group::rosters;

/// How far the number of a generation, and the date of a device, may be ahead of the clock by which this device has noted steps.
const CLOCKS_APART_S: u64 = 24 * 3600;

/// A generation has begun, and some devices that were there do not stay.
pub(super) fn list(
    tx: &Tx<'_>,
    account: &Account,
    before: &KnownDevices,
    now: &KnownDevices,
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let stands = |known: &KnownDevices, one: &Listed| {
        let same =
            |device: &&Device| device.device_id == one.device_id && *device.device_key.as_bytes() == one.device_key;
        known.devices().iter().any(|device| same(&device))
    };
    let mut gone = listed_devices::all(tx)?;
    // Of itself this device knows better: it waits to be let in again.
    gone.retain(|one| !stands(now, one) && account.device_id.as_ref() != Some(&one.device_id));
    gone.sort_by_key(|one| (!stands(before, one), one.first_added));
    // Whoever has stolen one may have signed it out themselves. What was signed with the keys before those was called back then.
    let (Some(named), Some(came)) = (gone.first(), gone.iter().map(|one| one.first_added).min()) else {
        return Ok(Vec::new());
    };
    let since = came.max(before.generation()).saturating_sub(CLOCKS_APART_S);
    let since_ms = i64::try_from(since).unwrap_or(i64::MAX).saturating_mul(1000);
    let mut events = Vec::new();
    for (group, _) in group_chats::all(tx)? {
        let Some(newest) = rosters::newest(tx, group)? else { continue };
        let touched = group_steps::since(tx, group, since_ms)?;
        let steps = StepsToConfirm::of(&named.device_id, &account.user_id, touched, &newest);
        let Some(steps) = steps else { continue };
        let content = serde_json::to_vec(&steps).during("storing what is to be confirmed in a group")?;
        let line = (Kind::STEPS_TO_CONFIRM, &named.device_id, content.as_slice());
        events.extend(insert_content(tx, &account.user_id, group, line, (now_ms, now_ms))?);
    }
    Ok(events)
}
