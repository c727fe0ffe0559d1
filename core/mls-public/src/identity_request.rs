//! What only the identity itself may ask of the server.
//!
//! ```text
//! enum { set_access_key(1), seal_identity(2), end_replacement(3), (255) } Action;
//! struct {
//!     uint8  version;          // 1
//!     opaque user_id<V>;
//!     opaque challenge[32];    // the server's, for this user and action, good once
//!     Action action;
//!     opaque body_hash[32];    // SHA-256 of the body of the request
//! } IdentityRequest;           // by the identity key, "PrivMsg identity request v1"
//! ```
//!
//! As with [`SignIn`](crate::SignIn), only the signature travels.

use privmsg_protocol::UserId;
use sha2::{Digest as _, Sha256};
use tls_codec::{Serialize as _, TlsSerialize, TlsSize, VLBytes};

use crate::keys::AccountPublicKey;
use crate::statement::{SIGNATURE_LEN, labelled, text};

const LABEL: &[u8] = b"PrivMsg identity request v1";

const VERSION: u8 = 1;

/// What the identity asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum IdentityAction {
    /// Another access key, without the present one.
    SetAccessKey = 1,
    /// Another sealed identity, and the recovery sign-in key of the same words.
    SealIdentity = 2,
    /// The end of a replacement of this identity that somebody has begun.
    EndReplacement = 3,
}

/// A request of the identity, as it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityRequest {
    /// The account.
    pub user_id: UserId,
    /// The server's challenge.
    pub challenge: [u8; 32],
    /// What is asked for.
    pub action: IdentityAction,
    body_hash: [u8; 32],
}

#[derive(TlsSerialize, TlsSize)]
struct Fields {
    version: u8,
    user_id: VLBytes,
    challenge: [u8; 32],
    action: u8,
    body_hash: [u8; 32],
}

impl IdentityRequest {
    /// The request with this body, which may be empty.
    #[must_use]
    pub fn new(user_id: UserId, challenge: [u8; 32], action: IdentityAction, body: &[u8]) -> Self {
        Self { user_id, challenge, action, body_hash: Sha256::digest(body).into() }
    }

    /// The bytes that the identity key signs.
    #[must_use]
    pub fn to_sign(&self) -> Vec<u8> {
        labelled(LABEL, &self.encode())
    }

    /// Whether the identity signed.
    #[must_use]
    pub fn is_signed_by(&self, identity: &AccountPublicKey, signature: &[u8; SIGNATURE_LEN]) -> bool {
        identity.verify(&self.to_sign(), signature)
    }

    /// The encoding in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let fields = Fields {
            version: VERSION,
            user_id: text(&self.user_id),
            challenge: self.challenge,
            action: self.action as u8,
            body_hash: self.body_hash,
        };
        fields.tls_serialize_detached().expect("an identifier is far shorter than a TLS vector")
    }
}

#[cfg(test)]
#[path = "identity_request_tests.rs"]
mod tests;
