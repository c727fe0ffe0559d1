//! The parts of a commit to which OpenMLS gives no access before the commit is merged.

use openmls::prelude::{LeafNode, Sender};
use tls_codec::{DeserializeBytes as _, Error, Serialize as _, TlsDeserializeBytes, TlsSize, VLBytes};

/// `ContentType.commit` (RFC 9420, section 6).
const COMMIT: u8 = 3;

/// An `MLSMessage` with a `PublicMessage` (RFC 9420, section 6), as far as the path of the commit
/// in it (section 12.4).
#[derive(TlsDeserializeBytes, TlsSize)]
struct Content {
    _version: u16,
    _wire_format: u16,
    _group_id: VLBytes,
    _epoch: u64,
    sender: Sender,
    _authenticated_data: VLBytes,
    content_type: u8,
    _proposals: VLBytes,
    has_path: u8,
}

/// A part of `UpdatePath` (RFC 9420, section 7.6).
#[derive(Debug, TlsDeserializeBytes, TlsSize)]
struct UpdatePathNode {
    encryption_key: VLBytes,
    _encrypted_path_secret: VLBytes,
}

/// What authenticates a commit (RFC 9420, section 6.1).
#[derive(TlsDeserializeBytes, TlsSize)]
struct Auth {
    _signature: VLBytes,
    _confirmation_tag: VLBytes,
}

/// What is read of a commit here.
pub(super) struct CommitParts {
    /// The public keys of the parent nodes in the path.
    pub(super) parent_keys: Vec<VLBytes>,
    /// How long the MAC is that only members can check. Joiners make none.
    pub(super) membership_tag_len: Option<usize>,
}

impl CommitParts {
    /// Reads a commit in which OpenMLS has found this leaf in the path.
    pub(super) fn read(bytes: &[u8], leaf: Option<&LeafNode>) -> Result<Self, Error> {
        let (content, mut rest) = Content::tls_deserialize_bytes(bytes)?;
        let leaf = leaf.map(|leaf| leaf.tls_serialize_detached()).transpose()?;
        if content.content_type != COMMIT || content.has_path != u8::from(leaf.is_some()) {
            return Err(Error::InvalidInput);
        }
        let mut parent_keys = Vec::new();
        if let Some(leaf) = leaf {
            rest = rest.strip_prefix(&*leaf).ok_or(Error::InvalidInput)?;
            let (nodes, after) = Vec::<UpdatePathNode>::tls_deserialize_bytes(rest)?;
            parent_keys.extend(nodes.into_iter().map(|node| node.encryption_key));
            rest = after;
        }
        let (_, rest) = Auth::tls_deserialize_bytes(rest)?;
        let membership_tag_len = match content.sender {
            Sender::Member(_) => Some(VLBytes::tls_deserialize_exact_bytes(rest)?.as_slice().len()),
            _ if rest.is_empty() => None,
            _ => return Err(Error::TrailingData),
        };
        Ok(Self { parent_keys, membership_tag_len })
    }
}
