//! TLS for whatever is connected: whom to believe.
//!
//! Without a pinned fingerprint the operating system's trust store judges: an authority that an administrator has
//! installed there is good here too. With one, the key alone counts: the handshake proves that the server has it, so the
//! names, dates and signatures in its certificate add nothing, and no authority can vouch for another key.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::error::{CertificateFault, LinkFault, NetworkError, Untrusted};
use super::fingerprint::Fingerprint;

/// TLS 1.2 and 1.3 by rustls and ring.
pub(super) fn client_config(pin: Option<Fingerprint>) -> Result<Arc<ClientConfig>, NetworkError> {
    let failed = |error: Error| NetworkError::Tls(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = match pin {
        Some(fingerprint) => Trust::Pinned(fingerprint),
        None => match Verifier::new(Arc::clone(&provider)) {
            Ok(system) => Trust::System(system),
            Err(error) => {
                tracing::warn!(%error, "this machine knows no authority for certificates");
                Trust::Nobody
            }
        },
    };
    let judge = Judge { trust, provider: Arc::clone(&provider) };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(judge))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Why a handshake failed.
pub(super) fn fault(error: &std::io::Error) -> NetworkError {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return NetworkError::Lost(LinkFault::from(error));
    };
    match tls {
        Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
            match inner.downcast_ref::<Untrusted>() {
                Some(untrusted) => NetworkError::Certificate(untrusted.clone()),
                None => NetworkError::Tls(tls.to_string()),
            }
        }
        Error::InvalidMessage(_) => NetworkError::NotTls,
        other => NetworkError::Tls(other.to_string()),
    }
}

#[derive(Debug)]
enum Trust {
    System(Verifier),
    /// The system has no certificates of authorities: a bare container, for example. A key can still be pinned.
    Nobody,
    Pinned(Fingerprint),
}

#[derive(Debug)]
struct Judge {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let fingerprint = Fingerprint::of(&key);
        let fault = match &self.trust {
            Trust::Pinned(pinned) if *pinned == fingerprint => return Ok(ServerCertVerified::assertion()),
            Trust::Pinned(pinned) if *pinned == Fingerprint::of(end_entity) => CertificateFault::OfCertificate,
            Trust::Pinned(pinned) => CertificateFault::OtherKey { pinned: *pinned },
            Trust::Nobody => CertificateFault::UnknownIssuer,
            Trust::System(system) => {
                match system.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                    Ok(verified) => return Ok(verified),
                    Err(Error::InvalidCertificate(error)) => CertificateFault::from(&error),
                    Err(other) => CertificateFault::Other(other.to_string()),
                }
            }
        };
        let untrusted = Untrusted { fingerprint, fault };
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(untrusted)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl From<&CertificateError> for CertificateFault {
    fn from(error: &CertificateError) -> Self {
        use CertificateError as E;
        match error {
            E::UnknownIssuer => Self::UnknownIssuer,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::OtherName,
            E::Expired | E::ExpiredContext { .. } => Self::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotYetValid,
            E::Revoked => Self::Revoked,
            // A certificate that signs itself as an authority, as `openssl req -x509` makes it. rustls passes on the
            // error of its certificate library, which it does not export.
            E::Other(OtherError(inner)) if inner.to_string() == "CaUsedAsEndEntity" => Self::UnknownIssuer,
            other => Self::Other(other.to_string()),
        }
    }
}
