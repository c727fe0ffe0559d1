//! A server that checks what it can, in stories.

use privmsg_e2ee::{CommitBundle, RejectReason};
use privmsg_mls_public::group::{self, MAX_GROUP_INFO_LEN, MAX_JOINER_SECRETS_LEN, max_commit_len, max_tree_len};
use privmsg_mls_public::{Change, PublicConversation, Refused};

use super::people::Device;

/// Keeps a conversation as a server does, and reads it back from its disk at every step.
pub(crate) struct Server {
    state: Vec<u8>,
}

impl Server {
    pub(crate) fn begin(created: &CommitBundle) -> Self {
        assert!(created.ratchet_tree.len() <= max_tree_len(1 + created.welcomes().len()));
        assert!(created.commit.len() <= max_commit_len(1, created.welcomes().len(), false));
        let (chat, _) = PublicConversation::begin(&created.group_info, &created.ratchet_tree, None).unwrap();
        Self { state: chat.encoded().to_vec() }
    }

    pub(crate) fn chat(&self) -> PublicConversation {
        PublicConversation::decode(self.state.clone()).unwrap()
    }

    /// Takes a commit, which is what its sender says it is.
    pub(crate) fn accept(&mut self, bundle: &CommitBundle) -> Change {
        let mut chat = self.chat();
        assert_eq!(chat.epoch(), bundle.epoch);
        assert!(bundle.commit.len() <= max_commit_len(chat.leaves(), bundle.welcomes().len(), false));
        assert!(bundle.group_info.len() <= MAX_GROUP_INFO_LEN);
        let welcome = bundle.welcome.iter();
        assert!(welcome.clone().all(|welcome| welcome.group_info.len() <= MAX_GROUP_INFO_LEN));
        assert!(welcome.flat_map(|all| &all.secrets).all(|(_, secrets)| secrets.len() <= MAX_JOINER_SECRETS_LEN));
        let change = chat.apply(&bundle.commit, &bundle.group_info).unwrap();
        assert_eq!((change.epoch, chat.epoch()), (bundle.next_epoch, bundle.next_epoch));
        assert_eq!(names_of(&change.added), sorted(&bundle.added));
        let removed: Vec<_> = change.removed.iter().map(|leaf| leaf.member.clone()).collect();
        assert_eq!(names_of(&removed), sorted(&bundle.removed));
        assert!(chat.ratchet_tree() == bundle.ratchet_tree, "the derived tree is the client's");
        self.state = chat.encoded().to_vec();
        change
    }

    /// Refuses a commit, and is as before.
    pub(crate) fn refuse(&self, commit: &[u8], group_info: &[u8]) -> Refused {
        let mut chat = self.chat();
        let refused = chat.apply(commit, group_info).unwrap_err();
        assert!(chat.encoded() == self.state && chat.ratchet_tree() == self.chat().ratchet_tree());
        refused
    }

    /// Refuses for the same reason as a client.
    pub(crate) fn agrees(&self, client: &RejectReason, commit: &[u8], group_info: &[u8]) {
        agree(client, &self.refuse(commit, group_info));
    }

    /// What a device that comes by itself gets.
    pub(crate) fn as_seen_by_joiners(&self, latest: &CommitBundle) -> CommitBundle {
        CommitBundle { ratchet_tree: self.chat().ratchet_tree(), ..latest.clone() }
    }

    pub(crate) fn members(&self) -> Vec<String> {
        names_of(&self.chat().members().into_iter().map(|leaf| leaf.member).collect::<Vec<_>>())
    }
}

/// As `names`, of devices as a server sees them.
fn names_of(members: &[group::Member]) -> Vec<String> {
    let mut names: Vec<_> = members.iter().map(|member| member.device_id.to_string()).collect();
    names.sort();
    names
}

/// Client and server refuse for the same reason.
pub(crate) fn agree(client: &RejectReason, server: &Refused) {
    match (client, server) {
        (RejectReason::Invalid(_), Refused::Invalid(_)) => {}
        (client, Refused::AgainstRules(server)) => assert_eq!(format!("{client:?}"), format!("{server:?}")),
        other => panic!("{other:?}"),
    }
}

fn sorted(devices: &[(privmsg_protocol::UserId, privmsg_protocol::DeviceId)]) -> Vec<String> {
    let mut names: Vec<_> = devices.iter().map(|(_, device)| device.to_string()).collect();
    names.sort();
    names
}

/// The tree as a client has it.
pub(crate) fn tree_of(device: &Device) -> Vec<u8> {
    use openmls::prelude::tls_codec::Serialize as _;
    super::rogue::Rogue::of(device).group.export_ratchet_tree().tls_serialize_detached().unwrap()
}
