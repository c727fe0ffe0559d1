//! Groups of MLS (RFC 9420) as conversations: what is demanded of them beyond the RFC, and what can be checked of them by
//! somebody who has no secret.
//!
//! Clients and server decide by the same [`Rules`]. They are *structural*: they refuse, so they look only at what all
//! receivers see alike, which is the tree, the GroupContext and the commit.
//!
//! # A server's view
//!
//! A [`PublicConversation`] is what a server keeps of a group. It is begun with the GroupInfo and the ratchet tree that its
//! creator uploads, and from then on *derived* from the commits: who is in it, which epoch it is in and what tree a joiner
//! needs is nobody's word. A commit comes with the GroupInfo of the epoch that it begins, because that is signed and holds
//! the key for external joiners.
//!
//! Checked of a commit: that it is a `PublicMessage` of this group and epoch; signature of its sender's leaf; that all it
//! proposes is valid and of a kind that is used; every leaf that comes, with its certificate, capabilities and signature;
//! keys, that they are unique and that one can encrypt to them; parent hashes; [`Rules`]. Of the GroupInfo: that it is
//! signed by the committer's leaf as it is afterwards, that it holds exactly the GroupContext and the confirmation tag that
//! follow from the commit, and an `external_pub`, of which it is only known that it is a key. OpenMLS looks at the system's
//! clock for the lifetime of a key package, here as in clients.
//!
//! What a caller still has to decide: whether the committer is the device that has sent the commit, whom it may add and
//! remove, and whether the bytes are longer than [`max_commit_len`], [`max_tree_len`], [`MAX_GROUP_INFO_LEN`] or
//! [`MAX_JOINER_SECRETS_LEN`], before it hands them over. A commit to a thousand leaves takes about ten milliseconds of a processor,
//! a group of as many that begins a quarter of a second.
//!
//! # What cannot be checked without secrets
//!
//! - `membership_tag` of the commit. It says again what the signature says.
//! - `confirmation_tag`: only that commit and GroupInfo agree on it.
//! - The encrypted path secrets: whether a member can decrypt its own, and whether it leads to the public keys in the path.
//!   They are not counted either: a wrong number of them keeps out whom a wrong one would.
//! - `external_pub`: whether it is that of the epoch.
//! - Welcomes: they are opaque.
//! - Of a group that begins, the transcript before its first commit.
//!
//! So a member can still begin an epoch that others cannot enter. They report it; whoever keeps the state before can go
//! back to it.

mod bounds;
mod context;
mod crypto;
mod group_info;
mod keys;
mod member;
mod parts;
mod public;
mod refused;
mod reject;
mod rules;
mod state;
mod tree;
mod welcome;

pub use bounds::{MAX_GROUP_INFO_LEN, MAX_JOINER_SECRETS_LEN, max_commit_len, max_tree_len};
pub use context::{extensions, info_of_context, info_of_extensions};
pub use group_info::GroupInfoError;
pub use keys::UnusableKey;
pub use member::{Change, Leaf, LeafDate, Member};
pub use public::PublicConversation;
pub use refused::Refused;
pub use reject::{Refusal, RejectReason};
pub use rules::{MAX_LEAF_LEN, Rules};
pub use state::StateError;
pub use tree::{check_dated, dates, made_at_in, read_tree};
pub use welcome::{KeyPackageRef, Welcome};
