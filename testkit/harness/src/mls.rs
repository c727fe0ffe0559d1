//! Devices that make groups and commits, for whoever wants to talk to a server without a client: an honest server takes
//! nothing else than real ones.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use openmls_rust_crypto::MemoryStorage;
use privmsg_e2ee::{
    AccountKey, ClaimedKeyPackage, CommitBundle, Conversation, ConversationInfo, DeviceCertificate, DeviceKeys,
    Expected, OsRng, Person, Provider, generate_key_package,
};
use privmsg_protocol::{DeviceId, GroupId, UserId};

/// A device with keys of its own. Clones are the same device.
#[derive(Clone)]
pub struct MlsDevice(Arc<Device>);

struct Device {
    account: AccountKey,
    keys: DeviceKeys,
    certificate: DeviceCertificate,
    /// The private parts of its key packages.
    disk: MemoryStorage,
}

/// A group as one device has it. Each is on a disk of its own, so that a device can make the same group twice.
pub struct MlsGroup {
    device: MlsDevice,
    disk: MemoryStorage,
    id: GroupId,
}

impl MlsDevice {
    /// A device of a user, with the identity that follows from the user's name: so have all that are made here.
    ///
    /// # Errors
    /// If these are no names.
    pub fn of(user: &str, device: &str) -> Result<Self> {
        let mut secret = [7; 32];
        secret.iter_mut().zip(user.bytes()).for_each(|(byte, letter)| *byte = letter);
        let (account, keys) = (AccountKey::from_bytes(&secret), DeviceKeys::generate(&mut OsRng));
        let signing_key = account.begin_generation(&user.parse()?, 1, &mut OsRng)?;
        let certificate = signing_key.certify(&device.parse()?, &keys.public(), now_s());
        Ok(Self(Arc::new(Device { account, keys, certificate, disk: MemoryStorage::default() })))
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
        let provider = Provider::new(&self.0.disk);
        let made = generate_key_package(&provider, &self.0.keys, &self.0.certificate, false, now_s())?;
        let (user, device) = self.name();
        Ok(ClaimedKeyPackage::validate(&made.bytes, &user, &device, now_s())?)
    }

    /// Makes a group with these others in it. It is as if the server had taken it.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn founds(&self, info: ConversationInfo, others: &[&Self]) -> Result<(MlsGroup, CommitBundle)> {
        let packages = key_packages(others)?;
        let (id, disk) = (info.group_id(), MemoryStorage::default());
        let (device, provider) = (&self.0, Provider::new(&disk));
        let (_, bundle) = Conversation::create(&provider, &device.keys, &device.certificate, info, None, &packages)?;
        let group = MlsGroup { device: self.clone(), disk, id };
        group.merges()?;
        Ok((group, bundle))
    }

    /// Joins by its welcome in this bundle.
    ///
    /// # Errors
    /// If there is none for it, or it cannot be used.
    pub fn joins(&self, bundle: &CommitBundle) -> Result<MlsGroup> {
        let (_, own) = self.name();
        let mine = bundle.welcomes().into_iter().find(|(device, _)| *device == own);
        let (_, welcome) = mine.context("no welcome for this device")?;
        let disk = copy(&self.0.disk);
        let id = Conversation::join(&Provider::new(&disk), &welcome, &bundle.ratchet_tree, None)?.group_id();
        Ok(MlsGroup { device: self.clone(), disk, id })
    }

    /// Joins by external commit. It is as if the server had taken it.
    ///
    /// # Errors
    /// If it cannot.
    pub fn enters(&self, group_info: &[u8], ratchet_tree: &[u8]) -> Result<(MlsGroup, CommitBundle)> {
        let (device, disk) = (&self.0, MemoryStorage::default());
        let provider = Provider::new(&disk);
        let (conversation, bundle) =
            Conversation::join_external(&provider, &device.keys, &device.certificate, group_info, ratchet_tree, None)?;
        let id = conversation.group_id();
        Ok((MlsGroup { device: self.clone(), disk, id }, bundle))
    }
}

impl MlsGroup {
    /// Makes a commit, which waits for the server's word.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn commits(&self, add: &[&MlsDevice], remove: &[&MlsDevice]) -> Result<CommitBundle> {
        let (packages, gone) = (key_packages(add)?, remove.iter().map(|device| device.name()).collect::<Vec<_>>());
        self.with(|group, provider| Ok(group.commit(provider, &self.device.0.keys, &packages, &gone)?))
    }

    /// The server has taken the commit.
    ///
    /// # Errors
    /// If it is out of the group.
    pub fn merges(&self) -> Result<()> {
        self.with(|group, provider| Ok(group.merge_pending(provider)?))
    }

    /// The server has not taken it.
    ///
    /// # Errors
    /// None in practice.
    pub fn forgets(&self) -> Result<()> {
        self.with(|group, provider| Ok(group.clear_pending(provider)?))
    }

    /// Goes where somebody else's commit leads.
    ///
    /// # Errors
    /// If it is none that a client takes.
    pub fn follows(&self, commit: &[u8]) -> Result<()> {
        self.with(|group, provider| Ok(group.process(provider, Expected::Commit, commit).map(drop)?))
    }

    /// How many devices are in it.
    ///
    /// # Errors
    /// None in practice.
    pub fn leaves(&self) -> Result<usize> {
        self.with(|group, _| Ok(group.members().len()))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Conversation, &Provider<'_, MemoryStorage>) -> Result<T>) -> Result<T> {
        let provider = Provider::new(&self.disk);
        let mut group = Conversation::load(&provider, self.id)?.context("the group is gone")?;
        ensure!(group.is_active(), "the device is out of the group");
        work(&mut group, &provider)
    }
}

fn key_packages(devices: &[&MlsDevice]) -> Result<Vec<ClaimedKeyPackage>> {
    devices.iter().map(|device| device.key_package()).collect()
}

fn copy(disk: &MemoryStorage) -> MemoryStorage {
    let values = disk.values.read().unwrap_or_else(PoisonError::into_inner).clone();
    MemoryStorage { values: RwLock::new(values) }
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

impl fmt::Debug for MlsGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlsGroup({} of {:?})", self.id, self.device)
    }
}
