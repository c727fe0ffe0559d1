//! What this device knows of its account's devices.

use std::time::Duration;

use privmsg_e2ee::DeviceKeys;
use privmsg_mls_public::{Device, DeviceList, KnownDevices, SigningKeyCertificate, Verdict};
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::account::{self, Account};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::contacts::words;
use privmsg_store::holds::{self, LONGEST_MS, Reason, Scope};
use privmsg_store::messages::{self, Direction, Kind, NewMessage};
use privmsg_store::position::Place;
use privmsg_store::{Snapshot, StoreError, TaskName, Tx, groups, known_devices, listed_devices, reached, settings};

use super::{remembered, steps};
use crate::content::{decisions, new_message_id};
use crate::device_lists;
use crate::error::ClientError;
use crate::events::Event;
use crate::identity::public_identity;

/// The queue.
pub(crate) const TASK: TaskName = TaskName::new("own_devices");

/// How often there was a newer list.
const NEWS: &str = "own_lists";

/// How often there was a newer list: what was asked under an older one is asked again.
pub(crate) fn news(at: &Snapshot<'_>) -> Result<i64, StoreError> {
    Ok(settings::get(at, NEWS)?.unwrap_or(0))
}

/// What waits for the end of a replacement of the identity.
const REPLACEMENT: TaskName = TaskName::new("replacement");

/// What waits for a server that serves what the identity has signed for.
const SPOILT: TaskName = TaskName::new("sealed_copy");

/// What waits for a server that shows others the account's identity.
const PROFILE: TaskName = TaskName::new("own_profile");

/// What waits for a server that serves the sealed identity.
const SEALED: TaskName = TaskName::new("sealed_identity");

/// What this device knows of its account's devices.
pub(crate) fn known(at: &Snapshot<'_>, account: &Account) -> Result<KnownDevices, ClientError> {
    device_lists::load(at, &account.user_id, public_identity(account)?)
}

/// Whether this device stands in the list that it knows.
pub(crate) fn stands(known: &KnownDevices, account: &Account) -> bool {
    let key = DeviceKeys::from_bytes(&account.device_key).public();
    account.device_id.as_ref().is_some_and(|id| known.counts(id, &key))
}

/// This device, as it stands in lists.
pub(crate) fn this_device(account: &Account, added_at: u64) -> Result<Device, ClientError> {
    let device_id = account.device_id.clone().ok_or(ClientError::NotSignedIn)?;
    Ok(Device { device_id, device_key: DeviceKeys::from_bytes(&account.device_key).public(), added_at })
}

/// Learns a list of the account's, from whomever it comes. One under another identity is an alarm, and nothing is learnt:
/// another identity for one's own account is never followed by itself.
pub(crate) fn learn(tx: &Tx<'_>, account: &Account, list: DeviceList, now_ms: i64) -> Result<Vec<Event>, ClientError> {
    learn_by(tx, account, list, By::Another, now_ms)
}

/// Whose list it is: what this device does itself, it does not announce to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    This,
    Another,
}

