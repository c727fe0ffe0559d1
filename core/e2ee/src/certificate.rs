//! The device certificate: an account's word that a device is its own.
//!
//! It is the content of the MLS `BasicCredential` (RFC 9420, section 5.3) of every leaf and key package. Whoever meets
//! a device accepts it only with a certificate that verifies, that names the expected user and device, and whose
//! device key is the signature key of the leaf. A server that invents a device has no such certificate.
//!
//! Encoding (TLS presentation language, RFC 8446 section 3, with the vectors of RFC 9420 section 2.1.2):
//!
//! ```text
//! struct {
//!     uint8  version;          // 1
//!     opaque user_id<V>;
//!     opaque device_id<V>;
//!     opaque device_key[32];   // Ed25519
//!     uint64 created_at;       // seconds since 1970
//!     opaque identity_key[32]; // Ed25519
//!     opaque signature[64];    // by identity_key, over the label below and all fields above
//! } DeviceCertificate;
//! ```

use privmsg_protocol::{DeviceId, UserId};
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use crate::identity::{AccountKey, AccountPublicKey, DevicePublicKey};

/// Separates this signature from any other that the identity key may ever make.
const LABEL: &[u8] = b"PrivMsg device certificate v1\0";

const VERSION: u8 = 1;

/// Why a device certificate is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The bytes are no certificate.
    #[error("malformed device certificate")]
    Malformed,
    /// A version that this build does not know: the peer is newer.
    #[error("device certificate of unknown version {0}")]
    UnsupportedVersion(u8),
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
    signature: [u8; 64],
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Signed {
    version: u8,
    user_id: VLBytes,
    device_id: VLBytes,
    device_key: [u8; 32],
    created_at: u64,
    identity_key: [u8; 32],
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Wire {
    signed: Signed,
    signature: [u8; 64],
}

impl DeviceCertificate {
    pub(crate) fn sign(
        account: &AccountKey,
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
            identity_key: account.public(),
            signature: [0; 64],
        };
        certificate.signature = account.sign(&certificate.signed_bytes());
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

    /// The encoding described in the module documentation: at most 266 bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.signed().tls_serialize_detached().expect("identifiers are far shorter than a TLS vector");
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Reads a certificate. Says nothing about who made it: see [`DeviceCertificate::verify`].
    ///
    /// # Errors
    /// [`CertificateError::Malformed`] also for a second spelling of a valid certificate;
    /// [`CertificateError::UnsupportedVersion`] for one from a newer build.
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateError> {
        match bytes.first() {
            Some(&VERSION) => {}
            Some(&version) => return Err(CertificateError::UnsupportedVersion(version)),
            None => return Err(CertificateError::Malformed),
        }
        let certificate = Self::from_wire(bytes).ok_or(CertificateError::Malformed)?;
        if certificate.encode() != bytes {
            return Err(CertificateError::Malformed);
        }
        Ok(certificate)
    }

    fn from_wire(bytes: &[u8]) -> Option<Self> {
        let Wire { signed, signature } = Wire::tls_deserialize_exact_bytes(bytes).ok()?;
        Some(Self {
            user_id: std::str::from_utf8(signed.user_id.as_slice()).ok()?.parse().ok()?,
            device_id: std::str::from_utf8(signed.device_id.as_slice()).ok()?.parse().ok()?,
            device_key: DevicePublicKey::from_bytes(signed.device_key).ok()?,
            created_at: signed.created_at,
            identity_key: AccountPublicKey::from_bytes(signed.identity_key).ok()?,
            signature,
        })
    }

    /// Checks that the identity key named in the certificate signed it. Whether that key is the right one for the
    /// user is for the caller to say, who pins it.
    ///
    /// # Errors
    /// [`CertificateError::Forged`].
    pub fn verify(&self) -> Result<(), CertificateError> {
        if self.identity_key.verify(&self.signed_bytes(), &self.signature) {
            Ok(())
        } else {
            Err(CertificateError::Forged)
        }
    }

    fn signed(&self) -> Signed {
        Signed {
            version: VERSION,
            user_id: self.user_id.as_str().as_bytes().to_vec().into(),
            device_id: self.device_id.as_str().as_bytes().to_vec().into(),
            device_key: *self.device_key.as_bytes(),
            created_at: self.created_at,
            identity_key: *self.identity_key.as_bytes(),
        }
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = LABEL.to_vec();
        self.signed().tls_serialize(&mut bytes).expect("identifiers are far shorter than a TLS vector");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::DeviceKeys;

    fn certificate() -> DeviceCertificate {
        AccountKey::from_bytes(&[1; 32]).certify(
            &UserId::new("alice").unwrap(),
            &DeviceId::new("phone").unwrap(),
            &DeviceKeys::from_bytes(&[2; 32]).public(),
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
    }

    #[test]
    fn any_changed_field_is_a_forgery() {
        let genuine = certificate();
        let forgeries = [
            DeviceCertificate { user_id: UserId::new("bob").unwrap(), ..genuine.clone() },
            DeviceCertificate { device_id: DeviceId::new("laptop").unwrap(), ..genuine.clone() },
            DeviceCertificate { device_key: DeviceKeys::from_bytes(&[3; 32]).public(), ..genuine.clone() },
            DeviceCertificate { created_at: 0, ..genuine.clone() },
            DeviceCertificate { identity_key: AccountKey::from_bytes(&[4; 32]).public(), ..genuine },
        ];
        for forgery in forgeries {
            assert_eq!(forgery.verify(), Err(CertificateError::Forged));
        }
    }

    #[test]
    fn a_newer_version_is_named() {
        let mut bytes = certificate().encode();
        bytes[0] = 2;
        assert_eq!(DeviceCertificate::decode(&bytes), Err(CertificateError::UnsupportedVersion(2)));
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_pass(mut bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255u8) {
            let _ = DeviceCertificate::decode(&bytes);
            bytes = certificate().encode();
            let at = at.index(bytes.len());
            prop_assert_eq!(DeviceCertificate::decode(&bytes[..at]).ok(), None);
            bytes[at] ^= flip;
            let accepted = DeviceCertificate::decode(&bytes).is_ok_and(|c| c.verify().is_ok());
            prop_assert!(!accepted);
        }
    }
}
