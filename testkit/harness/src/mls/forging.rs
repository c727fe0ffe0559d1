//! Commits that no client of ours makes: OpenMLS without our rules.

use anyhow::{Context as _, Result};
use openmls::prelude::tls_codec::{DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    Credential, KeyPackageIn, LeafNodeIndex, LeafNodeParameters, MlsGroup as Group, ProtocolVersion,
};
use openmls_traits::OpenMlsProvider as _;
use privmsg_e2ee::{CommitBundle, ConversationInfo, Provider, SharedWelcome};
use privmsg_mls_public::group::{self, Welcome};
use privmsg_mls_public::leaf;
use privmsg_protocol::Epoch;

use super::{MlsDevice, MlsGroup, made_at};

/// What is wrong with a commit, or not.
#[derive(Debug, Default)]
pub struct Forgery<'a> {
    /// Its `authenticated_data`.
    pub beside: Vec<u8>,
    /// What the GroupContext says afterwards that the conversation is.
    pub info: Option<ConversationInfo>,
    /// Who is added.
    pub add: &'a [&'a MlsDevice],
    /// Who is removed.
    pub remove: &'a [&'a MlsDevice],
}

impl MlsGroup {
    /// Makes such a commit. The group stays where it is.
    ///
    /// # Errors
    /// If OpenMLS makes none.
    pub fn forges(&self, forgery: Forgery<'_>) -> Result<CommitBundle> {
        let (provider, keys) = (Provider::new(&self.disk), &self.device.0.keys);
        let id = openmls::group::GroupId::from_slice(self.id.as_bytes());
        let mut group = Group::load(provider.storage(), &id)?.context("the group is gone")?;
        let epoch = group.epoch().as_u64();
        let packages = forgery.add.iter().map(|device| {
            let package = KeyPackageIn::tls_deserialize_exact_bytes(&device.new_key_package()?)?;
            Ok(package.validate(provider.crypto(), ProtocolVersion::Mls10)?)
        });
        let packages = packages.collect::<Result<Vec<_>>>()?;
        let leaving = indexes(&group, forgery.remove);
        group.set_aad(forgery.beside);
        let own = group.own_leaf_node().and_then(|own| leaf::made_at(own).ok()).unwrap_or_default();
        let dated = LeafNodeParameters::builder().with_extensions(leaf::extensions(made_at().max(own + 1))).build();
        let mut builder = group.commit_builder().consume_proposal_store(false).force_self_update(true);
        builder = builder.leaf_node_parameters(dated);
        if let Some(info) = &forgery.info {
            builder = builder.propose_group_context_extensions(group::extensions(info))?;
        }
        let messages = builder
            .propose_adds(packages)
            .propose_removals(leaving)
            .load_psks(provider.storage())?
            .create_group_info(true)
            .build(provider.rand(), provider.crypto(), keys, |_| true)?
            .stage_commit(&provider)?;
        let pending = group.pending_commit().context("no commit")?;
        let tree = pending.export_ratchet_tree(provider.crypto(), group.export_ratchet_tree())?.context("no tree")?;
        let welcome = messages.to_welcome_msg().map(|welcome| welcome.to_bytes()).transpose()?;
        let welcome = welcome.map(|welcome| Welcome::read(&welcome)).transpose()?;
        let (commit, _, group_info) = messages.into_messages();
        let bundle = CommitBundle {
            epoch: Epoch(epoch),
            next_epoch: Epoch(epoch + 1),
            commit: commit.to_bytes()?,
            welcome: welcome.map(|welcome| SharedWelcome {
                group_info: welcome.group_info,
                secrets: forgery
                    .add
                    .iter()
                    .zip(welcome.secrets)
                    .map(|(device, (_, secrets))| (device.name().1, secrets))
                    .collect(),
            }),
            added: forgery.add.iter().map(|device| device.name()).collect(),
            removed: forgery.remove.iter().map(|device| device.name()).collect(),
            group_info: group_info.context("no group info")?.to_bytes()?,
            ratchet_tree: tree.tls_serialize_detached()?,
        };
        group.clear_pending_commit(provider.storage())?;
        Ok(bundle)
    }
}

fn indexes(group: &Group, devices: &[&MlsDevice]) -> Vec<LeafNodeIndex> {
    let is_one = |credential: &Credential| {
        let found = leaf::device_of(credential);
        found.is_ok_and(|found| devices.iter().any(|device| device.name() == found))
    };
    group.members().filter(|member| is_one(&member.credential)).map(|member| member.index).collect()
}
