//! A group as one device has it.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, ensure};
use openmls_rust_crypto::MemoryStorage;
use privmsg_e2ee::{ClaimedKeyPackage, CommitBundle, Conversation, Expected, Provider, Roster};
use privmsg_protocol::GroupId;

use super::{MlsDevice, key_packages, made_at};

/// A group as one device has it. Each is on a disk of its own, so that a device can make the same group twice.
pub struct MlsGroup {
    pub(super) device: MlsDevice,
    pub(super) disk: MemoryStorage,
    pub(super) id: GroupId,
    rosters: Mutex<Rosters>,
}

/// Of a group of people.
struct Rosters {
    /// In its epoch.
    current: Option<Roster>,
    /// That a commit leads to which waits for the server's word.
    next: Option<Roster>,
}

impl MlsGroup {
    pub(super) fn new(device: &MlsDevice, disk: MemoryStorage, id: GroupId, roster: Option<&Roster>) -> Self {
        let rosters = Mutex::new(Rosters { current: roster.cloned(), next: None });
        Self { device: device.clone(), disk, id, rosters }
    }

    /// Makes a commit, which waits for the server's word.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn commits(&self, add: &[&MlsDevice], remove: &[&MlsDevice]) -> Result<CommitBundle> {
        self.commits_at(add, remove, made_at())
    }

    /// The same with a leaf that says that it was made then.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn commits_at(&self, add: &[&MlsDevice], remove: &[&MlsDevice], made_at: u64) -> Result<CommitBundle> {
        let (packages, gone) = (key_packages(add)?, remove.iter().map(|device| device.name()).collect::<Vec<_>>());
        self.with(|group, provider| Ok(group.commit(provider, &self.device.0.keys, &packages, &gone, made_at)?))
    }

    /// Makes a commit that adds devices by these key packages. It waits for the server's word.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn commits_with(&self, packages: &[ClaimedKeyPackage]) -> Result<CommitBundle> {
        self.with(|group, provider| Ok(group.commit(provider, &self.device.0.keys, packages, &[], made_at())?))
    }

    /// Makes a commit that moves a group of people to another roster, and puts out whoever is not in it. It waits for the
    /// server's word.
    ///
    /// # Errors
    /// If it may not come next, or OpenMLS makes none.
    pub fn steps(&self, step: &Roster, add: &[&MlsDevice]) -> Result<CommitBundle> {
        let packages = key_packages(add)?;
        let keys = &self.device.0.keys;
        let bundle =
            self.with(|group, provider| Ok(group.commit_step(provider, keys, step, &packages, &[], made_at())?))?;
        self.rosters().next = Some(step.clone());
        Ok(bundle)
    }

    /// The server has taken the commit.
    ///
    /// # Errors
    /// If it is out of the group.
    pub fn merges(&self) -> Result<()> {
        self.with(|group, provider| Ok(group.merge_pending(provider)?))?;
        let mut rosters = self.rosters();
        if let Some(next) = rosters.next.take() {
            rosters.current = Some(next);
        }
        Ok(())
    }

    /// The server has not taken it.
    ///
    /// # Errors
    /// None in practice.
    pub fn forgets(&self) -> Result<()> {
        self.rosters().next = None;
        self.with(|group, provider| Ok(group.clear_pending(provider)?))
    }

    /// Goes where somebody else's commit leads.
    ///
    /// # Errors
    /// If it is none that a client takes.
    pub fn follows(&self, commit: &[u8]) -> Result<()> {
        let roster = self.with(|group, provider| {
            group.process(provider, Expected::Commit, commit)?;
            Ok(group.roster().cloned())
        })?;
        *self.rosters() = Rosters { current: roster, next: None };
        Ok(())
    }

    /// How many devices are in it.
    ///
    /// # Errors
    /// None in practice.
    pub fn leaves(&self) -> Result<usize> {
        self.with(|group, _| Ok(group.members().len()))
    }

    /// The roster in its epoch, of a group of people.
    #[must_use]
    pub fn roster(&self) -> Option<Roster> {
        self.rosters().current.clone()
    }

    fn rosters(&self) -> MutexGuard<'_, Rosters> {
        self.rosters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Conversation, &Provider<'_, MemoryStorage>) -> Result<T>) -> Result<T> {
        let provider = Provider::new(&self.disk);
        let group = Conversation::load(&provider, self.id)?.context("the group is gone")?;
        let mut group = group.with_roster(self.roster())?;
        ensure!(group.is_active(), "the device is out of the group");
        work(&mut group, &provider)
    }
}

impl fmt::Debug for MlsGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlsGroup({} of {:?})", self.id, self.device)
    }
}
