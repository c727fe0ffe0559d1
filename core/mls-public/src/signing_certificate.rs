//! The signing key certificate: an identity's word about who signs for the account, and since when.
//!
//! ```text
//! struct {
//!     uint8  version;          // 1
//!     opaque user_id<V>;
//!     opaque identity_key[32]; // Ed25519
//!     uint64 generation;       // from 1
//!     opaque signing_key[32];  // Ed25519
//!     opaque signature[64];    // by identity_key, "PrivMsg signing key v1"
//! } SigningKeyCertificate;
//! ```
//!
//! The identity key stays sealed under the recovery words. It is opened to start a *generation*: a new signing key,
//! after which the one before is worth nothing to whoever knows of it.

use privmsg_protocol::UserId;
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use crate::keys::{AccountPublicKey, SigningPublicKey};
use crate::statement::{SIGNATURE_LEN, StatementError, check_version, is_number, labelled, text, user_id};
use crate::update_needed::UpdateNeeded;

const LABEL: &[u8] = b"PrivMsg signing key v1";

const VERSION: u8 = 1;

/// Says who signs for an account. Each value is genuine: the identity key that it names has signed it. Whether that key
/// is the user's is for the caller to say, who pins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyCertificate {
    user_id: UserId,
    identity_key: AccountPublicKey,
    generation: u64,
    signing_key: SigningPublicKey,
    signature: [u8; SIGNATURE_LEN],
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Fields {
    version: u8,
    user_id: VLBytes,
    identity_key: [u8; 32],
    generation: u64,
    signing_key: [u8; 32],
}

impl SigningKeyCertificate {
    /// The certificate whose signature `sign` makes over the bytes that it is given, with `identity_key`.
    ///
    /// # Errors
    /// [`StatementError::Malformed`] for a generation that cannot be; [`StatementError::Forged`] if `sign` has another
    /// key.
    pub fn signed_by(
        identity_key: AccountPublicKey,
        sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
        user_id: &UserId,
        generation: u64,
        signing_key: SigningPublicKey,
    ) -> Result<Self, StatementError> {
        let user_id = user_id.clone();
        let mut certificate = Self { user_id, identity_key, generation, signing_key, signature: [0; SIGNATURE_LEN] };
        certificate.signature = sign(&labelled(LABEL, &certificate.fields()));
        certificate.checked()
    }

    /// Whose signing key it is.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
    }

    /// The identity that vouches for it.
    #[must_use]
    pub const fn identity_key(&self) -> &AccountPublicKey {
        &self.identity_key
    }

    /// Which generation of the account it begins.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The key that signs in this generation.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningPublicKey {
        &self.signing_key
    }

    /// The encoding in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [&self.fields()[..], &self.signature].concat()
    }

    /// Reads and verifies a certificate.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        match Self::decode_first(bytes)? {
            (certificate, []) => Ok(certificate),
            _ => Err(StatementError::Malformed),
        }
    }

    /// Reads and verifies the certificate that the bytes begin with, and says what follows it.
    pub(crate) fn decode_first(bytes: &[u8]) -> Result<(Self, &[u8]), StatementError> {
        Self::check_version(bytes)?;
        let (certificate, rest) = Self::read(bytes).ok_or(StatementError::Malformed)?;
        let certificate = certificate.checked()?;
        // A length can be spelled in more than one way.
        let taken = &bytes[..bytes.len() - rest.len()];
        if certificate.encode() == taken { Ok((certificate, rest)) } else { Err(StatementError::Malformed) }
    }

    /// Reads the certificate that the bytes begin with, unverified, and says what follows it.
    pub(crate) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (fields, rest) = Fields::tls_deserialize_bytes(bytes).ok()?;
        let (signature, rest) = rest.split_first_chunk()?;
        let certificate = Self {
            user_id: user_id(&fields.user_id)?,
            identity_key: AccountPublicKey::from_bytes(fields.identity_key).ok()?,
            generation: fields.generation,
            signing_key: SigningPublicKey::from_bytes(fields.signing_key).ok()?,
            signature: *signature,
        };
        Some((certificate, rest))
    }

    /// Whose certificate the bytes begin with, unverified and without the cost of reading its keys, and what follows it.
    pub(crate) fn user_of(bytes: &[u8]) -> Option<(UserId, &[u8])> {
        let (fields, rest) = Fields::tls_deserialize_bytes(bytes).ok()?;
        let (_, rest) = rest.split_first_chunk::<SIGNATURE_LEN>()?;
        Some((user_id(&fields.user_id)?, rest))
    }

    pub(crate) fn check_version(bytes: &[u8]) -> Result<(), StatementError> {
        check_version(bytes, VERSION, UpdateNeeded::SIGNING_CERTIFICATE)
    }

    fn checked(self) -> Result<Self, StatementError> {
        self.verify().map(|()| self)
    }

    /// What each value that leaves this crate has gone through.
    pub(crate) fn verify(&self) -> Result<(), StatementError> {
        if !is_number(self.generation) {
            return Err(StatementError::Malformed);
        }
        let genuine = self.identity_key.verify(&labelled(LABEL, &self.fields()), &self.signature);
        if genuine { Ok(()) } else { Err(StatementError::Forged) }
    }

    fn fields(&self) -> Vec<u8> {
        let fields = Fields {
            version: VERSION,
            user_id: text(&self.user_id),
            identity_key: *self.identity_key.as_bytes(),
            generation: self.generation,
            signing_key: *self.signing_key.as_bytes(),
        };
        fields.tls_serialize_detached().expect("an identifier is far shorter than a TLS vector")
    }
}

#[cfg(test)]
#[path = "signing_certificate_tests.rs"]
mod tests;
