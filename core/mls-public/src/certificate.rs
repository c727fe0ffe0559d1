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
//!     uint8  version;          // 1
//!     opaque user_id<V>;
//!     opaque device_id<V>;
//!     opaque device_key[32];   // Ed25519
//!     uint64 created_at;       // seconds since 1970
//!     opaque identity_key[32]; // Ed25519
//!     opaque later[…];         // fields that later builds add; may be empty
//!     opaque signature[64];    // by identity_key, over the label below and all fields above
//! } DeviceCertificate;
//! ```
//!
//! The last 64 bytes are the signature, and it covers all others, `later` as well, which only the identity key can
//! write. A build that does not know a field passes over it, so such a field may add something but must not restrict
//! or change the meaning of the others: what does takes another version, which an older build does not interpret
//! ([`UpdateNeeded`]).

use privmsg_protocol::{DeviceId, UserId};
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use crate::keys::{AccountPublicKey, DevicePublicKey};
use crate::update_needed::UpdateNeeded;

/// Separates this signature from any other that the identity key may ever make.
const LABEL: &[u8] = b"PrivMsg device certificate v1\0";

const VERSION: u8 = 1;

/// Longest certificate, in bytes. Today's have at most 266; every leaf of every group carries one.
const MAX_LEN: usize = 1024;

const SIGNATURE_LEN: usize = 64;

/// Why a device certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The bytes are no certificate.
    #[error("malformed device certificate")]
    Malformed,
    /// A version that this build does not know: the device is newer.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
    /// The signature is not by the identity key that the certificate names.
    #[error("forged device certificate")]
    Forged,
    /// The certificate is for another signature key than the leaf that carries it.
    #[error("device certificate for another key than the leaf's")]
    KeyMismatch,
}

/// Says that a device belongs to an account, signed by the account's identity key.
///
/// A value obtained from [`DeviceCertificate::decode`] is not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCertificate {
    user_id: UserId,
    device_id: DeviceId,
    device_key: DevicePublicKey,
    created_at: u64,
    identity_key: AccountPublicKey,
    /// Signed fields that this build does not know.
    later: Vec<u8>,
    signature: [u8; SIGNATURE_LEN],
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Known {
    version: u8,
    user_id: VLBytes,
    device_id: VLBytes,
    device_key: [u8; 32],
    created_at: u64,
    identity_key: [u8; 32],
}

impl Known {
    fn device(&self) -> Option<(UserId, DeviceId)> {
        let user_id = std::str::from_utf8(self.user_id.as_slice()).ok()?.parse().ok()?;
        let device_id = std::str::from_utf8(self.device_id.as_slice()).ok()?.parse().ok()?;
        Some((user_id, device_id))
    }
}

impl DeviceCertificate {
    /// The certificate whose signature `sign` makes over the bytes that it is given, with the key `identity_key`.
    /// `created_at` is in seconds since 1970.
    #[must_use]
    pub fn signed_by(
        identity_key: AccountPublicKey,
        sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
        user_id: &UserId,
        device_id: &DeviceId,
        device_key: &DevicePublicKey,
        created_at: u64,
    ) -> Self {
        let mut certificate = Self {
            user_id: user_id.clone(),
            device_id: device_id.clone(),
            device_key: *device_key,
            created_at,
            identity_key,
            later: Vec::new(),
            signature: [0; SIGNATURE_LEN],
        };
        certificate.signature = sign(&certificate.labelled());
        certificate
    }

    /// The owner of the device.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        &self.user_id
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

    /// When the certificate was made, in seconds since 1970, by the clock of the device that made it.
    #[must_use]
    pub const fn created_at(&self) -> u64 {
        self.created_at
    }

    /// The account identity key that signed.
    #[must_use]
    pub const fn identity_key(&self) -> &AccountPublicKey {
        &self.identity_key
    }

