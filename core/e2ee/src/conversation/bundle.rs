//! What the server is given with a commit.

use std::collections::HashMap;

use openmls::group::MlsGroup;
use openmls::prelude::{CommitMessageBundle, KeyPackageRef};
use openmls_traits::OpenMlsProvider as _;
use privmsg_mls_public::group;
use privmsg_protocol::{DeviceId, Epoch, UserId};

use crate::key_package::ClaimedKeyPackage;
use crate::provider::{Provider, Storage};

/// A commit and all that goes with it to the server, which stores it in one transaction or refuses it whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitBundle {
    /// The epoch that the commit builds on, the only one in which the server accepts it.
    pub epoch: Epoch,
    /// The epoch that it begins.
    pub next_epoch: Epoch,
    /// The commit, an `MLSMessage` (RFC 9420, section 6) for every member.
    pub commit: Vec<u8>,
    /// What the added devices are welcomed with, each with its own part of the secrets; none are added: nothing.
    pub welcome: Option<SharedWelcome>,
    /// Devices that come.
    pub added: Vec<(UserId, DeviceId)>,
    /// Devices that go.
    pub removed: Vec<(UserId, DeviceId)>,
    /// The GroupInfo of the next epoch (an `MLSMessage`), with which a device can join by external commit.
    pub group_info: Vec<u8>,
    /// The ratchet tree of the next epoch, for everyone who joins in it.
    pub ratchet_tree: Vec<u8>,
}

/// The Welcome of a commit (RFC 9420, section 12.4.3.1), of which the server makes one for each joiner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedWelcome {
    /// `encrypted_group_info`.
    pub group_info: Vec<u8>,
    /// One `EncryptedGroupSecrets` for each joiner.
    pub secrets: Vec<(DeviceId, Vec<u8>)>,
}

/// OpenMLS did not give what it promises. A bug, not something a peer can cause.
#[derive(Debug, thiserror::Error)]
#[error("OpenMLS gave {what}")]
pub(super) struct Unexpected {
    what: &'static str,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Unexpected {
    const fn new(what: &'static str) -> Self {
        Self { what, source: None }
    }

    fn because<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self { what, source: Some(Box::new(error)) }
    }
}

impl CommitBundle {
    /// Collects the parts of a commit that is pending in `group`, or (external) is merged into it already.
    pub(super) fn collect<S: Storage>(
        provider: &Provider<'_, S>,
        group: &MlsGroup,
        messages: CommitMessageBundle,
        added: &[ClaimedKeyPackage],
        removed: Vec<(UserId, DeviceId)>,
    ) -> Result<Self, Unexpected> {
        let (next_epoch, tree) = match group.pending_commit() {
            Some(pending) => {
                let tree = pending.export_ratchet_tree(provider.crypto(), group.export_ratchet_tree());
                let tree = tree.map_err(Unexpected::because("no ratchet tree"))?;
                (pending.epoch().as_u64(), tree.ok_or(Unexpected::new("no ratchet tree"))?)
            }
            None => (group.epoch().as_u64(), group.export_ratchet_tree()),
        };
        let welcome = messages.to_welcome_msg().map(|welcome| serialize(&welcome)).transpose()?;
        let (commit, _, group_info) = messages.into_messages();
        let group_info = group_info.ok_or(Unexpected::new("no group info"))?;
        Ok(Self {
            epoch: Epoch(next_epoch.saturating_sub(1)),
            next_epoch: Epoch(next_epoch),
            commit: serialize(&commit)?,
            welcome: welcome.map(|welcome| split(provider, &welcome, added)).transpose()?,
            added: added.iter().map(device).collect(),
            removed,
            group_info: serialize(&group_info)?,
            ratchet_tree: serialize(&tree)?,
        })
    }
}

impl CommitBundle {
    /// What the server makes of it for each added device: an `MLSMessage` that holds only its part of the secrets.
    #[must_use]
    pub fn welcomes(&self) -> Vec<(DeviceId, Vec<u8>)> {
        let Some(welcome) = &self.welcome else { return Vec::new() };
        let one = |(device, secrets): &(DeviceId, Vec<u8>)| {
            let message = group::Welcome::for_one(secrets, &welcome.group_info).ok()?;
            Some((device.clone(), message))
        };
        welcome.secrets.iter().filter_map(one).collect()
    }
}

/// Finds each joiner's part, so that a joiner neither loads nor learns about the others'.
fn split<S: Storage>(
    provider: &Provider<'_, S>,
    welcome: &[u8],
    added: &[ClaimedKeyPackage],
) -> Result<SharedWelcome, Unexpected> {
    let all = group::Welcome::read(welcome).map_err(Unexpected::because("a malformed welcome"))?;
    let mut of: HashMap<_, _> = all.secrets.into_iter().collect();
    let secrets = added.iter().map(|package| {
        let reference: KeyPackageRef = package
            .key_package()
            .hash_ref(provider.crypto())
            .map_err(Unexpected::because("no key package reference"))?;
        let secrets = of.remove(reference.as_slice()).ok_or(Unexpected::new("no secrets for a joiner"))?;
        Ok((package.certificate().device_id().clone(), secrets))
    });
    Ok(SharedWelcome { secrets: secrets.collect::<Result<_, Unexpected>>()?, group_info: all.group_info })
}

fn device(package: &ClaimedKeyPackage) -> (UserId, DeviceId) {
    (package.certificate().user_id().clone(), package.certificate().device_id().clone())
}

fn serialize(value: &impl tls_codec::Serialize) -> Result<Vec<u8>, Unexpected> {
    value.tls_serialize_detached().map_err(Unexpected::because("what cannot be serialised"))
}
