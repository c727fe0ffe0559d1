//! Ratchet trees (RFC 9420, section 12.4.3.3) as they come from others.
//!
//! A blank node is one byte, and a tree is padded to a power of two leaves and hashed before anything of it is checked. So
//! its nodes are counted first, as they are read, without a tree of them.

use openmls::prelude::RatchetTreeIn;
use openmls::treesync::TreeSync;
use privmsg_protocol::limits::MAX_GROUP_LEAVES;
use tls_codec::{DeserializeBytes, Error, TlsDeserializeBytes, TlsSize, VLBytes};

use super::member::LeafDate;
use super::reject::RejectReason;
use crate::leaf::{self, LeafBeginning, MADE_AT_EXTENSION};
use crate::malformed::Malformed;

const TREE: &str = "ratchet tree";

/// Nodes of a tree. Whoever comes takes the leftmost leaf that is blank (RFC 9420, section 12.1.1), so no group ever reaches
/// beyond as many leaves as it may have.
const MAX_NODES: usize = 2 * MAX_GROUP_LEAVES - 1;

/// What can stand at a place of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Blank,
    Leaf,
    Parent,
}

/// RFC 9420, section 7.1.
#[derive(TlsDeserializeBytes, TlsSize)]
struct ParentNode {
    _encryption_key: VLBytes,
    _parent_hash: VLBytes,
    _unmerged_leaves: VLBytes,
}

/// Reads the tree of a group, which has no more nodes than one can have.
///
/// # Errors
/// [`Malformed`].
pub fn read_tree(bytes: &[u8]) -> Result<RatchetTreeIn, Malformed> {
    let read = || {
        each_node(bytes, |_, _| Ok(()))?;
        RatchetTreeIn::tls_deserialize_exact_bytes(bytes)
    };
    read().map_err(Malformed::because(TREE))
}

/// Reads the tree of a group that begins.
pub(super) fn read_begun(bytes: &[u8]) -> Result<RatchetTreeIn, Malformed> {
    check_begun(bytes).map_err(Malformed::because(TREE))?;
    read_tree(bytes)
}

/// Nobody has left a group that begins, so no leaf of it is blank, and it ends with one.
fn check_begun(bytes: &[u8]) -> Result<(), Error> {
    let count = each_node(bytes, |at, node| match (at % 2, node) {
        (0, Node::Leaf) | (1, Node::Parent | Node::Blank) => Ok(()),
        _ => Err(Error::InvalidInput),
    })?;
    if count % 2 == 1 { Ok(()) } else { Err(Error::InvalidInput) }
}

/// Calls back with each node and where it stands, and counts them. What the callback refuses ends it at once.
fn each_node(bytes: &[u8], mut check: impl FnMut(usize, Node) -> Result<(), Error>) -> Result<usize, Error> {
    let nodes = VLBytes::tls_deserialize_exact_bytes(bytes)?;
    let (mut rest, mut count) = (nodes.as_slice(), 0);
    while !rest.is_empty() {
        if count == MAX_NODES {
            return Err(Error::InvalidVectorLength);
        }
        let (node, after) = node(rest)?;
        check(count, node)?;
        (rest, count) = (after, count + 1);
    }
    Ok(count)
}

fn node(bytes: &[u8]) -> Result<(Node, &[u8]), Error> {
    match bytes {
        [0, after @ ..] => Ok((Node::Blank, after)),
        [1, 1, leaf @ ..] => Ok((Node::Leaf, after_leaf(leaf)?)),
        [1, 2, parent @ ..] => Ok((Node::Parent, after_one::<ParentNode>(parent)?)),
        _ => Err(Error::InvalidInput),
    }
}

fn after_leaf(bytes: &[u8]) -> Result<&[u8], Error> {
    // Extensions and signature.
    after_one::<(VLBytes, VLBytes)>(extensions(bytes)?)
}

/// A leaf from its extensions on.
fn extensions(bytes: &[u8]) -> Result<&[u8], Error> {
    let (leaf, rest) = LeafBeginning::tls_deserialize_bytes(bytes)?;
    match leaf.source {
        LeafBeginning::KEY_PACKAGE => after_one::<(u64, u64)>(rest),
        LeafBeginning::UPDATE => Ok(rest),
        LeafBeginning::COMMIT => after_one::<VLBytes>(rest),
        _ => Err(Error::InvalidInput),
    }
}