    /// The encoding described in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.signed();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Reads a certificate. Says nothing about who made it: see [`DeviceCertificate::verify`].
    ///
    /// # Errors
    /// [`CertificateError::Malformed`] also for a second spelling of a valid certificate;
    /// [`CertificateError::UpdateNeeded`] for another version.
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateError> {
        Self::check_version(bytes)?;
        let certificate = Self::read(bytes).ok_or(CertificateError::Malformed)?;
        if certificate.encode() == bytes { Ok(certificate) } else { Err(CertificateError::Malformed) }
    }

    /// Whether this build can read a certificate with these bytes, which costs less than to read it.
    ///
    /// # Errors
    /// As [`DeviceCertificate::decode`].
    pub fn check_version(bytes: &[u8]) -> Result<(), CertificateError> {
        match bytes.first() {
            Some(&VERSION) => Ok(()),
            Some(&version) => Err(UpdateNeeded::new(UpdateNeeded::CERTIFICATE, version).into()),
            None => Err(CertificateError::Malformed),
        }
    }

    /// Whom a certificate is about that was verified before, without the cost of reading its keys.
    ///
    /// # Errors
    /// As [`DeviceCertificate::decode`].
    pub fn device_of(bytes: &[u8]) -> Result<(UserId, DeviceId), CertificateError> {
        Self::check_version(bytes)?;
        let (known, _) = Known::tls_deserialize_bytes(bytes).map_err(|_| CertificateError::Malformed)?;
        known.device().ok_or(CertificateError::Malformed)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_LEN {
            return None;
        }
        let (signed, signature) = bytes.split_last_chunk()?;
        let (known, later) = Known::tls_deserialize_bytes(signed).ok()?;
        let (user_id, device_id) = known.device()?;
        Some(Self {
            user_id,
            device_id,
            device_key: DevicePublicKey::from_bytes(known.device_key).ok()?,
            created_at: known.created_at,
            identity_key: AccountPublicKey::from_bytes(known.identity_key).ok()?,
            later: later.to_vec(),
            signature: *signature,
        })
    }

    /// Checks that the identity key named in the certificate signed it. Whether that key is the right one for the
    /// user is for the caller to say, who pins it.
    ///
    /// # Errors
    /// [`CertificateError::Forged`].
    pub fn verify(&self) -> Result<(), CertificateError> {
        let genuine = self.identity_key.verify(&self.labelled(), &self.signature);
        if genuine { Ok(()) } else { Err(CertificateError::Forged) }
    }

    /// All fields but the signature.
    fn signed(&self) -> Vec<u8> {
        let known = Known {
            version: VERSION,
            user_id: self.user_id.as_str().as_bytes().to_vec().into(),
            device_id: self.device_id.as_str().as_bytes().to_vec().into(),
            device_key: *self.device_key.as_bytes(),
            created_at: self.created_at,
            identity_key: *self.identity_key.as_bytes(),
        };
        let mut bytes = known.tls_serialize_detached().expect("identifiers are far shorter than a TLS vector");
        bytes.extend_from_slice(&self.later);
        bytes
    }

