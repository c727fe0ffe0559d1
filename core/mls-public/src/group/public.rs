use std::fmt;

use openmls::group::{GroupId as MlsGroupId, StagedCommit};
use openmls::prelude::{
    ContentType, LeafNodeIndex, MlsMessageIn, ProcessedMessageContent, ProposalStore, ProtocolMessage, PublicGroup,
    PublicMessageIn, Sender,
};
use privmsg_protocol::{Epoch, GroupId};
use tls_codec::{DeserializeBytes as _, Serialize as _};

use super::context;
use super::crypto::Crypto;
use super::group_info::{Expected, Unverified};
use super::keys;
use super::member::{Change, Leaf, LeafDate, Member};
use super::parts::CommitParts;
use super::refused::Refused;
use super::reject::RejectReason;
use super::rules::{self, Rules};
use super::state::{Parts, StateError};
use super::tree;
use crate::conversation_info::ConversationInfo;
use crate::leaf;
use crate::malformed::Malformed;
use crate::roster::Roster;

const COMMIT: &str = "commit";
const TREE: &str = "ratchet tree";

/// The epoch of a group when the server hears of it: its creator has committed once, to let the others in.
const FIRST_EPOCH: Epoch = Epoch(1);

/// A conversation as somebody sees it who has no secret. See the [module documentation](super).
pub struct PublicConversation {
    group: PublicGroup,
    info: ConversationInfo,
    /// Of a group of people.
    roster: Option<Roster>,
    /// What is stored of it.
    state: Vec<u8>,
}

