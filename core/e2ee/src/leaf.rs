//! What every leaf of ours looks like, and what is demanded of other people's.

use openmls::prelude::{
    BasicCredential, Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, ExtensionType, Lifetime,
    ProtocolVersion, RequiredCapabilitiesExtension,
};

use crate::identity::DeviceKeys;
use privmsg_mls_public::{CertificateError, DeviceCertificate};

/// X25519 with ML-KEM-768, AES-256-GCM, SHA-384, Ed25519 (0x004E): the only suite, so there is nothing to negotiate
/// and nothing to downgrade.
pub(crate) const CIPHERSUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

/// The GroupContext extension with the [`ConversationInfo`](crate::ConversationInfo): the first number of the range
/// that RFC 9420, section 17.3 reserves for private use.
pub(crate) const INFO_EXTENSION: u16 = 0xF000;

/// Three times four weeks, the longest range that OpenMLS accepts. Leaves rotate at least weekly; a key package of a
/// device that has been away longer is no loss.
const LIFETIME_S: u64 = 84 * 24 * 3600;

/// Clocks of two devices may differ by this much.
const CLOCK_SKEW_S: u64 = 3600;

pub(crate) fn capabilities() -> Capabilities {
    Capabilities::builder()
        .versions(vec![ProtocolVersion::Mls10])
        .ciphersuites(vec![CIPHERSUITE])
        .extensions(vec![ExtensionType::LastResort, ExtensionType::Unknown(INFO_EXTENSION)])
        .proposals(Vec::new())
        .credentials(vec![CredentialType::Basic])
        .build()
}

pub(crate) fn required_capabilities() -> RequiredCapabilitiesExtension {
    RequiredCapabilitiesExtension::new(&[ExtensionType::Unknown(INFO_EXTENSION)], &[], &[CredentialType::Basic])
}

pub(crate) fn lifetime(now: u64) -> Lifetime {
    Lifetime::init(now.saturating_sub(CLOCK_SKEW_S), now.saturating_add(LIFETIME_S))
}

pub(crate) fn credential(keys: &DeviceKeys, certificate: &DeviceCertificate) -> CredentialWithKey {
    CredentialWithKey {
        credential: BasicCredential::new(certificate.encode()).into(),
        signature_key: keys.public().as_bytes().as_slice().into(),
    }
}

/// The verified certificate of a leaf with this credential and signature key.
pub(crate) fn certificate(
    credential: &Credential,
    signature_key: &[u8],
) -> Result<DeviceCertificate, CertificateError> {
    let certificate = unverified_certificate(credential)?;
    certificate.verify()?;
    if certificate.device_key().as_bytes() != signature_key {
        return Err(CertificateError::KeyMismatch);
    }
    Ok(certificate)
}

/// The certificate in a credential that was verified before it entered the group.
pub(crate) fn unverified_certificate(credential: &Credential) -> Result<DeviceCertificate, CertificateError> {
    DeviceCertificate::decode(basic(credential)?.identity())
}

/// Whether this build can read the certificate in a credential that was verified before it entered the group.
pub(crate) fn check_version(credential: &Credential) -> Result<(), CertificateError> {
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
