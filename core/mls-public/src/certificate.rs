//! The device certificate: an account's word that a device is its own.
//!
//! It is the content of the MLS `BasicCredential` (RFC 9420, section 5.3) of every leaf and key package. Whoever meets
//! a device accepts it only with a certificate that verifies, that names the expected user and device, and whose
//! device key is the signature key of the leaf. A server that invents a device has no such certificate.
//!
//! Encoding (TLS presentation language, RFC 8446 section 3, with the vectors of RFC 9420 section 2.1.2), at most
//! 1,024 bytes:
//!
//! ```text
//! struct {
//!     uint8  version;          // 2
//!     SigningKeyCertificate by;
//!     opaque device_id<V>;
//!     opaque device_key[32];   // Ed25519
//!     uint64 added_at;         // seconds since 1970
//!     opaque later[…];         // fields that later builds add; may be empty
//!     opaque signature[64];    // by the signing key, "PrivMsg device certificate v2"
//! } DeviceCertificate;
//! ```
//!
//! The identity key vouches for the signing key in `by`, which vouches for the device. The certificate stays good when
//! the account begins another generation: whether the device is still the account's, the newest
//! [`DeviceList`](crate::DeviceList) says.
//!
//! The last 64 bytes are the signature, and it covers all others, `later` as well, which only the signing key can
//! write. A build that does not know a field passes over it, so such a field may add something but must not restrict
//! or change the meaning of the others: what does takes another version, which an older build does not interpret
//! ([`UpdateNeeded`]).

use privmsg_protocol::{DeviceId, UserId};
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use crate::keys::{AccountPublicKey, DevicePublicKey};
use crate::signing_certificate::SigningKeyCertificate;
use crate::statement::{SIGNATURE_LEN, StatementError, device_id, labelled, text};
use crate::update_needed::UpdateNeeded;

const LABEL: &[u8] = b"PrivMsg device certificate v2";

const VERSION: u8 = 2;

/// Longest certificate, in bytes. Today's have at most 374; every leaf of every group carries one.
const MAX_LEN: usize = 1024;

/// Why a device certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The bytes are no certificate.
    #[error("malformed device certificate")]
    Malformed,
    /// A version that this build does not know: the device is newer.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
    /// A signature is not by the key that the certificate names.
    #[error("forged device certificate")]
    Forged,
    /// The certificate is for another signature key than the leaf that carries it.
    #[error("device certificate for another key than the leaf's")]
    KeyMismatch,
}

impl From<StatementError> for CertificateError {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::Malformed => Self::Malformed,
            StatementError::UpdateNeeded(update) => Self::UpdateNeeded(update),
            StatementError::Forged | StatementError::Other => Self::Forged,
        }
    }
}

/// Says that a device belongs to an account, signed by the account's signing key.
///
/// A value obtained from [`DeviceCertificate::decode`] is genuine under the identity key that it names. Whether that
/// key is the user's is for the caller to say, who pins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCertificate {
    by: SigningKeyCertificate,
    device_id: DeviceId,
    device_key: DevicePublicKey,
    added_at: u64,
    /// Signed fields that this build does not know.
    later: Vec<u8>,
    signature: [u8; SIGNATURE_LEN],
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Known {
    device_id: VLBytes,
    device_key: [u8; 32],
    added_at: u64,
}

impl DeviceCertificate {
    /// The certificate whose signature `sign` makes over the bytes that it is given, with the signing key of `by`.
    /// `added_at` is in seconds since 1970.
    ///
    /// # Errors
    /// [`CertificateError::Forged`] if `sign` has another key.
    pub fn signed_by(
        by: SigningKeyCertificate,
        sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
        device_id: &DeviceId,
        device_key: &DevicePublicKey,
        added_at: u64,
    ) -> Result<Self, CertificateError> {
        let mut certificate = Self {
            by,
            device_id: device_id.clone(),
            device_key: *device_key,
            added_at,
            later: Vec::new(),
            signature: [0; SIGNATURE_LEN],
        };
        certificate.signature = sign(&labelled(LABEL, &certificate.signed()));
        certificate.check_signature()?;
        Ok(certificate)
    }