impl PublicConversation {
    /// Begins a group in its first epoch with the GroupInfo (an `MLSMessage`) and the ratchet tree of its creator, and says
    /// who that is: whoever signed. A group of people comes with the roster that its GroupContext names; where that comes
    /// from is for the caller to say.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn begin(group_info: &[u8], ratchet_tree: &[u8], roster: Option<Roster>) -> Result<(Self, Member), Refused> {
        let crypto = Crypto::default();
        let unverified = Unverified::read(group_info)?;
        let info = context::info_of_context(unverified.context())?;
        let epoch = Epoch(unverified.context().epoch().as_u64());
        if epoch != FIRST_EPOCH {
            return Err(Refused::OtherEpoch { found: epoch, expected: FIRST_EPOCH });
        }
        unverified.check_contents(&crypto).map_err(Refused::invalid)?;
        let tree = tree::read_begun(ratchet_tree)?;
        if tree.tls_serialize_detached().is_ok_and(|again| again != ratchet_tree) {
            return Err(Malformed::new(TREE).into());
        }
        tree::check_dated(&tree)?;
        let (signer, stored) = (unverified.signer(), Parts::default());
        let (group, _) =
            PublicGroup::from_external(&crypto, &stored, tree, unverified.into_inner(), ProposalStore::new())
                .map_err(Refused::invalid)?;
        stored.set_roster(roster.as_ref());
        let conversation = Self { group, info, roster, state: stored.encode() };
        conversation.check_tree(&crypto)?;
        let creator = conversation.members().into_iter().find(|leaf| leaf.index == signer);
        let creator = creator.ok_or_else(|| Refused::invalid("signed by nobody"))?.member;
        Ok((conversation, creator))
    }

    /// Enters the next epoch by a commit and the GroupInfo (both an `MLSMessage`) of the epoch that it begins, and says what
    /// has changed. If it is refused, nothing has.
    ///
    /// Whether the committer is the device that has sent it, and whether it may add and remove whom it does, is for the
    /// caller to say.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn apply(&mut self, commit: &[u8], group_info: &[u8]) -> Result<Change, Refused> {
        let crypto = Crypto::default();
        let message = self.read_commit(commit)?;
        let tag = message.confirmation_tag().ok_or(Malformed::new(COMMIT))?.clone();
        let group_info = Unverified::read(group_info)?;
        let (staged, sender, beside) = self.stage(&crypto, message)?;
        let parts = CommitParts::read(commit, staged.update_path_leaf_node()).map_err(Malformed::because(COMMIT))?;
        if parts.membership_tag_len.is_some_and(|len| len != leaf::CIPHERSUITE.hash_length()) {
            return Err(Malformed::new(COMMIT).into());
        }
        let change = self.rules()?.check_commit(self.group.treesync(), &staged, &sender, &beside)?;
        for key in &parts.parent_keys {
            keys::check(&crypto, key.as_slice()).map_err(Refused::invalid)?;
        }
        let committer = self.committer(&staged, &sender)?;
        let leaf = staged.update_path_leaf_node().or_else(|| self.group.leaf(committer));
        let leaf = leaf.ok_or_else(|| Refused::invalid("a commit of nobody"))?;
        let expected = Expected { context: staged.group_context(), confirmation_tag: &tag, committer, leaf };
        group_info.check(&crypto, &expected).map_err(Refused::invalid)?;
        let stored = Parts::default();
        let info = change.roster.as_ref().and_then(|roster| self.info.with_roster(roster));
        self.group.merge_commit(&stored, staged).expect("OpenMLS's state consists of numbers, bytes and lists");
        if let Some(info) = info {
            self.info = info;
            self.roster.clone_from(&change.roster);
        }
        stored.set_roster(self.roster.as_ref());
        self.state = stored.encode();
        Ok(change)
    }

    /// What it is.
    #[must_use]
    pub const fn info(&self) -> &ConversationInfo {
        &self.info
    }

    /// Who takes part in it, and as what, if it is a group of people.
    #[must_use]
    pub const fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref()
    }

    /// The group's identifier.
    #[must_use]
    pub fn group_id(&self) -> GroupId {
        self.info.group_id()
    }

    /// The current epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.group.group_context().epoch().as_u64())
    }

    /// How many devices are in it.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.group.treesync().full_leaves().count()
    }

    /// All devices, in the order of their leaves.
    #[must_use]
    pub fn members(&self) -> Vec<Leaf> {
        let leaves = self.group.treesync().full_leaves();
        let member = |(index, leaf): (LeafNodeIndex, &openmls::prelude::LeafNode)| {
            let certificate = leaf::admitted_certificate(leaf.credential()).ok()?;
            Some(Leaf { index: index.u32(), member: Member::from_certificate(&certificate) })
        };
        // Each was read when it entered.
        leaves.filter_map(member).collect()
    }

    /// When they have made their leaves.
    #[must_use]
    pub fn dates(&self) -> Vec<LeafDate> {
        tree::dates(self.group.treesync())
    }

    /// The ratchet tree of the current epoch (RFC 9420, section 12.4.3.3), for joiners.
    #[must_use]
    pub fn ratchet_tree(&self) -> Vec<u8> {
        let tree = self.group.export_ratchet_tree().tls_serialize_detached();
        tree.expect("a tree of a thousand leaves has a few megabytes")
    }

    /// What [`PublicConversation::decode`] reads.
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        &self.state
    }

    /// The conversation that was stored. Its signatures are not checked again.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn decode(state: Vec<u8>) -> Result<Self, StateError> {
        let stored = Parts::decode(&state)?;
        // The parts are those of one group, whatever its name.
        let group = PublicGroup::load(&stored, &MlsGroupId::from_slice(&[]))?.ok_or(StateError::Damaged)?;
        let info = context::info_of_context(group.group_context()).map_err(|_| StateError::Damaged)?;
        let roster = stored.roster()?;
        Rules::new(&info, roster.as_ref()).map_err(|_| StateError::Damaged)?;
        Ok(Self { group, info, roster, state })
    }

    /// Reads a commit, which must be one of this group and epoch, all there is, and in the only encoding that RFC 9420
    /// allows.
    fn read_commit(&self, bytes: &[u8]) -> Result<PublicMessageIn, Refused> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes).map_err(Malformed::because(COMMIT))?;
        if message.tls_serialize_detached().is_ok_and(|again| again != bytes) {
            return Err(Malformed::new(COMMIT).into());
        }
        let message = message.try_into_protocol_message().map_err(|_| Malformed::new(COMMIT))?;
        if message.group_id() != self.group.group_id() {
            return Err(RejectReason::WrongGroup.into());
        }
        match message.content_type() {
            ContentType::Commit => {}
            ContentType::Proposal => return Err(RejectReason::Proposal.into()),
            ContentType::Application => return Err(RejectReason::UnexpectedKind.into()),
        }
        let (found, expected) = (Epoch(message.epoch().as_u64()), self.epoch());
        if found != expected {
            return Err(Refused::OtherEpoch { found, expected });
        }
        match message {
            ProtocolMessage::PublicMessage(message) => Ok(*message),
            ProtocolMessage::PrivateMessage(_) => Err(RejectReason::UnexpectedKind.into()),
        }
    }

    fn rules(&self) -> Result<Rules<'_>, RejectReason> {
        Rules::new(&self.info, self.roster.as_ref())
    }

    /// The commit, who has made it, and what stands beside it.
    fn stage(&self, crypto: &Crypto, message: PublicMessageIn) -> Result<(StagedCommit, Sender, Vec<u8>), Refused> {
        let message = ProtocolMessage::PublicMessage(Box::new(message));
        let processed = self.group.process_message(crypto, message).map_err(Refused::invalid)?;
        let (sender, beside) = (processed.sender().clone(), processed.aad().to_vec());
        match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => Ok((*staged, sender, beside)),
            _ => Err(RejectReason::UnexpectedKind.into()),
        }
    }

    fn committer(&self, staged: &StagedCommit, sender: &Sender) -> Result<LeafNodeIndex, Refused> {
        match sender {
            Sender::Member(index) => Ok(*index),
            _ => self.group.ext_commit_sender_index(staged).map_err(Refused::invalid),
        }
    }

    /// Checks the tree of a group that begins.
    fn check_tree(&self, crypto: &Crypto) -> Result<(), Refused> {
        let tree = self.group.treesync();
        let leaves = tree.full_leaves().map(|(_, leaf)| (leaf.credential(), leaf.signature_key().as_slice()));
        self.rules()?.check_leaves(leaves)?;
        for (_, leaf) in tree.full_leaves() {
            rules::check_leaf_len(leaf)?;
            keys::check_node(crypto, leaf.encryption_key()).map_err(Refused::invalid)?;
        }
        for (_, parent) in tree.full_parents() {
            keys::check_node(crypto, parent).map_err(Refused::invalid)?;
        }
        Ok(())
    }
}

/// Names the group.
impl fmt::Debug for PublicConversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicConversation({}, epoch {})", self.group_id(), self.epoch())
    }
}