/// When each leaf of a tree was made. Every one was checked when it entered the group, so none is missing.
#[must_use]
pub fn dates(tree: &TreeSync) -> Vec<LeafDate> {
    let date = |node: &openmls::prelude::LeafNode| {
        let certificate = leaf::admitted_certificate(node.credential()).ok()?;
        let (user_id, device_key) = (certificate.user_id().clone(), *certificate.device_key());
        Some(LeafDate { user_id, device_key, made_at: leaf::made_at(node).ok()? })
    };
    tree.full_leaves().filter_map(|(_, node)| date(node)).collect()
}

/// When the device with this signature key says that it has made its leaf in a tree of which nothing is checked yet. `None`: it
/// has no leaf; zero: the leaf does not say.
#[must_use]
pub fn made_at_in(tree: &RatchetTreeIn, signature_key: &[u8]) -> Option<u64> {
    let leaf = tree.leaves().find(|leaf| leaf.signature_key().as_slice() == signature_key)?;
    Some(made_at(leaf).unwrap_or(0))
}

/// Checks that each leaf of a tree says when it was made. Whether its device has signed that is checked with the tree.
///
/// # Errors
/// [`RejectReason::Undated`].
pub fn check_dated(tree: &RatchetTreeIn) -> Result<(), RejectReason> {
    if tree.leaves().all(|leaf| made_at(leaf).is_some()) { Ok(()) } else { Err(RejectReason::Undated) }
}

fn made_at(leaf: &impl tls_codec::Serialize) -> Option<u64> {
    let bytes = leaf.tls_serialize_detached().ok()?;
    let (found, _) = Vec::<(u16, VLBytes)>::tls_deserialize_bytes(extensions(&bytes).ok()?).ok()?;
    let (_, made_at) = found.into_iter().find(|(number, _)| *number == MADE_AT_EXTENSION)?;
    leaf::time(made_at.as_slice())
}

fn after_one<T: DeserializeBytes>(bytes: &[u8]) -> Result<&[u8], Error> {
    T::tls_deserialize_bytes(bytes).map(|(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use tls_codec::Serialize as _;

    use super::*;

    fn tree(nodes: &[&[u8]]) -> Vec<u8> {
        VLBytes::new(nodes.concat()).tls_serialize_detached().unwrap()
    }

    /// Of an update, all fields empty.
    const LEAF: &[u8] = &[1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0];
    const PARENT: &[u8] = &[1, 2, 0, 0, 0];
    const BLANK: &[u8] = &[0];

    fn is_begun(nodes: &[&[u8]]) -> bool {
        check_begun(&tree(nodes)).is_ok()
    }

    #[test]
    fn a_group_begins_without_a_blank_leaf() {
        for nodes in [&[LEAF][..], &[LEAF, PARENT, LEAF], &[LEAF, BLANK, LEAF], &[LEAF, BLANK, LEAF, PARENT, LEAF]] {
            assert!(is_begun(nodes), "{nodes:?}");
        }
        for nodes in [
            &[][..],
            &[BLANK],
            &[PARENT],
            &[LEAF, LEAF],
            &[LEAF, PARENT],
            &[LEAF, PARENT, BLANK],
            &[BLANK, PARENT, LEAF],
            &[LEAF, PARENT, LEAF, BLANK],
            &[LEAF, PARENT, LEAF, BLANK, BLANK, BLANK, LEAF],
        ] {
            assert!(!is_begun(nodes), "{nodes:?}");
        }
    }

    /// 3 MB of blanks became 2 GB of hashes.
    #[test]
    fn no_tree_has_more_nodes_than_a_group() {
        let largest: Vec<&[u8]> = [LEAF, BLANK].into_iter().cycle().take(MAX_NODES).collect();
        assert!(is_begun(&largest));
        let larger: Vec<&[u8]> = [LEAF, BLANK].into_iter().cycle().take(MAX_NODES + 2).collect();
        assert!(!is_begun(&larger));
        let few_leaves = [&[LEAF; 1][..], &vec![BLANK; 3_000_000][..], &[LEAF; 1][..]].concat();
        assert!(read_tree(&tree(&few_leaves)).is_err());
    }

    #[test]
    fn what_is_no_node_is_refused() {
        for bytes in [&[2][..], &[1], &[1, 3], &[1, 1, 0], &LEAF[..LEAF.len() - 1], &PARENT[..4], &[1, 2, 5, 0, 0]] {
            assert!(node(bytes).is_err(), "{bytes:?}");
        }
    }
}