/// As [`learn`], of a list by this device, or by another one.
pub(crate) fn learn_by(
    tx: &Tx<'_>,
    account: &Account,
    list: DeviceList,
    by: By,
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let mut known = known(tx, account)?;
    let (before, stood) = (known.clone(), stands(&known, account));
    let Ok(verdict) = known.learn(list) else { return alarm(tx, &TASK, Reason::AnotherOwnIdentity, now_ms) };
    known_devices::save(tx, &account.user_id, known.identity().as_bytes(), &known.encode())?;
    match verdict {
        Verdict::Older => Ok(Vec::new()),
        Verdict::Known if known.is_in_conflict() => Ok(Vec::new()),
        Verdict::Known => {
            no_alarm(tx)?;
            Ok(Vec::new())
        }
        Verdict::Conflict => {
            remembered::note(tx, &known, news(tx)?)?;
            reconcile(tx)?;
            alarm(tx, &TASK, Reason::DeviceListConflict, now_ms)
        }
        Verdict::Newer => {
            no_alarm(tx)?;
            reconcile(tx)?;
            settings::set(tx, NEWS, news(tx)? + 1)?;
            remembered::note(tx, &known, news(tx)?)?;
            call_back(tx, &known)?;
            let mut events = if stood && !stands(&known, account) { vec![Event::LeftOut] } else { Vec::new() };
            let mut listed: Vec<DeviceId> = known.devices().iter().map(|device| device.device_id.clone()).collect();
            // Of one that was seen under another key, too, nobody can say which of the two it was that has said something.
            let doubtful = listed_devices::under_several_keys(tx)?;
            listed.retain(|device| !doubtful.contains(device));
            // Under another identity, or in a later generation, whoever is not there may be in others' hands.
            let begun = before.number().is_none() || known.generation() > before.generation();
            if words::weigh_devices(tx, &listed, begun)? {
                let this = this_device(account, 0)?.device_id;
                events.extend(announce_one(tx, account, Kind::TO_CONFIRM, &this, now_ms, now_ms)?);
            }
            if begun {
                reached::keep_only_by(tx, &listed)?;
            }
            if let (true, Some(this)) = (begun, &account.device_id) {
                events.extend(decisions::undo(tx, (&account.user_id, this), &listed, now_ms)?);
            }
            if known.generation() > before.generation() {
                events.extend(steps::list(tx, account, &before, &known, now_ms)?);
            }
            if by == By::Another {
                events.extend(announce(tx, &before, &known, account, now_ms)?);
            }
            Ok(events)
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

/// Which devices have come and gone, as lines in the notes to oneself: they last until they are read. What a device finds
/// when it comes in is no news.
fn announce(
    tx: &Tx<'_>,
    before: &KnownDevices,
    now: &KnownDevices,
    account: &Account,
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let this = account.device_id.as_ref();
    if before.number().is_none() || !stands(now, account) {
        return Ok(Vec::new());
    }
    let is_in = |known: &KnownDevices, device: &Device| known.counts(&device.device_id, &device.device_key);
    let new = now.devices().iter().filter(|device| !is_in(before, device) && this != Some(&device.device_id));
    let new = new.map(|device| {
        let since = i64::try_from(device.added_at).unwrap_or(i64::MAX).saturating_mul(1000);
        (Kind::DEVICE_ADDED, device, since)
    });
    let gone = before.devices().iter().filter(|device| !is_in(now, device));
    let gone = gone.map(|device| (Kind::DEVICE_REMOVED, device, now_ms));
    let mut events = Vec::new();
    for (kind, device, at) in new.chain(gone) {
        events.extend(announce_one(tx, account, kind, &device.device_id, at, now_ms)?);
    }
    Ok(events)
}

/// A line in the notes to oneself about a device of one's own, dated as it says.
pub(super) fn announce_one(
    tx: &Tx<'_>,
    account: &Account,
    kind: Kind,
    device: &DeviceId,
    at: i64,
    now_ms: i64,
) -> Result<Option<Event>, ClientError> {
    let chat = chats::ensure(tx, &ChatKind::SelfNotes, now_ms)?;
    insert(tx, &account.user_id, chat, (kind, device), (at, now_ms))
}

/// A line in a chat, if there is one, that names a device of one's own.
pub(crate) fn line(
    tx: &Tx<'_>,
    own: &UserId,
    chat: &ChatKind,
    kind: Kind,
    device: &DeviceId,
    now_ms: i64,
) -> Result<Option<Event>, ClientError> {
    match chats::find(tx, chat)? {
        Some(chat) => insert(tx, own, chat, (kind, device), (now_ms, now_ms)),
        None => Ok(None),
    }
}

fn insert(
    tx: &Tx<'_>,
    own: &UserId,
    chat: ChatId,
    (kind, device): (Kind, &DeviceId),
    times: (i64, i64),
) -> Result<Option<Event>, ClientError> {
    insert_content(tx, own, chat, (kind, device, device.as_str().as_bytes()), times)
}

/// A line about a device of one's own that says more than its name.
pub(super) fn insert_content(
    tx: &Tx<'_>,
    own: &UserId,
    chat: ChatId,
    (kind, device, content): (Kind, &DeviceId, &[u8]),
    (at, now_ms): (i64, i64),
) -> Result<Option<Event>, ClientError> {
    let notice = NewMessage {
        chat,
        message_id: new_message_id(now_ms)?,
        sender_id: own,
        sender_device: device,
        place: Place::Here,
        expires_at: None,
        sent_at: at,
        received_at: now_ms,
        kind,
        content,
    };
    let id = messages::insert(tx, &notice, Direction::Incoming)?;
    Ok(id.map(|id| Event::Received { id, chat }))
}

/// Notes whether somebody has begun to put another identity in the place of this one.
pub(crate) fn note_replacement(tx: &Tx<'_>, begun: bool, now_ms: i64) -> Result<(), StoreError> {
    if !begun {
        return holds::forget_of(tx, &REPLACEMENT, Scope::Profile);
    }
    let pause = Duration::from_millis(LONGEST_MS.unsigned_abs());
    holds::put(tx, &REPLACEMENT, Scope::Profile, &Reason::ReplacementBegun, now_ms, |_| pause).map(drop)
}

/// A line in the notes to oneself: this device was signed out, and by which other one, as the server says.
pub(crate) fn signed_out_by(tx: &Tx<'_>, by: &DeviceId, now_ms: i64) -> Result<Vec<Event>, ClientError> {
    let Some(account) = account::load(tx)? else { return Ok(Vec::new()) };
    Ok(announce_one(tx, &account, Kind::SIGNED_OUT_HERE, by, now_ms, now_ms)?.into_iter().collect())
}

/// Notes that there is another identity in this account's place.
pub(crate) fn another_identity(tx: &Tx<'_>, now_ms: i64) -> Result<Vec<Event>, ClientError> {
    alarm(tx, &SEALED, Reason::AnotherOwnIdentity, now_ms)
}

/// Notes which identity the server shows others as the account's. That it shows none harms nobody: they begin no conversation.
pub(crate) fn note_published(
    tx: &Tx<'_>,
    account: &Account,
    published: Option<&str>,
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let own = public_identity(account)?.to_string();
    if published.is_some_and(|published| published != own) {
        return alarm(tx, &PROFILE, Reason::AnotherOwnIdentity, now_ms);
    }
    holds::forget_of(tx, &PROFILE, Scope::Profile)?;
    Ok(Vec::new())
}

/// Notes whether the server serves another sealed identity than the account's has signed for.
pub(super) fn note_spoilt(tx: &Tx<'_>, is_spoilt: bool, now_ms: i64) -> Result<Vec<Event>, ClientError> {
    if is_spoilt {
        return alarm(tx, &SPOILT, Reason::SealedIdentitySpoilt, now_ms);
    }
    holds::forget_of(tx, &SPOILT, Scope::Profile)?;
    // What stands there is the account's again.
    holds::forget_of(tx, &SEALED, Scope::Profile)?;
    Ok(Vec::new())
}

/// What is wrong with the account by what this device has found, each once. It is so until something else is found, however long ago
/// that was.
pub(crate) fn alarms(at: &Snapshot<'_>) -> Result<Vec<Reason>, StoreError> {
    let mut alarms = Vec::new();
    for hold in holds::all(at)? {
        if hold.scope == Scope::Profile && hold.reason.is_alarm() && !alarms.contains(&hold.reason) {
            alarms.push(hold.reason);
        }
    }
    Ok(alarms)
}

/// Notes what a person has to know; told once, and shown until it is over.
fn alarm(tx: &Tx<'_>, task: &TaskName, reason: Reason, now_ms: i64) -> Result<Vec<Event>, ClientError> {
    let pause = Duration::from_millis(LONGEST_MS.unsigned_abs());
    let shown = holds::all(tx)?.into_iter().any(|hold| hold.task == *task && hold.reason == reason);
    holds::put(tx, task, Scope::Profile, &reason, now_ms, |_| pause)?;
    Ok(if shown { Vec::new() } else { vec![Event::OwnDevicesAlarm { reason }] })
}

fn no_alarm(tx: &Tx<'_>) -> Result<(), StoreError> {
    holds::forget_of(tx, &TASK, Scope::Profile)
}
