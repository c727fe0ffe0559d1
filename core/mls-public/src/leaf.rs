//! What every leaf of ours looks like, and what is demanded of other people's. In OpenMLS's terms, for whoever makes or
//! meets leaves.

use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, ExtensionType, LeafNode,
    ProtocolVersion, RequiredCapabilitiesExtension,
};
use privmsg_protocol::{DeviceId, UserId};

use crate::certificate::{CertificateError, DeviceCertificate};
use crate::keys::DevicePublicKey;

/// X25519 with ML-KEM-768, AES-256-GCM, SHA-384, Ed25519 (0x004E): the only suite, so there is nothing to negotiate
/// and nothing to downgrade.
pub const CIPHERSUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

/// The GroupContext extension with the [`ConversationInfo`](crate::ConversationInfo): the first number of the range
/// that RFC 9420, section 17.3 reserves for private use.
pub const INFO_EXTENSION: u16 = 0xF000;

/// What a client can do that makes our leaves.
#[must_use]
pub fn capabilities() -> Capabilities {
    Capabilities::builder()
        .versions(vec![ProtocolVersion::Mls10])
        .ciphersuites(vec![CIPHERSUITE])
        .extensions(vec![ExtensionType::LastResort, ExtensionType::Unknown(INFO_EXTENSION)])
        .proposals(Vec::new())
        .credentials(vec![CredentialType::Basic])
        .build()
}

/// What a client must be able to do to have a leaf in a group of ours.
#[must_use]
pub fn required_capabilities() -> RequiredCapabilitiesExtension {
    RequiredCapabilitiesExtension::new(&[ExtensionType::Unknown(INFO_EXTENSION)], &[], &[CredentialType::Basic])
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
        insta::assert_snapshot!(hex(&capabilities()), @"02000102004e04000af00000020001");
        insta::assert_snapshot!(hex(&required_capabilities()), @"02f00000020001");
    }
}