    /// The owner of the device.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        self.by.user_id()
    }

    /// The device.
    #[must_use]
    pub const fn device_id(&self) -> &DeviceId {
        &self.device_id
    }

    /// The device's MLS signature key.
    #[must_use]
    pub const fn device_key(&self) -> &DevicePublicKey {
        &self.device_key
    }

    /// When the device was let in, in seconds since 1970, by the clock of the device that did it.
    #[must_use]
    pub const fn added_at(&self) -> u64 {
        self.added_at
    }

    /// The account identity key that vouches for the signing key.
    #[must_use]
    pub const fn identity_key(&self) -> &AccountPublicKey {
        self.by.identity_key()
    }

    /// Who has signed, by the identity's word.
    #[must_use]
    pub const fn signing_certificate(&self) -> &SigningKeyCertificate {
        &self.by
    }

    /// The encoding described in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [&self.signed()[..], &self.signature].concat()
    }

    /// Reads and verifies a certificate.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`] also for a second spelling of a valid certificate;
    /// [`CertificateError::UpdateNeeded`] for another version; [`CertificateError::Forged`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateError> {
        let certificate = Self::decode_admitted(bytes)?;
        certificate.verify()?;
        Ok(certificate)
    }

    /// Checks both signatures, of a certificate that may have been read without.
    ///
    /// # Errors
    /// [`CertificateError::Forged`], and [`CertificateError::Malformed`] for a generation that cannot be.
    pub fn verify(&self) -> Result<(), CertificateError> {
        self.by.verify()?;
        self.check_signature()
    }

    /// Reads a certificate that was verified before, at the door, without the cost of doing it again. Of any other it
    /// says nothing.
    ///
    /// # Errors
    /// As [`DeviceCertificate::decode`], but for forgeries.
    pub fn decode_admitted(bytes: &[u8]) -> Result<Self, CertificateError> {
        Self::check_version(bytes)?;
        let certificate = Self::read(bytes).ok_or(CertificateError::Malformed)?;
        if certificate.encode() == bytes { Ok(certificate) } else { Err(CertificateError::Malformed) }
    }

    /// Whether this build can read a certificate with these bytes, which costs less than to read it.
    ///
    /// # Errors
    /// As [`DeviceCertificate::decode`].
    pub fn check_version(bytes: &[u8]) -> Result<(), CertificateError> {
        match bytes {
            [VERSION, rest @ ..] => Ok(SigningKeyCertificate::check_version(rest)?),
            [version, ..] => Err(UpdateNeeded::new(UpdateNeeded::CERTIFICATE, *version).into()),
            [] => Err(CertificateError::Malformed),
        }
    }

    /// Whom a certificate is about that was verified before, without the cost of reading its keys.
    ///
    /// # Errors
    /// As [`DeviceCertificate::decode_admitted`].
    pub fn device_of(bytes: &[u8]) -> Result<(UserId, DeviceId), CertificateError> {
        Self::check_version(bytes)?;
        let read = || {
            let (user_id, rest) = SigningKeyCertificate::user_of(&bytes[1..])?;
            let (known, _) = Known::tls_deserialize_bytes(rest).ok()?;
            Some((user_id, device_id(&known.device_id)?))
        };
        read().ok_or(CertificateError::Malformed)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_LEN {
            return None;
        }
        let (signed, signature) = bytes.split_last_chunk()?;
        let (by, rest) = SigningKeyCertificate::read(signed.get(1..)?)?;
        let (known, later) = Known::tls_deserialize_bytes(rest).ok()?;
        Some(Self {
            by,
            device_id: device_id(&known.device_id)?,
            device_key: DevicePublicKey::from_bytes(known.device_key).ok()?,
            added_at: known.added_at,
            later: later.to_vec(),
            signature: *signature,
        })
    }

    fn check_signature(&self) -> Result<(), CertificateError> {
        let genuine = self.by.signing_key().verify(&labelled(LABEL, &self.signed()), &self.signature);
        if genuine { Ok(()) } else { Err(CertificateError::Forged) }
    }

    /// All fields but the signature.
    fn signed(&self) -> Vec<u8> {
        let known = Known {
            device_id: text(&self.device_id),
            device_key: *self.device_key.as_bytes(),
            added_at: self.added_at,
        };
        let known = known.tls_serialize_detached().expect("an identifier is far shorter than a TLS vector");
        [&[VERSION], &self.by.encode()[..], &known, &self.later].concat()
    }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
