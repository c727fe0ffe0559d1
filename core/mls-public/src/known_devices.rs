//! What a device knows of an account's devices: its own account's or a contact's.
//!
//! ```text
//! number = (generation, counter), the higher is the newer
//!
//!   lower than known    older: no effect
//!   equal, same devices known
//!   equal, others       conflict: only what stands in *all* lists of this number counts, until there is a higher one
//!   higher              newer: it alone counts
//! ```
//!
//! A certificate without its list, and a generation that the person's own screen named, count too: what stands in lists
//! of lower generations has been called back. All of it depends on what was learnt, never on the order.

mod stored;

use privmsg_protocol::{DeviceId, UserId};

use crate::device_list::{Device, DeviceList, ListNumber};
use crate::keys::{AccountPublicKey, DevicePublicKey, SigningPublicKey};
use crate::numbers::following;
use crate::signing_certificate::SigningKeyCertificate;

/// What is kept where one number or generation says two things: enough to show that it does.
const EVIDENCE: usize = 2;

/// What a list or a certificate has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing: it was known.
    Known,
    /// Nothing: there is a newer one.
    Older,
    /// It is the newest.
    Newer,
    /// An alarm: somebody else signs with this account's keys, or the server has lost a list and another was made.
    Conflict,
}

/// A statement of another account, or of another identity under the same name, which is for a person to decide about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signed by another identity")]
pub struct OtherIdentity;

/// The devices of one account under one identity, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDevices {
    user_id: UserId,
    identity: AccountPublicKey,
    /// The highest that is known, 0 for none.
    generation: u64,
    /// Some of the signing keys that the identity has vouched for in it, the lowest ones, sorted. More than one is an
    /// alarm.
    keys: Vec<SigningPublicKey>,
    /// Some of the lists with the highest number, those with the lowest devices, sorted. More than one is an alarm.
    lists: Vec<DeviceList>,
    /// What stands in all lists with the highest number.
    devices: Vec<Device>,
}

impl KnownDevices {
    /// Nothing is known yet but who it is.
    #[must_use]
    pub const fn new(user_id: UserId, identity: AccountPublicKey) -> Self {
        Self { user_id, identity, generation: 0, keys: Vec::new(), lists: Vec::new(), devices: Vec::new() }
    }

    /// Learns a list, from whomever it comes.
    ///
    /// # Errors
    /// [`OtherIdentity`], and nothing is learnt.
    pub fn learn(&mut self, list: DeviceList) -> Result<Verdict, OtherIdentity> {
        let second_key = self.learn_certificate(list.certificate())? == Verdict::Conflict;
        let verdict = match self.number() {
            Some(number) if list.number() < number => Verdict::Older,
            Some(number) if list.number() == number => self.learn_equal(list),
            _ => {
                self.devices = list.devices().to_vec();
                self.lists = vec![list];
                Verdict::Newer
            }
        };
        Ok(if second_key { Verdict::Conflict } else { verdict })
    }

    fn learn_equal(&mut self, list: DeviceList) -> Verdict {
        self.devices.retain_mut(|device| {
            let same = |other: &&Device| other.device_id == device.device_id && other.device_key == device.device_key;
            let other = list.devices().iter().find(same);
            device.added_at = device.added_at.min(other.map_or(u64::MAX, |other| other.added_at));
            other.is_some()
        });
        match self.lists.iter_mut().find(|known| known.devices() == list.devices()) {
            // A signature can be made in more than one way.
            Some(known) => {
                if list.encode() < known.encode() {
                    *known = list;
                }
                Verdict::Known
            }
            None => {
                self.lists.push(list);
                self.lists.sort_by(|a, b| a.devices().cmp(b.devices()));
                self.lists.truncate(EVIDENCE);
                Verdict::Conflict
            }
        }
    }

    /// Learns that a generation has begun, where its list is not at hand.
    ///
    /// # Errors
    /// [`OtherIdentity`], and nothing is learnt.
    pub fn learn_certificate(&mut self, certificate: &SigningKeyCertificate) -> Result<Verdict, OtherIdentity> {
        if *certificate.user_id() != self.user_id || *certificate.identity_key() != self.identity {
            return Err(OtherIdentity);
        }
        if certificate.generation() < self.generation {
            return Ok(Verdict::Older);
        }
        let newer = certificate.generation() > self.generation || self.keys.is_empty();
        self.require_generation(certificate.generation());
        if self.keys.contains(certificate.signing_key()) {
            return Ok(Verdict::Known);
        }
        self.keys.push(*certificate.signing_key());
        self.keys.sort();
        self.keys.truncate(EVIDENCE);
        Ok(if newer { Verdict::Newer } else { Verdict::Conflict })
    }

    /// Takes it from a code on the person's own screen that there is this generation. Not from a link that came some
    /// other way: nobody has signed it, and a number that does not exist would silence the account here for good.
    pub fn require_generation(&mut self, generation: u64) {
        if generation > self.generation {
            self.generation = generation;
            self.keys.clear();
        }
    }

    /// Whose devices they are.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The identity that vouches for them.
    #[must_use]
    pub const fn identity(&self) -> &AccountPublicKey {
        &self.identity
    }

    /// Whether the account has begun a newer generation since, so that what is signed under this certificate proves
    /// nothing any more. Of another account's or identity's certificate nothing is known here.
    #[must_use]
    pub fn has_called_back(&self, certificate: &SigningKeyCertificate) -> bool {
        *certificate.user_id() == self.user_id
            && *certificate.identity_key() == self.identity
            && certificate.generation() < self.generation
    }

    /// The highest generation that is known, 0 for none.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The number of the newest list.
    #[must_use]
    pub fn number(&self) -> Option<ListNumber> {
        self.lists.first().map(DeviceList::number)
    }

    /// The newest list, as it is passed on. Where there are two, each is as good as evidence.
    #[must_use]
    pub fn lists(&self) -> &[DeviceList] {
        &self.lists
    }

    /// The devices that count.
    #[must_use]
    pub fn devices(&self) -> &[Device] {
        // The devices of a generation that was called back do not, though no newer list is known.
        if self.number().is_some_and(|number| number.generation == self.generation) { &self.devices } else { &[] }
    }

    /// Whether this device is the account's.
    #[must_use]
    pub fn counts(&self, device_id: &DeviceId, device_key: &DevicePublicKey) -> bool {
        self.devices().iter().any(|device| device.device_id == *device_id && device.device_key == *device_key)
    }

    /// Whether one number says two things, or one generation has two keys.
    #[must_use]
    pub fn is_in_conflict(&self) -> bool {
        self.lists.len() > 1 || self.keys.len() > 1
    }

    /// Whether a list is missing: the account itself has named a number that is higher than what is known, or a
    /// generation has begun whose list is not.
    #[must_use]
    pub fn misses(&self, named: Option<ListNumber>) -> bool {
        let known = self.number();
        named > known || known.map_or(0, |number| number.generation) < self.generation
    }

    /// The generation to begin next.
    #[must_use]
    pub fn next_generation(&self, now: u64) -> Option<u64> {
        following(self.generation, now)
    }

    /// The counter of the next list in this generation. Counters of another say nothing about it: the highest that
    /// there is, which a thief can sign, ends with the thief's generation.
    #[must_use]
    pub fn next_counter(&self, generation: u64, now: u64) -> Option<u64> {
        let known = self.number().filter(|number| number.generation == generation);
        following(known.map_or(0, |number| number.counter), now)
    }
}
