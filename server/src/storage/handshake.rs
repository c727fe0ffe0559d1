//! Groups that begin and commits, as the storage is given them: with what has been read from their MLS content, so that
//! nothing in them is a client's word.

use privmsg_mls_public::DeviceList;
use privmsg_mls_public::group::{Change, LeafDate, Member};
use privmsg_mls_public::{direct_chat_id, group_id, self_chat_id};
use privmsg_protocol::rest::{CreateGroup, GroupKind, SubmitCommit};
use privmsg_protocol::{ConversationId, Epoch, ErrorCode, GroupId, Incarnation, Opaque, Seq, UserId};

use super::{Refusal, Rosters};

/// What a new group is called, and what conversation it is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    pub(crate) chat: ConversationId,
    pub(crate) group: GroupId,
}

impl Named {
    /// The names follow from what the conversation is: nobody chooses them.
    pub(crate) fn of(new: &CreateGroup, rosters: Option<&Rosters>) -> Result<Self, Refusal> {
        let invalid = |detail| Refusal::new(ErrorCode::InvalidRequest, detail);
        let chat = match (new.kind, &*new.participants, rosters) {
            (GroupKind::Direct, [a, b], None) if a != b => direct_chat_id(a, b),
            (GroupKind::SelfNotes, [user], None) => self_chat_id(user),
            (GroupKind::Group, [], Some(rosters)) => rosters.conversation_id(),
            _ => return Err(invalid("the participants do not fit this kind of conversation")),
        };
        if new.incarnation < Incarnation::FIRST {
            return Err(invalid("incarnations begin with 1"));
        }
        Ok(Self { chat, group: group_id(&chat, new.incarnation) })
    }
}

/// A device whose leaf comes, and the welcome that it gets.
pub(crate) struct Welcomed {
    pub(crate) member: Member,
    pub(crate) welcome: Opaque,
}

/// A group that begins.
pub(crate) struct Founding {
    pub(crate) new: CreateGroup,
    pub(crate) named: Named,
    /// The leaf of whoever has made it.
    pub(crate) creator: Member,
    /// Of a group of people.
    pub(crate) rosters: Option<Rosters>,
    /// What the groups that one user has created may take, in bytes.
    pub(crate) max_bytes: u64,
    /// Tells a request that comes again from another one for the same group, which must not be taken for the group that
    /// there is.
    pub(crate) made_of: [u8; 32],
    pub(crate) epoch: Epoch,
    /// Whose leaves are in the tree beside the creator's.
    pub(crate) welcomed: Vec<Welcomed>,
    /// When all leaves in the tree were made.
    pub(crate) dates: Vec<LeafDate>,
    /// What is kept of it: an encoded `PublicConversation`.
    pub(crate) state: Vec<u8>,
}

/// A commit to a group in its current epoch.
pub(crate) struct Commit {
    pub(crate) submitted: SubmitCommit,
    /// What it makes of the group. `None`: it builds on another epoch than the group's, or the user takes part in no such
    /// group, so that there was nothing to check; it can be one that was taken before.
    pub(crate) checked: Option<Checked>,
}

/// What a commit makes of the group that it was checked against.
pub(crate) struct Checked {
    /// Who comes and goes.
    pub(crate) change: Change,
    /// Those who come by somebody else's commit.
    pub(crate) welcomed: Vec<Welcomed>,
    /// Genuine lists, which say of devices that they have to go.
    pub(crate) evidence: Vec<DeviceList>,
    /// Who takes part anew by the step that it carries, or no more, or is somebody else.
    pub(crate) anew: Vec<UserId>,
    /// What is kept of the group then.
    pub(crate) state: Vec<u8>,
}

/// What is kept of a group in one epoch.
pub(crate) struct StoredState {
    pub(crate) epoch: Epoch,
    pub(crate) seq: Seq,
    pub(crate) group_info: Opaque,
    /// An encoded `PublicConversation`.
    pub(crate) state: Vec<u8>,
    /// With which roster the conversation began; empty unless it is a group of people.
    pub(crate) founding_roster: Vec<u8>,
}
