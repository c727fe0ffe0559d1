//! What a device, or whoever has the recovery words, signs to be let in.
//!
//! ```text
//! struct {
//!     uint8  version;          // 1
//!     opaque user_id<V>;
//!     opaque device_id<V>;
//!     opaque challenge[32];    // the server's, good once
//! } SignIn;                    // by the device key, "PrivMsg sign-in v1";
//!                              // by the recovery sign-in key, "PrivMsg recovery sign-in v1"
//! ```
//!
//! Nobody sends it: both sides make it from what they know, and only the signature travels. It names the user, so that
//! a server cannot pass another server's challenge on for an account that has the same device there.

use privmsg_protocol::{DeviceId, UserId};
use tls_codec::{Serialize as _, TlsSerialize, TlsSize, VLBytes};

use crate::keys::{DevicePublicKey, RecoveryPublicKey};
use crate::statement::{SIGNATURE_LEN, labelled, text};

const DEVICE: &[u8] = b"PrivMsg sign-in v1";
const RECOVERY: &[u8] = b"PrivMsg recovery sign-in v1";

const VERSION: u8 = 1;

/// A wish to be let in, as it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The account.
    pub user_id: UserId,
    /// The device that signs in; with recovery words, the new one.
    pub device_id: DeviceId,
    /// The server's challenge.
    pub challenge: [u8; 32],
}

#[derive(TlsSerialize, TlsSize)]
struct Fields {
    version: u8,
    user_id: VLBytes,
    device_id: VLBytes,
    challenge: [u8; 32],
}

impl SignIn {
    /// The bytes that a device key signs.
    #[must_use]
    pub fn by_device(&self) -> Vec<u8> {
        labelled(DEVICE, &self.encode())
    }

    /// The bytes that a recovery sign-in key signs.
    #[must_use]
    pub fn by_recovery(&self) -> Vec<u8> {
        labelled(RECOVERY, &self.encode())
    }

    /// Whether the device signed.
    #[must_use]
    pub fn is_signed_by_device(&self, key: &DevicePublicKey, signature: &[u8; SIGNATURE_LEN]) -> bool {
        key.verify(&self.by_device(), signature)
    }

    /// Whether somebody signed who has the recovery words.
    #[must_use]
    pub fn is_signed_by_recovery(&self, key: &RecoveryPublicKey, signature: &[u8; SIGNATURE_LEN]) -> bool {
        key.verify(&self.by_recovery(), signature)
    }

    /// The encoding in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let fields = Fields {
            version: VERSION,
            user_id: text(&self.user_id),
            device_id: text(&self.device_id),
            challenge: self.challenge,
        };
        fields.tls_serialize_detached().expect("identifiers are far shorter than a TLS vector")
    }
}

/// What somebody has answered with a device's key, as the server names it to that device afterwards: the proof that it was this
/// key, `challenge[32] ‖ signature[64]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnsweredChallenge {
    /// The server's challenge.
    pub challenge: [u8; 32],
    /// The signature of [`SignIn::by_device`].
    pub signature: [u8; SIGNATURE_LEN],
}

impl AnsweredChallenge {
    /// The length of its encoding.
    pub const LEN: usize = 32 + SIGNATURE_LEN;

    /// The encoding.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..32].copy_from_slice(&self.challenge);
        bytes[32..].copy_from_slice(&self.signature);
        bytes
    }

    /// Reads what [`AnsweredChallenge::encode`] has written; nothing of another length.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (challenge, signature) = bytes.split_first_chunk::<32>()?;
        Some(Self { challenge: *challenge, signature: signature.try_into().ok()? })
    }
}

#[cfg(test)]
#[path = "sign_in_tests.rs"]
mod tests;
