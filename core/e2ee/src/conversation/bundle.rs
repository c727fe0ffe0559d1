//! What the server is given with a commit.

use openmls::group::MlsGroup;
use openmls::prelude::{CommitMessageBundle, EncryptedGroupSecrets, KeyPackageRef};
use openmls_traits::OpenMlsProvider as _;
use privmsg_protocol::{DeviceId, Epoch, UserId};
use tls_codec::{DeserializeBytes as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

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
    /// For each added device its own welcome, an `MLSMessage` that holds only its part of the secrets.
    pub welcomes: Vec<(DeviceId, Vec<u8>)>,
    /// Devices that come.
    pub added: Vec<(UserId, DeviceId)>,
    /// Devices that go.
    pub removed: Vec<(UserId, DeviceId)>,
    /// The GroupInfo of the next epoch (an `MLSMessage`), with which a device can join by external commit.
    pub group_info: Vec<u8>,
    /// The ratchet tree of the next epoch, for everyone who joins in it.
    pub ratchet_tree: Vec<u8>,
}

/// RFC 9420, section 12.4.3.1, behind the `MLSMessage` header of section 6. OpenMLS gives no access to the parts.
#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct WelcomeMessage {
    version: u16,
    wire_format: u16,
    cipher_suite: u16,
    secrets: Vec<EncryptedGroupSecrets>,
    encrypted_group_info: VLBytes,
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
            welcomes: welcome.map_or(Ok(Vec::new()), |welcome| split(provider, &welcome, added))?,
            added: added.iter().map(device).collect(),
            removed,
            group_info: serialize(&group_info)?,
            ratchet_tree: serialize(&tree)?,
        })
    }
}

/// Cuts a welcome for many into one for each, so that a joiner neither loads nor learns about the others' parts.
fn split<S: Storage>(
    provider: &Provider<'_, S>,
    welcome: &[u8],
    added: &[ClaimedKeyPackage],
) -> Result<Vec<(DeviceId, Vec<u8>)>, Unexpected> {
    let all =
        WelcomeMessage::tls_deserialize_exact_bytes(welcome).map_err(Unexpected::because("a malformed welcome"))?;
    added
        .iter()
        .map(|package| {
            let reference: KeyPackageRef = package
                .key_package()
                .hash_ref(provider.crypto())
                .map_err(Unexpected::because("no key package reference"))?;
            let secrets = all.secrets.iter().find(|secrets| secrets.new_member() == reference);
            let own = WelcomeMessage {
                secrets: vec![secrets.ok_or(Unexpected::new("no secrets for a joiner"))?.clone()],
                encrypted_group_info: all.encrypted_group_info.clone(),
                ..all
            };
            Ok((package.certificate().device_id().clone(), serialize(&own)?))
        })
        .collect()
}

fn device(package: &ClaimedKeyPackage) -> (UserId, DeviceId) {
    (package.certificate().user_id().clone(), package.certificate().device_id().clone())
}

fn serialize(value: &impl tls_codec::Serialize) -> Result<Vec<u8>, Unexpected> {
    value.tls_serialize_detached().map_err(Unexpected::because("what cannot be serialised"))
}
