//! Devices that make groups and commits, for whoever wants to talk to a server without a client: an honest server takes
//! nothing else than real ones.

mod forging;
mod group;
mod people;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use openmls_rust_crypto::MemoryStorage;
use privmsg_e2ee::{
    AccountKey, AccountSigningKey, ClaimedKeyPackage, CommitBundle, Conversation, ConversationInfo, DeviceCertificate,
    DeviceKeys, OsRng, Person, Provider, Roster, generate_key_package,
};
use privmsg_protocol::{DeviceId, Incarnation, UserId};

pub use forging::Forgery;
pub use group::MlsGroup;

/// A device with keys of its own. Clones are the same device.
#[derive(Clone)]
pub struct MlsDevice(Arc<Device>);

struct Device {
    account: AccountKey,
    /// Of its owner, on this device; each has another, and all are of generation 1.
    signing_key: AccountSigningKey,
    keys: DeviceKeys,
    certificate: DeviceCertificate,
    /// The private parts of its key packages.
    disk: MemoryStorage,
}

impl MlsDevice {
    /// A device of a user, with the identity that follows from the user's name: so have all that are made here.
    ///
    /// # Errors
    /// If these are no names.
    pub fn of(user: &str, device: &str) -> Result<Self> {
        Self::with_keys(user, device, DeviceKeys::generate(&mut OsRng))
    }

    /// The same with these keys.
    ///
    /// # Errors
    /// As [`MlsDevice::of`].
    pub fn with_keys(user: &str, device: &str, keys: DeviceKeys) -> Result<Self> {
        let mut secret = [7; 32];
        secret.iter_mut().zip(user.bytes()).for_each(|(byte, letter)| *byte = letter);
        let account = AccountKey::from_bytes(&secret);
        let signing_key = account.begin_generation(&user.parse()?, 1, &mut OsRng)?;
        let certificate = signing_key.certify(&device.parse()?, &keys.public(), now_s());
        Ok(Self(Arc::new(Device { account, signing_key, keys, certificate, disk: MemoryStorage::default() })))
    }

    /// Its owner, as the identity key says who that is.
    #[must_use]
    pub fn person(&self) -> Person {
        Person { user_id: self.0.certificate.user_id().clone(), identity: self.0.account.public() }
    }

    fn name(&self) -> (UserId, DeviceId) {
        (self.0.certificate.user_id().clone(), self.0.certificate.device_id().clone())
    }

    /// A key package that others can add it with.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn key_package(&self) -> Result<ClaimedKeyPackage> {
        let (user, device) = self.name();
        Ok(ClaimedKeyPackage::validate(&self.new_key_package()?, &user, &device, now_s())?)
    }

    /// The same as bytes.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn new_key_package(&self) -> Result<Vec<u8>> {
        self.key_package_of(now_s())
    }

    /// One that was made at this time, in seconds since 1970.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn key_package_of(&self, now: u64) -> Result<Vec<u8>> {
        let provider = Provider::new(&self.0.disk);
        Ok(generate_key_package(&provider, &self.0.keys, &self.0.certificate, false, now, made_at())?.bytes)
    }

    /// The same for whoever adds the device without asking how long it is good.
    ///
    /// # Errors
    /// If OpenMLS makes none, or it is over.
    pub fn old_key_package(&self, now: u64) -> Result<ClaimedKeyPackage> {
        let (user, device) = self.name();
        Ok(ClaimedKeyPackage::validate(&self.key_package_of(now)?, &user, &device, now)?)
    }

    /// Makes a conversation of one or two with these others in it. It is as if the server had taken it.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn founds(&self, info: ConversationInfo, others: &[&Self]) -> Result<(MlsGroup, CommitBundle)> {
        self.makes(info, None, others)
    }

    /// Makes a group of people in this incarnation, with these other devices in it. It is as if the server had taken it.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn gathers(
        &self,
        roster: &Roster,
        incarnation: Incarnation,
        others: &[&Self],
    ) -> Result<(MlsGroup, CommitBundle)> {
        self.makes(ConversationInfo::group(roster, incarnation), Some(roster), others)
    }

    fn makes(
        &self,
        info: ConversationInfo,
        roster: Option<&Roster>,
        others: &[&Self],
    ) -> Result<(MlsGroup, CommitBundle)> {
        let packages = key_packages(others)?;
        let (id, disk) = (info.group_id(), MemoryStorage::default());
        let (device, provider) = (&self.0, Provider::new(&disk));
        let (keys, certificate) = (&device.keys, &device.certificate);
        let (_, bundle) =
            Conversation::create(&provider, keys, certificate, info, roster.cloned(), &packages, made_at())?;
        let group = MlsGroup::new(self, disk, id, roster);
        group.merges()?;
        Ok((group, bundle))
    }

    /// Joins a conversation of one or two by its welcome in this bundle.
    ///
    /// # Errors
    /// If there is none for it, or it cannot be used.
    pub fn joins(&self, bundle: &CommitBundle) -> Result<MlsGroup> {
        self.joins_people(bundle, None)
    }

    /// The same of a group of people with this roster.
    ///
    /// # Errors
    /// As [`MlsDevice::joins`].
    pub fn joins_people(&self, bundle: &CommitBundle, roster: Option<&Roster>) -> Result<MlsGroup> {
        let (_, own) = self.name();
        let mine = bundle.welcomes().into_iter().find(|(device, _)| *device == own);
        let (_, welcome) = mine.context("no welcome for this device")?;
        let disk = copy(&self.0.disk);
        let joined = Conversation::join(&Provider::new(&disk), &welcome, &bundle.ratchet_tree, roster.cloned())?;
        Ok(MlsGroup::new(self, disk, joined.group_id(), roster))
    }

    /// Joins by external commit, a group of people with this roster. It is as if the server had taken it.
    ///
    /// # Errors
    /// If it cannot.
    pub fn enters(
        &self,
        group_info: &[u8],
        ratchet_tree: &[u8],
        roster: Option<&Roster>,
    ) -> Result<(MlsGroup, CommitBundle)> {
        self.enters_at(group_info, ratchet_tree, roster, made_at())
    }

    /// The same with a leaf that says that it was made then.
    ///
    /// # Errors
    /// As [`MlsDevice::enters`].
    pub fn enters_at(
        &self,
        group_info: &[u8],
        ratchet_tree: &[u8],
        roster: Option<&Roster>,
        made_at: u64,
    ) -> Result<(MlsGroup, CommitBundle)> {
        let (device, disk) = (&self.0, MemoryStorage::default());
        let (provider, keys) = (Provider::new(&disk), &device.keys);
        let (conversation, bundle) = Conversation::join_external(
            &provider,
            keys,
            &device.certificate,
            group_info,
            ratchet_tree,
            roster.cloned(),
            made_at,
        )?;
        let id = conversation.group_id();
        Ok((MlsGroup::new(self, disk, id, roster), bundle))
    }
}

fn key_packages(devices: &[&MlsDevice]) -> Result<Vec<ClaimedKeyPackage>> {
    devices.iter().map(|device| device.key_package()).collect()
}

fn copy(disk: &MemoryStorage) -> MemoryStorage {
    let values = disk.values.read().unwrap_or_else(PoisonError::into_inner).clone();
    MemoryStorage { values: RwLock::new(values) }
}

/// Later than any leaf before.
fn made_at() -> u64 {
    static MADE: AtomicU64 = AtomicU64::new(0);
    now_s() + MADE.fetch_add(1, Ordering::Relaxed)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl fmt::Debug for MlsDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, device) = self.name();
        write!(f, "MlsDevice({user}/{device})")
    }
}
