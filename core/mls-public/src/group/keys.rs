//! Whether public keys are of any use.

use openmls::prelude::OpenMlsCrypto;
use tls_codec::{DeserializeBytes as _, Serialize, VLBytes};

use crate::leaf;

/// Nobody can encrypt to a key in it: it has the wrong length, or is no key of ML-KEM.
///
/// OpenMLS finds out when a later committer has to encrypt to it, and then no honest member can commit any more. A leaf's
/// key is nowhere else of use to the others, so nothing else would show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody can encrypt to a key in it")]
pub struct UnusableKey;

/// Whether one can encrypt to this key. Tried, because every implementation has its own idea of a valid key.
pub(super) fn check(crypto: &impl OpenMlsCrypto, key: &[u8]) -> Result<(), UnusableKey> {
    match crypto.hpke_seal(leaf::CIPHERSUITE.hpke_config(), key, &[], &[], &[]) {
        Ok(_) => Ok(()),
        Err(_) => Err(UnusableKey),
    }
}

/// As [`check`], for a key or a node that begins with its key.
pub(super) fn check_node(crypto: &impl OpenMlsCrypto, node: &impl Serialize) -> Result<(), UnusableKey> {
    let bytes = node.tls_serialize_detached().map_err(|_| UnusableKey)?;
    let (key, _) = VLBytes::tls_deserialize_bytes(&bytes).map_err(|_| UnusableKey)?;
    check(crypto, key.as_slice())
}