    /// What is signed.
    fn labelled(&self) -> Vec<u8> {
        [LABEL, &self.signed()].concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_keys::{account_key, device_key, sign};

    fn certificate() -> DeviceCertificate {
        DeviceCertificate::signed_by(
            account_key(1),
            |bytes| sign(1, bytes),
            &UserId::new("alice").unwrap(),
            &DeviceId::new("phone").unwrap(),
            &device_key(2),
            1_700_000_000,
        )
    }

    #[test]
    fn bytes_are_pinned() {
        let bytes = certificate().encode();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        insta::assert_snapshot!(hex, @"0105616c6963650570686f6e658139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394000000006553f1008a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c7e2613aef048100d2ec2e74b6fe3370b805a136da6d32ac3cf1ea127691a3465e2aa0e11c982ef8188dc060c47a2b76e7778686ff326461af0981d1d52b39303");
        let decoded = DeviceCertificate::decode(&bytes).unwrap();
        assert_eq!(decoded, certificate());
        assert_eq!(decoded.verify(), Ok(()));
        let device = (decoded.user_id().clone(), decoded.device_id().clone());
        assert_eq!(DeviceCertificate::device_of(&bytes), Ok(device));
    }

    #[test]
    fn any_changed_field_is_a_forgery() {
        let genuine = certificate();
        let forgeries = [
            DeviceCertificate { user_id: UserId::new("bob").unwrap(), ..genuine.clone() },
            DeviceCertificate { device_id: DeviceId::new("laptop").unwrap(), ..genuine.clone() },
            DeviceCertificate { device_key: device_key(3), ..genuine.clone() },
            DeviceCertificate { created_at: 0, ..genuine.clone() },
            DeviceCertificate { identity_key: account_key(4), ..genuine.clone() },
            DeviceCertificate { later: vec![0], ..genuine },
        ];
        for forgery in forgeries {
            assert_eq!(forgery.verify(), Err(CertificateError::Forged));
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut bytes = certificate().encode();
        bytes[0] = 2;
        let newer = UpdateNeeded { what: "device certificate version", number: 2 };
        assert_eq!(DeviceCertificate::decode(&bytes), Err(CertificateError::UpdateNeeded(newer)));
        assert_eq!(DeviceCertificate::decode(&[2]), Err(CertificateError::UpdateNeeded(newer)), "not read any further");
        assert_eq!(DeviceCertificate::decode(&[]), Err(CertificateError::Malformed));
    }

    /// Signs the certificate anew with these fields of a later build in it.
    fn with_later(later: &[u8]) -> DeviceCertificate {
        let mut certificate = DeviceCertificate { later: later.to_vec(), ..certificate() };
        certificate.signature = sign(1, &certificate.labelled());
        certificate
    }

    #[test]
    fn what_a_later_build_has_signed_besides_is_passed_over() {
        let later = with_later(b"a field that is not known yet");
        let decoded = DeviceCertificate::decode(&later.encode()).unwrap();
        assert_eq!(decoded.verify(), Ok(()));
        assert_eq!((decoded.user_id(), decoded.device_key()), (certificate().user_id(), certificate().device_key()));
        assert_eq!(decoded.encode(), later.encode(), "a leaf keeps its bytes");

        assert!(DeviceCertificate::decode(&with_later(&[0; 700]).encode()).is_ok());
        let endless = DeviceCertificate::decode(&with_later(&[0; 1000]).encode());
        assert_eq!(endless, Err(CertificateError::Malformed));
    }

    /// Fields that are passed over must not be a place where somebody else can write, nor may they be cut off.
    #[test]
    fn what_nobody_has_signed_is_not_passed_over() {
        let (genuine, later) = (certificate().encode(), with_later(b"later").encode());
        let signature = genuine.len() - SIGNATURE_LEN;
        let inserted = [&genuine[..signature], b"later", &genuine[signature..]].concat();
        let appended = [&genuine[..], b"later"].concat();
        let cut = [&later[..signature], &later[signature + 5..]].concat();
        let repeated = [&genuine[..], &genuine[signature..]].concat();
        for bytes in [inserted, appended, cut, repeated] {
            assert_eq!(DeviceCertificate::decode(&bytes).unwrap().verify(), Err(CertificateError::Forged));
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_pass(mut bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255u8) {
            let _ = DeviceCertificate::decode(&bytes);
            bytes = with_later(b"later").encode();
            let at = at.index(bytes.len());
            let accepted = |bytes: &[u8]| DeviceCertificate::decode(bytes).is_ok_and(|c| c.verify().is_ok());
            prop_assert!(!accepted(&bytes[..at]));
            bytes[at] ^= flip;
            prop_assert!(!accepted(&bytes));
        }
    }
}
