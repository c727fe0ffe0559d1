//! What every leaf of ours looks like, and what is demanded of other people's. In OpenMLS's terms, for whoever makes or
//! meets leaves.

use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extension,
    ExtensionType, Extensions, KeyPackageIn, LeafNode, ProtocolVersion, RequiredCapabilitiesExtension,
    UnknownExtension,
};
use privmsg_protocol::limits::MAX_COUNTER;
use privmsg_protocol::{DeviceId, UserId};
use tls_codec::{DeserializeBytes as _, TlsDeserializeBytes, TlsSize, VLBytes};

use crate::certificate::{CertificateError, DeviceCertificate};
use crate::keys::DevicePublicKey;
use crate::malformed::Malformed;

/// A `LeafNode` (RFC 9420, section 7.2) up to what follows by its source.
#[derive(TlsDeserializeBytes, TlsSize)]
pub(crate) struct LeafBeginning {
    _encryption_key: VLBytes,
    _signature_key: VLBytes,
    _credential_type: u16,
    _credential: VLBytes,
    _versions: VLBytes,
    _ciphersuites: VLBytes,
    _extensions: VLBytes,
    _proposals: VLBytes,
    _credentials: VLBytes,
    pub(crate) source: u8,
}

impl LeafBeginning {
    /// Of a key package: its lifetime follows.
    pub(crate) const KEY_PACKAGE: u8 = 1;
    /// Of an update: nothing does.
    pub(crate) const UPDATE: u8 = 2;
    /// Of a commit: the parent's hash does.
    pub(crate) const COMMIT: u8 = 3;
}

/// X25519 with ML-KEM-768, AES-256-GCM, SHA-384, Ed25519 (0x004E): the only suite, so there is nothing to negotiate
/// and nothing to downgrade.
pub const CIPHERSUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

/// The GroupContext extension with the [`ConversationInfo`](crate::ConversationInfo): the first number of the range
/// that RFC 9420, section 17.3 reserves for private use.
pub const INFO_EXTENSION: u16 = 0xF000;

/// The LeafNode extension with the time at which the leaf was made: see [`made_at`].
pub const MADE_AT_EXTENSION: u16 = 0xF001;

const OURS: [ExtensionType; 2] = [ExtensionType::Unknown(INFO_EXTENSION), ExtensionType::Unknown(MADE_AT_EXTENSION)];

/// What a client can do that makes our leaves.
#[must_use]
pub fn capabilities() -> Capabilities {
    Capabilities::builder()
        .versions(vec![ProtocolVersion::Mls10])
        .ciphersuites(vec![CIPHERSUITE])
        .extensions([&[ExtensionType::LastResort], &OURS[..]].concat())
        .proposals(Vec::new())
        .credentials(vec![CredentialType::Basic])
        .build()
}

/// What a client must be able to do to have a leaf in a group of ours.
#[must_use]
pub fn required_capabilities() -> RequiredCapabilitiesExtension {
    RequiredCapabilitiesExtension::new(&OURS, &[], &[CredentialType::Basic])
}

/// The extensions of a leaf that is made at this time: the number [`following`](crate::numbers::following) that of the last
/// leaf which the device has made in the conversation.
#[must_use]
pub fn extensions(made_at: u64) -> Extensions<LeafNode> {
    let made_at = UnknownExtension(made_at.to_be_bytes().to_vec());
    Extensions::from_vec(vec![Extension::Unknown(MADE_AT_EXTENSION, made_at)])
        .expect("one extension, of a type that RFC 9420 allows in a leaf")
}

/// When a leaf was made, as its device says. Whether it is the newest that was seen of the device decides whether anything is
/// encrypted for it ([`is_stale`](crate::numbers::is_stale)).
///
/// # Errors
/// [`Malformed`], if it says nothing, or no number that one can follow.
pub fn made_at(leaf: &LeafNode) -> Result<u64, Malformed> {
    let read = || {
        let UnknownExtension(bytes) = leaf.extensions().unknown(MADE_AT_EXTENSION)?;
        time(bytes)
    };
    read().ok_or(Malformed::new("time of a leaf"))
}

/// What stands in the extension.
pub(crate) fn time(bytes: &[u8]) -> Option<u64> {
    let made_at = u64::from_be_bytes(bytes.try_into().ok()?);
    (made_at <= MAX_COUNTER).then_some(made_at)
}

/// The credential of a device with this certificate and signature key.
#[must_use]
pub fn credential(certificate: &DeviceCertificate, key: &DevicePublicKey) -> CredentialWithKey {
    CredentialWithKey {
        credential: BasicCredential::new(certificate.encode()).into(),
        signature_key: key.as_bytes().as_slice().into(),
    }
}

/// The verified certificate of a leaf with this credential and signature key.
///
/// # Errors
/// [`CertificateError`].
pub fn certificate(credential: &Credential, signature_key: &[u8]) -> Result<DeviceCertificate, CertificateError> {
    let certificate = DeviceCertificate::decode(basic(credential)?.identity())?;
    if certificate.device_key().as_bytes() != signature_key {
        return Err(CertificateError::KeyMismatch);
    }
    Ok(certificate)
}

/// The verified certificate of a leaf.
///
/// # Errors
/// [`CertificateError`].
pub fn certificate_of(leaf: &LeafNode) -> Result<DeviceCertificate, CertificateError> {
    certificate(leaf.credential(), leaf.signature_key().as_slice())
}

/// The certificate in a credential that was verified before it entered the group.
///
/// # Errors
/// [`CertificateError`].
pub fn admitted_certificate(credential: &Credential) -> Result<DeviceCertificate, CertificateError> {
    DeviceCertificate::decode_admitted(basic(credential)?.identity())
}

/// Whose leaf it is that has a credential which was verified before it entered the group: cheap, for a look at all of
/// them.
///
/// # Errors
/// [`CertificateError`].
pub fn device_of(credential: &Credential) -> Result<(UserId, DeviceId), CertificateError> {
    DeviceCertificate::device_of(basic(credential)?.identity())
}

/// Whether this build can read the certificate in a credential that was verified before it entered the group.
///
/// # Errors
/// As [`DeviceCertificate::check_version`].
pub fn check_version(credential: &Credential) -> Result<(), CertificateError> {
    DeviceCertificate::check_version(basic(credential)?.identity())
}

/// The device key that a key package is for, if it is one. Nothing else of it is checked.
#[must_use]
pub fn key_of_package(bytes: &[u8]) -> Option<DevicePublicKey> {
    let package = KeyPackageIn::tls_deserialize_exact_bytes(bytes).ok()?;
    let key = package.unverified_credential().signature_key;
    DevicePublicKey::from_bytes(key.as_slice().try_into().ok()?).ok()
}

fn basic(credential: &Credential) -> Result<BasicCredential, CertificateError> {
    BasicCredential::try_from(credential.clone()).map_err(|_| CertificateError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(value: &impl tls_codec::Serialize) -> String {
        value.tls_serialize_detached().unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What stands in every leaf and every GroupContext: another value of it is another kind of group.
    #[test]
    fn bytes_are_pinned() {
        insta::assert_snapshot!(hex(&CIPHERSUITE), @"004e");
        insta::assert_snapshot!(hex(&capabilities()), @"02000102004e06000af000f00100020001");
        insta::assert_snapshot!(hex(&required_capabilities()), @"04f000f00100020001");
        insta::assert_snapshot!(hex(&extensions(0x1122_3344_5566)), @"0bf001080000112233445566");
    }
}
