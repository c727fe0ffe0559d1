//! How long what honest clients upload can be, by the number of leaves. Whoever relays to others can so refuse what is only
//! meant to fill their disks before it is parsed.
//!
//! Measured with our clients (`cargo bench -p privmsg-e2ee`), and then with room: for certificates and infos that use all of
//! their length, and for the fields that later builds add.

use super::rules::MAX_LEAF_LEN;

/// Framing, signature, tags and the length fields of a commit have about 350 bytes.
const FRAMING_LEN: usize = 1024;

/// A key package is a leaf with an init key (1,216 bytes) and a signature.
const KEY_PACKAGE_LEN: usize = MAX_LEAF_LEN + 1536;

/// A path secret, encrypted for one node: 1,120 bytes for the key, 64 for the secret.
const PATH_SECRET_LEN: usize = 1280;

/// A parent node in a path or a tree has a public key of 1,216 bytes.
const PARENT_LEN: usize = 1280;

/// The `ExternalInit` of a joiner has 1,120 bytes.
const EXTERNAL_INIT_LEN: usize = 1280;

/// `Remove` names a leaf.
const REMOVE_LEN: usize = 16;

/// Longest GroupInfo, in bytes: today's have about 1,600, of which `external_pub` takes 1,216. There is no tree in it.
pub const MAX_GROUP_INFO_LEN: usize = 4096;

/// Longest part of a Welcome for one joiner, in bytes: today's have about 1,350, of which the key takes 1,120. What all
/// joiners get is an encrypted GroupInfo, and not longer than one.
pub const MAX_JOINER_SECRETS_LEN: usize = 2048;

/// A roster step stands beside the commit, and the GroupContext after it in a proposal.
const STEP_LEN: usize = crate::roster::MAX_LEN + 2048;

/// Longest commit to a group of so many leaves that adds so many: where no parent node has a key, the path secret is
/// encrypted for each leaf that was there before. `step`: it may carry the step to another roster.
#[must_use]
pub const fn max_commit_len(leaves: usize, added: usize, step: bool) -> usize {
    let each = (PATH_SECRET_LEN + REMOVE_LEN).saturating_mul(leaves);
    let adds = KEY_PACKAGE_LEN.saturating_mul(added);
    let path = PARENT_LEN * depth(leaves.saturating_add(added));
    let step = if step { STEP_LEN } else { 0 };
    (FRAMING_LEN + MAX_LEAF_LEN + EXTERNAL_INIT_LEN + path + step).saturating_add(each).saturating_add(adds)
}

/// Longest ratchet tree of a group that begins with so many leaves.
#[must_use]
pub const fn max_tree_len(leaves: usize) -> usize {
    (MAX_LEAF_LEN + PARENT_LEN).saturating_mul(leaves).saturating_add(FRAMING_LEN)
}

/// How many parent nodes are above a leaf that joins by itself, at most.
const fn depth(leaves: usize) -> usize {
    (usize::BITS - leaves.leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_what_the_documentation_promises() {
        let bounds = [(1, 0), (2, 0), (2, 1), (100, 0), (1000, 0), (1, 999)]
            .map(|(leaves, new)| max_commit_len(leaves, new, false));
        assert_eq!(bounds, [7952, 10_528, 15_136, 143_936, 1_314_176, 4_622_864]);
        assert_eq!((max_tree_len(2), max_tree_len(1000)), (9728, 4_353_024));
        assert_eq!(max_commit_len(usize::MAX, usize::MAX, true), usize::MAX);
        assert_eq!(max_commit_len(2, 0, true) - max_commit_len(2, 0, false), STEP_LEN);
    }
}
