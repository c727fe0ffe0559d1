//! What this device knows of its account's devices.

use std::time::Duration;

use privmsg_e2ee::{DeviceKeys, Member};
use privmsg_mls_public::{Device, DeviceList, KnownDevices, SigningKeyCertificate, Verdict};
use privmsg_protocol::DeviceId;
use privmsg_store::account::{self, Account};
use privmsg_store::holds::{self, LONGEST_MS, Reason, Scope};
use privmsg_store::{Snapshot, StoreError, TaskName, Tx, groups, known_devices};

use crate::device_lists;
use crate::error::ClientError;
use crate::events::Event;
use crate::identity::{Identity, public_identity};

/// The queue.
pub(crate) const TASK: TaskName = TaskName::new("own_devices");

/// What this device knows of its account's devices.
pub(crate) fn known(at: &Snapshot<'_>, account: &Account) -> Result<KnownDevices, ClientError> {
    device_lists::load(at, &account.user_id, public_identity(account)?)
}

/// Whether this device stands in the list that it knows.
pub(crate) fn stands(known: &KnownDevices, account: &Account) -> bool {
    let key = DeviceKeys::from_bytes(&account.device_key).public();
    account.device_id.as_ref().is_some_and(|id| known.counts(id, &key))
}

/// The list that counts for the leaves of one's own devices; `None` where nothing was learnt, as before a first sign-in is
/// finished.
pub(crate) fn listed(at: &Snapshot<'_>, identity: &Identity) -> Result<Option<KnownDevices>, ClientError> {
    let known = device_lists::load(at, &identity.user_id, identity.account)?;
    Ok(Some(known).filter(|known| known.number().is_some()))
}

/// Whether somebody in a conversation is a device of this user's account, and does not stand in the list.
pub(crate) fn is_stranger(listed: Option<&KnownDevices>, identity: &Identity, member: &Member) -> bool {
    member.user_id == identity.user_id
        && listed.is_some_and(|listed| !listed.counts(&member.device_id, &member.device_key))
}

/// Whether any of these is.
pub(crate) fn has_strangers(at: &Snapshot<'_>, identity: &Identity, members: &[Member]) -> Result<bool, ClientError> {
    let listed = listed(at, identity)?;
    Ok(members.iter().any(|member| is_stranger(listed.as_ref(), identity, member)))
}

/// This device, as it stands in lists.
pub(crate) fn this_device(account: &Account, added_at: u64) -> Result<Device, ClientError> {
    let device_id = account.device_id.clone().ok_or(ClientError::NotSignedIn)?;
    Ok(Device { device_id, device_key: DeviceKeys::from_bytes(&account.device_key).public(), added_at })
}

/// Learns a list of the account's, from whomever it comes. One under another identity is an alarm, and nothing is learnt:
/// another identity for one's own account is never followed by itself.
pub(crate) fn learn(tx: &Tx<'_>, account: &Account, list: DeviceList, now_ms: i64) -> Result<Vec<Event>, ClientError> {
    let mut known = known(tx, account)?;
    let (before, stood) = (known.clone(), stands(&known, account));
    let Ok(verdict) = known.learn(list) else { return alarm(tx, Reason::AnotherOwnIdentity, now_ms) };
    known_devices::save(tx, &account.user_id, known.identity().as_bytes(), &known.encode())?;
    match verdict {
        Verdict::Older => Ok(Vec::new()),
        Verdict::Known if known.is_in_conflict() => Ok(Vec::new()),
        Verdict::Known => {
            no_alarm(tx)?;
            Ok(Vec::new())
        }
        Verdict::Conflict => {
            reconcile(tx)?;
            alarm(tx, Reason::DeviceListConflict, now_ms)
        }
        Verdict::Newer => {
            no_alarm(tx)?;
            reconcile(tx)?;
            call_back(tx, &known)?;
            Ok(changes(&before, &known, account, stood))
        }
    }
}

/// A signing key whose generation has been called back signs nothing that anybody believes.
fn call_back(tx: &Tx<'_>, known: &KnownDevices) -> Result<(), ClientError> {
    let Some(account) = account::load(tx)? else { return Ok(()) };
    let called_back = account.signing.as_ref().is_some_and(|signing| {
        SigningKeyCertificate::decode(&signing.certificate).is_ok_and(|by| known.has_called_back(&by))
    });
    if called_back {
        account::save(tx, &Account { signing: None, ..account })?;
    }
    Ok(())
}

/// Devices may have to leave conversations.
fn reconcile(tx: &Tx<'_>) -> Result<(), StoreError> {
    groups::all(tx)?.iter().try_for_each(|group| groups::set_reconcile(tx, &group.group_id))
}

fn changes(before: &KnownDevices, now: &KnownDevices, account: &Account, stood: bool) -> Vec<Event> {
    let stands = stands(now, account);
    let mut events = Vec::new();
    let is_this = |device: &DeviceId| account.device_id.as_ref() == Some(device);
    // What a device finds when it comes in is no news.
    if before.number().is_some() && stands {
        let new = now.devices().iter().filter(|device| !before.counts(&device.device_id, &device.device_key));
        events.extend(
            new.filter(|device| !is_this(&device.device_id))
                .map(|device| Event::DeviceAdded { device: device.device_id.clone(), added_at: device.added_at }),
        );
        let gone = before.devices().iter().filter(|device| !now.counts(&device.device_id, &device.device_key));
        events.extend(gone.map(|device| Event::DeviceRemoved { device: device.device_id.clone() }));
    }
    if stood && !stands {
        events.push(Event::LeftOut);
    }
    events
}

/// Notes what a person has to know; told once, and shown until it is over.
fn alarm(tx: &Tx<'_>, reason: Reason, now_ms: i64) -> Result<Vec<Event>, ClientError> {
    let pause = Duration::from_millis(LONGEST_MS.unsigned_abs());
    let shown = holds::all(tx)?.into_iter().any(|hold| hold.task == TASK && hold.reason == reason);
    holds::put(tx, &TASK, Scope::Profile, &reason, now_ms, |_| pause)?;
    Ok(if shown { Vec::new() } else { vec![Event::OwnDevicesAlarm { reason }] })
}

fn no_alarm(tx: &Tx<'_>) -> Result<(), StoreError> {
    holds::forget_of(tx, &TASK, Scope::Profile)
}
